package cuda

import "onestep/kernels/cuda/asm"

// normKernel is a kernel being written, with what forward and backward share.
type normKernel struct {
	*asm.Kernel
	normVariant

	images, slots    []asm.Reg // global and shared addresses of the thread's first vector of each input image
	n, first         asm.Reg   // sample, first channel of the block
	tid, row         asm.Reg
	i, c, per        asm.Reg
	cols, rows       asm.Reg
	slab             asm.Reg // channels
	half, span       asm.Reg // numbers between the first and the second halves of vectors in a table by channel, and from table to table
	parts, chunk     asm.Reg
	red, part, table asm.Reg // shared addresses: of sums by thread, of sums by part, of tables by channel
	pixel, stride    asm.Reg // bytes from pixel to pixel in global memory, and between a thread's pixels
	slot             asm.Reg // bytes between a thread's slots
}

// sizes declares the parameters that both directions end with.
func (k *normKernel) sizes() {
	k.i, k.c, k.per = k.I32("i"), k.I32("c"), k.I32("per")
	k.cols, k.rows, k.parts, k.chunk = k.I32("cols"), k.I32("rows"), k.I32("parts"), k.I32("chunk")
}

// place computes where the thread's data are: inputs in global memory, and in shared memory, as [normPlan.sharedBytes] counts it.
func (k *normKernel) place(inputs ...asm.Reg) {
	k.tid = k.TID()
	k.slab = k.cols.Mul(k.width)
	k.half, k.span = k.cols.Mul(4), k.slab
	if k.width == 8 { // where both halves would begin in the same bank, they begin in opposite ones
		gap := k.cols.And(7).Eq(0).Select(asm.S32, normGap, 0)
		k.half, k.span = k.half.Add(gap), k.span.Add(gap)
	}
	slabs := k.c.Div(k.slab)
	block := k.CTAID()
	k.n = block.Div(slabs)
	k.first = block.Sub(k.n.Mul(slabs)).Mul(k.slab)
	k.row = k.tid.Div(k.cols)
	col := k.tid.Sub(k.row.Mul(k.cols))
	size := k.t.Size()
	k.pixel = k.c.Mul(size)
	k.stride = k.pixel.MulWide(k.rows)
	k.slot = k.rows.Mul(k.cols).Mul(k.width * size)
	at := k.n.Mul(k.i).Add(k.row).MulWide(k.pixel).Add(k.first.Add(col.Mul(k.width)).MulWide(size))
	shared := k.Dynamic(16)
	data := k.chunk.Mul(k.slab).Mul(size).Add(15).And(-16)
	for _, x := range inputs {
		k.images = append(k.images, x.Add(at.As(asm.U64)))
		k.slots = append(k.slots, k.tid.FMA(k.width*size, shared.As(asm.S32)).As(asm.U32))
		shared = shared.Add(data)
	}
	k.red = shared
	k.part = shared.Add(k.pitch().Mul(k.width))
	k.table = k.part.Add(k.parts.Mul(k.span).Mul(4 * normSums))
	k.row = k.row.Lt(k.rows).Select(asm.S32, k.row, 1<<30) // threads that are left over have no pixels
}

// pixels runs body for each of the thread's pixels among those from start on that are in shared memory at a time, with the offset of the pixel
// in global memory, from that of the thread's first, and in shared memory.
func (k *normKernel) pixels(start asm.Reg, body func(global, slot asm.Reg)) {
	limit := k.i.Sub(start).Min(k.chunk)
	global := k.Var(asm.S64, start.MulWide(k.pixel))
	slot := k.Var(asm.S32, 0)
	k.For(k.row, limit, k.rows, func(asm.Reg) {
		body(global, slot)
		k.Emit("add.s64", global, global, k.stride)
		k.Emit("add.s32", slot, slot, k.slot)
	})
}

// load copies a chunk to the thread's slots.
func (k *normKernel) load(start asm.Reg) {
	k.pixels(start, func(global, slot asm.Reg) {
		for j, x := range k.images {
			from, to := x.Add(global), k.slots[j].Add(slot)
			if k.copies() {
				k.CopyAsync(to, 0, from, 0, k.width*k.t.Size(), nil)
			} else {
				k.Store(asm.Shared, to, 0, k.Load(asm.Global, asm.F16, from, 0))
			}
		}
	})
	if k.copies() {
		k.CommitCopies()
	}
}

// copies says whether vectors are copied asynchronously, for which single halves are too small.
func (k *normKernel) copies() bool { return k.width*k.t.Size() > 2 }

// vector reads image j of a pixel from its slot.
func (k *normKernel) vector(j int, slot asm.Reg) []asm.Reg {
	return loadFloats(k.Kernel, asm.Shared, k.t, k.width, k.slots[j].Add(slot), 0)
}

// arrive waits for what load copies.
func (k *normKernel) arrive() {
	if k.copies() {
		k.WaitCopies(0)
	}
}

// chunks runs body for every chunk upwards, which it has in shared memory; the first is there.
func (k *normKernel) chunks(body func(start asm.Reg)) {
	k.Repeat(0, k.i, k.chunk, func(start asm.Reg) {
		k.If(start.Gt(0), func() {
			k.load(start)
			k.arrive()
		})
		body(start)
	})
}

// again runs body for every chunk downwards, from the last, which is in shared memory.
func (k *normKernel) again(body func(start asm.Reg)) {
	last := k.i.Sub(1).Div(k.chunk).Mul(k.chunk)
	start := k.Var(asm.S32, last)
	k.Do(func() asm.Reg { return start.Ge(0) }, func() {
		k.If(start.Lt(last), func() {
			k.load(start)
			k.arrive()
		})
		body(start)
		k.Emit("sub.s32", start, start, k.chunk)
	})
}

