package cuda

import "onestep/kernels/cuda/asm"

// normKernel is a kernel being written, with what forward and backward share.
type normKernel struct {
	*asm.Kernel
	normVariant

	i, c, per, inSlab  asm.Reg // pixels, channels, channels of a group, groups of a slab
	slabs, slab, cols  divider // of the image; channels of a slab; its vectors
	rows, parts, chunk asm.Reg // as in [normPlan]
	last               asm.Reg // pixel that the last chunk begins at
	data, pitch        asm.Reg // as in [normLayout], and so half and span
	half, span         asm.Reg
	sums, part, table  asm.Reg // shared addresses

	images, slots []asm.Reg // global and shared addresses of the thread's first vector of each input image
	block         asm.Reg   // of all samples' slabs
	n, first      asm.Reg   // sample, first channel of the block
	tid, row      asm.Reg
	pixel, stride asm.Reg // bytes from pixel to pixel in global memory, and between a thread's pixels
	slot          asm.Reg // bytes between a thread's slots
}

// sizes declares the parameters that both directions end with.
func (k *normKernel) sizes() {
	k.i, k.c, k.per, k.inSlab = k.I32("i"), k.I32("c"), k.I32("per"), k.I32("in_slab")
	k.slabs, k.slab, k.cols = newDivider(k.Kernel, "slabs"), newDivider(k.Kernel, "slab"), newDivider(k.Kernel, "cols")
	k.rows, k.parts, k.chunk, k.last = k.I32("rows"), k.I32("parts"), k.I32("chunk"), k.I32("last")
	k.data, k.pitch, k.half, k.span = k.I32("data"), k.I32("pitch"), k.I32("half"), k.I32("span")
	k.sums, k.part, k.table = k.I32("sums"), k.I32("part"), k.I32("table")
}

// place computes where the thread's data are: inputs in global memory, and in shared memory.
func (k *normKernel) place(inputs ...asm.Reg) {
	k.tid, k.block = k.TID(), k.CTAID()
	n, slab := k.slabs.split(k.block)
	k.n, k.first = n, slab.Mul(k.slab.by)
	row, col := k.cols.split(k.tid)
	size := k.t.Size()
	k.pixel = k.c.Mul(size)
	k.stride = k.pixel.MulWide(k.rows)
	k.slot = k.rows.Mul(k.cols.by).Mul(k.width * size)
	at := k.n.Mul(k.i).Add(row).MulWide(k.pixel).Add(k.first.Add(col.Mul(k.width)).MulWide(size))
	shared := k.Dynamic(16)
	for j, x := range inputs {
		k.images = append(k.images, x.Add(at.As(asm.U64)))
		slot := k.tid.FMA(k.width*size, shared.As(asm.S32))
		if j > 0 {
			slot = slot.Add(k.data)
		}
		k.slots = append(k.slots, slot.As(asm.U32))
	}
	for _, at := range []*asm.Reg{&k.sums, &k.part, &k.table} {
		*at = shared.Add(at.As(asm.U32))
	}
	k.row = row.Lt(k.rows).Select(asm.S32, row, 1<<30) // threads that are left over have no pixels
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
	start := k.Var(asm.S32, k.last)
	k.Do(func() asm.Reg { return start.Ge(0) }, func() {
		k.If(start.Lt(k.last), func() {
			k.load(start)
			k.arrive()
		})
		body(start)
		k.Emit("sub.s32", start, start, k.chunk)
	})
}

// zeros are variables for the sums of a vector's channels.
func (k *normKernel) zeros() []asm.Reg { return variables(k.Kernel, k.width, 0) }

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
	for q, values := range sums {
		to := k.tid.FMA(4, k.sums.As(asm.S32)).As(asm.U32)
		for j, v := range values {
			if j > 0 {
				to = to.Add(k.pitch)
			}
			k.Store(asm.Shared, to, 0, v)
		}
		k.Barrier()
		k.For(k.tid, k.slab.by.Mul(k.parts), normThreads, func(s asm.Reg) {
			part, s := k.slab.split(s)
			inVector, col := k.cols.split(s)
			from := k.Var(asm.S32, inVector.FMA(k.pitch, part.FMA(k.cols.by, col).FMA(4, k.sums.As(asm.S32))))
			step := k.parts.Mul(k.cols.by).Mul(4)
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
	k.For(k.Warp(), k.inSlab, normThreads/32, body)
}

// statistic is the address of a group's mean or rstd.
func (k *normKernel) statistic(p, group asm.Reg) asm.Reg {
	return p.Index(k.block.FMA(k.inSlab, group), 4)
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
	_, col := k.cols.split(k.tid)
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