// zeros are variables for the sums of a vector's channels.
func (k *normKernel) zeros() []asm.Reg { return variables(k.Kernel, k.width, 0) }

// pitch is the bytes between the sums of all threads of a vector's neighbouring channels: 32 lanes with neighbouring columns, channels of a vector
// and parts meet no bank twice.
func (k *normKernel) pitch() asm.Reg { return k.cols.Max(32 / k.width).Add(normThreads).Mul(4) }

// reduce adds every thread's sums of its channels to sums by channel and part, which channel reads after a barrier. A thread of the second step
// has one channel and the threads with row ≡ part (mod parts).
func (k *normKernel) reduce(sums ...[]asm.Reg) {
	if k.width == 1 { // as many parts as rows: a thread's sum is that of a channel and part
		k.If(k.row.Lt(k.rows), func() {
			for q, values := range sums {
				k.Store(asm.Shared, k.part.Index(k.parts.Mul(q).FMA(k.span, k.tid), 4), 0, values[0])
			}
		})
		k.Barrier()
		return
	}
	pitch := k.pitch()
	for q, values := range sums {
		to := k.tid.FMA(4, k.red.As(asm.S32)).As(asm.U32)
		for j, v := range values {
			if j > 0 {
				to = to.Add(pitch)
			}
			k.Store(asm.Shared, to, 0, v)
		}
		k.Barrier()
		k.For(k.tid, k.slab.Mul(k.parts), normThreads, func(s asm.Reg) {
			part := s.Div(k.slab)
			s = s.Sub(part.Mul(k.slab))
			inVector := s.Div(k.cols)
			col := s.Sub(inVector.Mul(k.cols))
			from := k.Var(asm.S32, inVector.FMA(pitch, part.FMA(k.cols, col).FMA(4, k.red.As(asm.S32))))
			step := k.parts.Mul(k.cols).Mul(4)
			sum := k.Var(asm.F32, 0)
			k.For(part, k.rows, k.parts, func(asm.Reg) {
				sum.Set(sum.Add(k.Load(asm.Shared, asm.F32, from.As(asm.U32), 0)))
				k.Emit("add.s32", from, from, step)
			})
			channel := k.order(col.FMA(k.width, inVector))
			k.Store(asm.Shared, k.part.Index(part.Add(k.parts.Mul(q)).FMA(k.span, channel), 4), 0, sum)
		})
		k.Barrier()
	}
}

// sum is sum q of a channel of the slab, over the parts.
func (k *normKernel) sum(q int, channel asm.Reg) asm.Reg {
	from := k.Var(asm.S32, k.parts.Mul(q).FMA(k.span, k.order(channel)).FMA(4, k.part.As(asm.S32)))
	sum := k.Var(asm.F32, 0)
	k.For(0, k.parts, 1, func(asm.Reg) {
		sum.Set(sum.Add(k.Load(asm.Shared, asm.F32, from.As(asm.U32), 0)))
		k.Emit("add.s32", from, from, k.span.Shl(2))
	})
	return sum
}

// groups runs body with each group of the slab in one warp.
func (k *normKernel) groups(body func(group asm.Reg)) {
	k.For(k.Warp(), k.slab.Div(k.per), normThreads/32, body)
}

// channels spreads a group's channels over a warp: local counts from the slab's first.
func (k *normKernel) channels(group asm.Reg, body func(local, channel asm.Reg)) {
	first := group.Mul(k.per)
	k.For(k.Lane(), k.per, 32, func(i asm.Reg) {
		local := first.Add(i)
		body(local, k.first.Add(local))
	})
}

// order is the place of a channel in tables and sums: the first halves of all vectors of 8 before the second halves, so that lanes with
// neighbouring columns read 16 bytes each without conflict, and the halves of a group's vectors do not meet in a bank.
func (k *normKernel) order(local asm.Reg) asm.Reg {
	if k.width < 8 {
		return local
	}
	half := local.Shr(2).And(1)
	return half.FMA(k.half, local.Shr(3).FMA(4, local.And(3)))
}

// entry is the address of a channel's number in table i.
func (k *normKernel) entry(i int, local asm.Reg) asm.Reg {
	return k.table.Index(k.order(local).Add(k.span.Mul(i)), 4)
}

func (k *normKernel) set(i int, local, x asm.Reg) { k.Store(asm.Shared, k.entry(i, local), 0, x) }
func (k *normKernel) get(i int, local asm.Reg) asm.Reg {
	return k.Load(asm.Shared, asm.F32, k.entry(i, local), 0)
}

// constants reads table i at the thread's channels.
func (k *normKernel) constants(i int) []asm.Reg {
	col := k.tid.Rem(k.cols)
	at := k.table.Index(k.span.Mul(i).Add(col.Mul(min(4, k.width))), 4)
	var rs []asm.Reg
	for j := 0; j < k.width; j += 4 {
		if j > 0 {
			at = at.Add(k.half.Mul(4))
		}
		rs = append(rs, loadFloats(k.Kernel, asm.Shared, asm.F32, min(4, k.width), at, 0)...)
	}
	return rs
}

// optional is an element of a buffer that may be missing, else 0.
func (k *normKernel) optional(p, i asm.Reg) asm.Reg {
	x := k.Var(asm.F32, 0)
	k.If(p.Ne(0), func() { k.Emit("ld.global.f32", x, asm.Addr{Base: p.Index(i, 4)}) })
	return x
}

// image is the address of the thread's first vector in y, which has the shape of the first input, x.
func (k *normKernel) image(y, x asm.Reg) asm.Reg { return y.Add(k.images[0].Sub(x)) }
