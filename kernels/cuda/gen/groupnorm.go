package main

import "onestep/kernels/cuda/ptx/build"

func init() { files["groupnorm.ptx"] = groupNorm }

func groupNorm() *build.File {
	f := build.NewFile(`groupnorm.ptx: group normalisation with addend, scale, shift and SiLU, and its gradient.
A block of 256 threads has a slab of whole groups of one sample: cols vectors of 16 bytes at each of I pixels. Thread t has the vectors of column
t % cols at the pixels t/cols, t/cols + rows, ... and copies them to its own slots in shared memory, where they stay if all pixels of the slab fit:
then x is read once, y written once. A larger slab goes through in chunks that are read again for the last step, the last chunk first.
Statistics: the mean of the first chunk, then sum and squares of the deviations from it. Sums over pixels have a fixed order: a thread's pixels,
threads of the same column, channels of the group. Kernels named _1 have one element in place of a vector.`)
	for _, t := range []build.Type{build.F32, build.F16} {
		for _, width := range []int{16 / t.Size(), 1} {
			for _, silu := range []bool{false, true} {
				name := t.String()
				if silu {
					name += "_silu"
				}
				if width == 1 {
					name += "_1"
				}
				groupNormForward(f, name, t, width, silu)
				groupNormBackward(f, name, t, width, silu)
			}
		}
	}
	groupNormSum(f)
	return f
}

const normThreads = 256

// norm is a kernel with what forward and backward share.
type norm struct {
	*build.Kernel
	t     build.Type
	width int
	silu  bool

	images, slots    []build.Reg // global and shared addresses of the thread's first vector of each input image
	n, first         build.Reg   // sample, first channel of the block
	tid, row         build.Reg
	i, c, per        build.Reg
	cols, rows       build.Reg
	slab             build.Reg // channels
	half, span       build.Reg // numbers between the first and the second halves of vectors in a table by channel, and from table to table
	parts, chunk     build.Reg
	red, part, table build.Reg // shared addresses: of sums by thread, of sums by part, of tables by channel
	pixel, stride    build.Reg // bytes from pixel to pixel in global memory, and between a thread's pixels
	slot             build.Reg // bytes between a thread's slots
}

// sizes declares the parameters that both directions end with.
func (k *norm) sizes() {
	k.i, k.c, k.per = k.I32("i"), k.I32("c"), k.I32("per")
	k.cols, k.rows, k.parts, k.chunk = k.I32("cols"), k.I32("rows"), k.I32("parts"), k.I32("chunk")
}

// place computes where the thread's data are: inputs in global memory, and in shared memory, whose layout is that of the plan on the host.
func (k *norm) place(inputs ...build.Reg) {
	k.tid = k.TID()
	k.slab = k.cols.Mul(k.width)
	k.half, k.span = k.cols.Mul(4), k.slab
	if k.width == 8 { // where both halves would begin in the same bank, they begin in opposite ones
		gap := k.cols.And(7).Eq(0).Select(build.S32, 16, 0)
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
		k.images = append(k.images, x.Add(at.As(build.U64)))
		k.slots = append(k.slots, k.tid.FMA(k.width*size, shared.As(build.S32)).As(build.U32))
		shared = shared.Add(data)
	}
	k.red = shared
	k.part = shared.Add(k.pitch().Mul(k.width))
	k.table = k.part.Add(k.parts.Mul(k.span).Mul(4 * 3))
	k.row = k.row.Lt(k.rows).Select(build.S32, k.row, 1<<30) // threads that are left over have no pixels
}

// pixels runs body for each of the thread's pixels among those from start on that are in shared memory at a time, with the offset of the pixel
// in global memory, from that of the thread's first, and in shared memory.
func (k *norm) pixels(start build.Reg, body func(global, slot build.Reg)) {
	limit := k.i.Sub(start).Min(k.chunk)
	global := k.Var(build.S64, start.MulWide(k.pixel))
	slot := k.Var(build.S32, 0)
	k.For(k.row, limit, k.rows, func(build.Reg) {
		body(global, slot)
		k.Emit("add.s64", global, global, k.stride)
		k.Emit("add.s32", slot, slot, k.slot)
	})
}

// load copies a chunk to the thread's slots.
func (k *norm) load(start build.Reg) {
	k.pixels(start, func(global, slot build.Reg) {
		for j, x := range k.images {
			from, to := x.Add(global), k.slots[j].Add(slot)
			if k.copies() {
				k.CopyAsync(to, 0, from, 0, k.width*k.t.Size(), nil)
			} else {
				k.Store(build.Shared, to, 0, k.Load(build.Global, build.F16, from, 0))
			}
		}
	})
	if k.copies() {
		k.CommitCopies()
	}
}

// copies says whether vectors are copied asynchronously, for which single halves are too small.
func (k *norm) copies() bool { return k.width*k.t.Size() > 2 }

// vector reads image j of a pixel from its slot.
func (k *norm) vector(j int, slot build.Reg) []build.Reg {
	return loadFloats(k.Kernel, build.Shared, k.t, k.width, k.slots[j].Add(slot), 0)
}

// arrive waits for what load copies.
func (k *norm) arrive() {
	if k.copies() {
		k.WaitCopies(0)
	}
}

// chunks runs body for every chunk upwards, which it has in shared memory; the first is there.
func (k *norm) chunks(body func(start build.Reg)) {
	k.Repeat(0, k.i, k.chunk, func(start build.Reg) {
		k.If(start.Gt(0), func() {
			k.load(start)
			k.arrive()
		})
		body(start)
	})
}

// again runs body for every chunk downwards, from the last, which is in shared memory.
func (k *norm) again(body func(start build.Reg)) {
	last := k.i.Sub(1).Div(k.chunk).Mul(k.chunk)
	start := k.Var(build.S32, last)
	k.Do(func() build.Reg { return start.Ge(0) }, func() {
		k.If(start.Lt(last), func() {
			k.load(start)
			k.arrive()
		})
		body(start)
		k.Emit("sub.s32", start, start, k.chunk)
	})
}

// zeros are variables for the sums of a vector's channels.
func (k *norm) zeros() []build.Reg { return variables(k.Kernel, k.width, 0) }

// pitch is the bytes between the sums of all threads of a vector's neighbouring channels: 32 lanes with neighbouring columns, channels of a vector
// and parts meet no bank twice.
func (k *norm) pitch() build.Reg { return k.cols.Max(32 / k.width).Add(normThreads).Mul(4) }

// reduce adds every thread's sums of its channels to sums by channel and part, which channel reads after a barrier. A thread of the second step
// has one channel and the threads with row ≡ part (mod parts).
func (k *norm) reduce(sums ...[]build.Reg) {
	if k.width == 1 { // as many parts as rows: a thread's sum is that of a channel and part
		k.If(k.row.Lt(k.rows), func() {
			for q, values := range sums {
				k.Store(build.Shared, k.part.Index(k.parts.Mul(q).FMA(k.span, k.tid), 4), 0, values[0])
			}
		})
		k.Barrier()
		return
	}
	pitch := k.pitch()
	for q, values := range sums {
		to := k.tid.FMA(4, k.red.As(build.S32)).As(build.U32)
		for j, v := range values {
			if j > 0 {
				to = to.Add(pitch)
			}
			k.Store(build.Shared, to, 0, v)
		}
		k.Barrier()
		k.For(k.tid, k.slab.Mul(k.parts), normThreads, func(s build.Reg) {
			part := s.Div(k.slab)
			s = s.Sub(part.Mul(k.slab))
			inVector := s.Div(k.cols)
			col := s.Sub(inVector.Mul(k.cols))
			from := k.Var(build.S32, inVector.FMA(pitch, part.FMA(k.cols, col).FMA(4, k.red.As(build.S32))))
			step := k.parts.Mul(k.cols).Mul(4)
			sum := k.Var(build.F32, 0)
			k.For(part, k.rows, k.parts, func(build.Reg) {
				sum.Set(sum.Add(k.Load(build.Shared, build.F32, from.As(build.U32), 0)))
				k.Emit("add.s32", from, from, step)
			})
			channel := k.order(col.FMA(k.width, inVector))
			k.Store(build.Shared, k.part.Index(part.Add(k.parts.Mul(q)).FMA(k.span, channel), 4), 0, sum)
		})
		k.Barrier()
	}
}

// sum is sum q of a channel of the slab, over the parts.
func (k *norm) sum(q int, channel build.Reg) build.Reg {
	from := k.Var(build.S32, k.parts.Mul(q).FMA(k.span, k.order(channel)).FMA(4, k.part.As(build.S32)))
	sum := k.Var(build.F32, 0)
	k.For(0, k.parts, 1, func(build.Reg) {
		sum.Set(sum.Add(k.Load(build.Shared, build.F32, from.As(build.U32), 0)))
		k.Emit("add.s32", from, from, k.span.Shl(2))
	})
	return sum
}

// groups runs body with each group of the slab in one warp.
func (k *norm) groups(body func(group build.Reg)) {
	k.For(k.Warp(), k.slab.Div(k.per), normThreads/32, body)
}

// channels spreads a group's channels over a warp: local counts from the slab's first.
func (k *norm) channels(group build.Reg, body func(local, channel build.Reg)) {
	first := group.Mul(k.per)
	k.For(k.Lane(), k.per, 32, func(i build.Reg) {
		local := first.Add(i)
		body(local, k.first.Add(local))
	})
}

// order is the place of a channel in tables and sums: the first halves of all vectors of 8 before the second halves, so that lanes with
// neighbouring columns read 16 bytes each without conflict, and the halves of a group's vectors do not meet in a bank.
func (k *norm) order(local build.Reg) build.Reg {
	if k.width < 8 {
		return local
	}
	half := local.Shr(2).And(1)
	return half.FMA(k.half, local.Shr(3).FMA(4, local.And(3)))
}

// entry is the address of a channel's number in table i.
func (k *norm) entry(i int, local build.Reg) build.Reg {
	return k.table.Index(k.order(local).Add(k.span.Mul(i)), 4)
}

func (k *norm) set(i int, local, x build.Reg) { k.Store(build.Shared, k.entry(i, local), 0, x) }
func (k *norm) get(i int, local build.Reg) build.Reg {
	return k.Load(build.Shared, build.F32, k.entry(i, local), 0)
}

// constants reads table i at the thread's channels.
func (k *norm) constants(i int) []build.Reg {
	col := k.tid.Rem(k.cols)
	at := k.table.Index(k.span.Mul(i).Add(col.Mul(min(4, k.width))), 4)
	var rs []build.Reg
	for j := 0; j < k.width; j += 4 {
		if j > 0 {
			at = at.Add(k.half.Mul(4))
		}
		rs = append(rs, loadFloats(k.Kernel, build.Shared, build.F32, min(4, k.width), at, 0)...)
	}
	return rs
}

// optional is an element of a buffer that may be missing, else 0.
func (k *norm) optional(p, i build.Reg) build.Reg {
	x := k.Var(build.F32, 0)
	k.If(p.Ne(0), func() { k.Emit("ld.global.f32", x, build.Addr{Base: p.Index(i, 4)}) })
	return x
}

// total adds x over the lanes of a warp.
func total(x build.Reg) build.Reg {
	return x.WarpReduce(func(a, b build.Reg) build.Reg { return a.Add(b) })
}

// difference is a − b as the sum of two float32 numbers (Knuth's TwoDiff).
func difference(a, b build.Reg) (hi, lo build.Reg) {
	hi = a.Sub(b)
	bb := hi.Sub(a)
	lo = a.Sub(hi.Sub(bb)).Sub(b.Add(bb))
	return hi, lo
}

// The tables by channel of a slab. The deviation of v = x + add from a mean m is x − hi − lo, where hi + lo = m − add; z = (x−hi)·gain + bias is
// what the activation is applied to, and dx = g·gain + (x−hi)·slope + level.
const (
	tableHi = iota
	tableLo
	tableGain
	tableBias
	tableSlope
	tableLevel
	tableMean = tableSlope // of the first chunk, by group; forward has no slope
)

func groupNormForward(f *build.File, name string, t build.Type, width int, silu bool) {
	k := &norm{Kernel: f.Kernel("groupnorm_"+name, normThreads), t: t, width: width, silu: silu}
	y, mean, rstd, x, add := k.Ptr("y"), k.Ptr("mean"), k.Ptr("rstd"), k.Ptr("x"), k.Ptr("add")
	w, b, scale, shift, stride, eps := k.Ptr("w"), k.Ptr("b"), k.Ptr("scale"), k.Ptr("shift"), k.I32("stride"), k.F32("eps")
	k.sizes()
	k.place(x)

	k.Comment("the mean of the first chunk")
	first := k.Const(build.S32, 0)
	k.load(first)
	k.arrive()
	sums := k.zeros()
	k.pixels(first, func(_, slot build.Reg) {
		for j, v := range k.vector(0, slot) {
			sums[j].Set(sums[j].Add(v))
		}
	})
	k.reduce(sums)
	pixels := k.i.Min(k.chunk).To(build.F32)
	per := k.per.To(build.F32)
	addend := func(channel build.Reg) build.Reg { return k.optional(add, k.n.FMA(k.c, channel)) }
	k.groups(func(group build.Reg) {
		sum := k.Var(build.F32, 0)
		k.channels(group, func(local, channel build.Reg) {
			sum.Set(sum.Add(addend(channel).FMA(pixels, k.sum(0, local))))
		})
		m := total(sum).Div(pixels.Mul(per))
		k.channels(group, func(local, channel build.Reg) {
			hi, lo := difference(m, addend(channel))
			k.set(tableHi, local, hi)
			k.set(tableLo, local, lo)
		})
		k.If(k.Lane().Eq(0), func() { k.set(tableMean, group, m) })
	})
	k.Barrier()

	k.Comment("sum and squares of the deviations from it")
	hi := k.constants(tableHi)
	sums, squares := k.zeros(), k.zeros()
	k.chunks(func(start build.Reg) {
		k.pixels(start, func(_, slot build.Reg) {
			for j, v := range k.vector(0, slot) {
				d := v.Sub(hi[j])
				sums[j].Set(sums[j].Add(d))
				squares[j].Set(d.FMA(d, squares[j]))
			}
		})
	})
	k.reduce(sums, squares)
	all := k.i.To(build.F32)
	k.groups(func(group build.Reg) {
		sum, square := k.Var(build.F32, 0), k.Var(build.F32, 0)
		k.channels(group, func(local, channel build.Reg) {
			lo := k.get(tableLo, local)
			raw := k.sum(0, local)
			s := lo.Neg().FMA(all, raw) // of x − hi − lo
			sum.Set(sum.Add(s))
			square.Set(square.Add(lo.Neg().FMA(raw.Add(s), k.sum(1, local))))
		})
		count := all.Mul(per)
		delta := total(sum).Div(count)
		variance := delta.Neg().FMA(delta, total(square).Div(count)).Max(0)
		r := variance.Add(eps).Sqrt().Rcp()
		at := k.n.FMA(k.c.Div(k.per), k.first.Div(k.per).Add(group))
		k.If(k.Lane().Eq(0), func() {
			k.Store(build.Global, mean.Index(at, 4), 0, k.get(tableMean, group).Add(delta))
			k.Store(build.Global, rstd.Index(at, 4), 0, r)
		})
		k.channels(group, func(local, channel build.Reg) {
			gain, bias := k.affine(channel, w, b, scale, shift, stride)
			gain = gain.Mul(r)
			k.set(tableGain, local, gain)
			k.set(tableBias, local, k.get(tableLo, local).Add(delta).Neg().FMA(gain, bias))
		})
	})
	k.Barrier()

	k.Comment("y")
	gain, bias := k.constants(tableGain), k.constants(tableBias)
	to := k.image(y, x)
	k.again(func(start build.Reg) {
		k.pixels(start, func(global, slot build.Reg) {
			xs := k.vector(0, slot)
			for j, v := range xs {
				z := v.Sub(hi[j]).FMA(gain[j], bias[j])
				if silu {
					z = z.Mul(sigmoid(z, t))
				}
				xs[j] = z
			}
			storeFloats(k.Kernel, build.Global, t, to.Add(global), 0, xs)
		})
	})
}

// image is the address of the thread's first vector in y, which has the shape of the first input, x.
func (k *norm) image(y, x build.Reg) build.Reg { return y.Add(k.images[0].Sub(x)) }

// affine is the map from h to z, z = h·gain + bias = (h·w + b)·(1 + scale) + shift, of a channel.
func (k *norm) affine(channel, w, b, scale, shift, stride build.Reg) (gain, bias build.Reg) {
	at := k.n.FMA(stride, channel)
	factor := k.optional(scale, at).Add(1)
	gain = k.Load(build.Global, build.F32, w.Index(channel, 4), 0).Mul(factor)
	bias = k.Load(build.Global, build.F32, b.Index(channel, 4), 0).FMA(factor, k.optional(shift, at))
	return gain, bias
}

func groupNormBackward(f *build.File, name string, t build.Type, width int, silu bool) {
	k := &norm{Kernel: f.Kernel("groupnorm_backward_"+name, normThreads), t: t, width: width, silu: silu}
	k.MinBlocks(2)
	dx, dw, db, dadd, dscale, dshift := k.Ptr("dx"), k.Ptr("dw"), k.Ptr("db"), k.Ptr("dadd"), k.Ptr("dscale"), k.Ptr("dshift")
	dy, x, mean, rstd, add := k.Ptr("dy"), k.Ptr("x"), k.Ptr("mean"), k.Ptr("rstd"), k.Ptr("add")
	w, b, scale, shift, stride := k.Ptr("w"), k.Ptr("b"), k.Ptr("scale"), k.Ptr("shift"), k.I32("stride")
	others := []*besides{newBesides(k, "e"), newBesides(k, "f")}
	k.sizes()
	k.place(x, dy)

	k.load(k.Const(build.S32, 0))
	statistic := func(p, group build.Reg) build.Reg {
		return k.Load(build.Global, build.F32, p.Index(k.n.FMA(k.c.Div(k.per), k.first.Div(k.per).Add(group)), 4), 0)
	}
	k.groups(func(group build.Reg) {
		m, r := statistic(mean, group), statistic(rstd, group)
		k.channels(group, func(local, channel build.Reg) {
			hi, lo := difference(m, k.optional(add, k.n.FMA(k.c, channel)))
			gain, bias := k.affine(channel, w, b, scale, shift, stride)
			gain = gain.Mul(r)
			k.set(tableHi, local, hi)
			k.set(tableLo, local, lo)
			k.set(tableGain, local, gain)
			k.set(tableBias, local, lo.Neg().FMA(gain, bias))
		})
	})
	k.Barrier()

	k.Comment("by channel: the sums of g, the gradient at z, of g*(x-hi), and of x-hi")
	hi, gain, bias := k.constants(tableHi), k.constants(tableGain), k.constants(tableBias)
	gradient := func(d, g build.Reg, j int) build.Reg {
		if !silu {
			return g
		}
		return g.Mul(siluSlope(d.FMA(gain[j], bias[j]), t))
	}
	sumG, sumGD, sumD := k.zeros(), k.zeros(), k.zeros()
	k.arrive()
	k.chunks(func(start build.Reg) {
		k.pixels(start, func(_, slot build.Reg) {
			xs, gs := k.vector(0, slot), k.vector(1, slot)
			for j := range xs {
				d := xs[j].Sub(hi[j])
				g := gradient(d, gs[j], j)
				sumG[j].Set(sumG[j].Add(g))
				sumGD[j].Set(g.FMA(d, sumGD[j]))
				sumD[j].Set(sumD[j].Add(d))
			}
		})
	})
	k.reduce(sumG, sumGD, sumD)
	all := k.i.To(build.F32)
	count := all.Mul(k.per.To(build.F32))
	k.groups(func(group build.Reg) {
		r := statistic(rstd, group)
		// of a channel: the sums of g and of g·h
		channelSums := func(local build.Reg) (g, gh, lo build.Reg) {
			lo = k.get(tableLo, local)
			g = k.sum(0, local)
			return g, lo.Neg().FMA(g, k.sum(1, local)).Mul(r), lo
		}
		p, ph := k.Var(build.F32, 0), k.Var(build.F32, 0) // p is the gradient at h, g·gain/r
		k.channels(group, func(local, channel build.Reg) {
			g, gh, _ := channelSums(local)
			gain, _ := k.affine(channel, w, b, scale, shift, stride)
			p.Set(gain.FMA(g, p))
			ph.Set(gain.FMA(gh, ph))
		})
		meanP, meanPH := total(p).Div(count), total(ph).Div(count)
		k.channels(group, func(local, channel build.Reg) {
			g, gh, lo := channelSums(local)
			factor := k.optional(scale, k.n.FMA(stride, channel)).Add(1)
			weight := k.Load(build.Global, build.F32, w.Index(channel, 4), 0)
			at := k.n.FMA(k.c, channel)
			k.Store(build.Global, dw.Index(at, 4), 0, gh.Mul(factor))
			k.Store(build.Global, db.Index(at, 4), 0, g.Mul(factor))
			k.If(dscale.Ne(0), func() {
				at := k.n.FMA(stride, channel)
				k.Store(build.Global, dscale.Index(at, 4), 0, weight.FMA(gh, g.Mul(k.Load(build.Global, build.F32, b.Index(channel, 4), 0))))
				k.Store(build.Global, dshift.Index(at, 4), 0, g)
			})
			k.If(dadd.Ne(0), func() {
				h := lo.Neg().FMA(all, k.sum(2, local)).Mul(r)
				of := weight.Mul(factor).FMA(g, meanP.Neg().Mul(all))
				k.Store(build.Global, dadd.Index(at, 4), 0, meanPH.Neg().FMA(h, of).Mul(r))
			})
			slope := r.Mul(r).Mul(meanPH).Neg()
			k.set(tableSlope, local, slope)
			k.set(tableLevel, local, lo.Neg().FMA(slope, r.Mul(meanP).Neg()))
		})
	})
	k.Barrier()

	k.Comment("dx")
	slope, level := k.constants(tableSlope), k.constants(tableLevel)
	to := k.image(dx, x)
	for _, o := range others {
		o.place()
	}
	k.again(func(start build.Reg) {
		for _, o := range others {
			o.begin(start)
		}
		k.pixels(start, func(global, slot build.Reg) {
			for _, o := range others {
				o.load()
			}
			xs, gs := k.vector(0, slot), k.vector(1, slot)
			for j := range xs {
				d := xs[j].Sub(hi[j])
				xs[j] = gradient(d, gs[j], j).FMA(gain[j], d.FMA(slope[j], level[j]))
			}
			for _, o := range others {
				o.add(xs)
			}
			storeFloats(k.Kernel, build.Global, t, to.Add(global), 0, xs)
		})
	})
}

// besides is a gradient that reaches x by another way and may be missing: scale times as many channels of pixels that are width apart.
type besides struct {
	*norm
	p, scale, width build.Reg
	given           build.Reg
	at, step        build.Reg   // address of the thread's vector, bytes between its pixels
	words           []build.Reg // the vector that was loaded
}

func newBesides(k *norm, name string) *besides {
	return &besides{norm: k, p: k.Ptr(name), scale: k.F32(name + "_scale"), width: k.I32(name + "_width")}
}

// place finds the thread's first vector.
func (o *besides) place() {
	o.given = o.p.Ne(0)
	size := o.t.Size()
	o.step = o.width.Mul(size).MulWide(o.rows)
	o.at = o.New(build.U64)
}

// begin goes to the thread's first pixel among those from start on.
func (o *besides) begin(start build.Reg) {
	size := o.t.Size()
	row := o.tid.Div(o.cols)
	col := o.tid.Sub(row.Mul(o.cols))
	pixel := o.n.FMA(o.i, start.Add(row))
	o.at.Set(o.p.Add(pixel.MulWide(o.width.Mul(size)).Add(o.first.Add(col.Mul(o.norm.width)).MulWide(size)).As(build.U64)))
}

// load reads a pixel's vector, zeros where there is none, and goes on to the next pixel.
func (o *besides) load() {
	o.words = chunk{o.t, o.norm.width}.wordsIf(o.Kernel, o.given, o.at)
	o.Emit("add.s64", o.at, o.at, o.step)
}

// add adds what load read to variables.
func (o *besides) add(xs []build.Reg) {
	o.If(o.given, func() {
		for j, v := range (chunk{o.t, o.norm.width}).floats(o.Kernel, o.words) {
			xs[j].Set(v.FMA(o.scale, xs[j]))
		}
	})
}

// groupNormSum adds the samples' shares of dw and db: y[c] = sum over n of x[n,c], for the buffers dw (blocks y = 0) and db (y = 1). A block has
// 32 channels; warp j adds the samples j, j+32, ...
func groupNormSum(f *build.File) {
	const threads = 1024
	k := f.Kernel("groupnorm_sum", threads)
	dw, db, dws, dbs, n, c := k.Ptr("dw"), k.Ptr("db"), k.Ptr("dws"), k.Ptr("dbs"), k.I32("n"), k.I32("c")
	first := k.CTAIDY().Eq(0)
	y, x := first.Select(build.U64, dw, db), first.Select(build.U64, dws, dbs)
	lane, warp := k.Lane(), k.Warp()
	channel := k.CTAID().FMA(32, lane)
	sums := k.Shared("sums", threads*4, 4)
	sum := k.Var(build.F32, 0)
	inside := channel.Lt(c)
	k.If(inside, func() {
		k.For(warp, n, threads/32, func(i build.Reg) {
			sum.Set(sum.Add(k.Load(build.Global, build.F32, x.Index(i.FMA(c, channel), 4), 0)))
		})
	})
	k.Store(build.Shared, sums.Index(k.TID(), 4), 0, sum)
	k.Barrier()
	k.Exit(inside.And(warp.Eq(0)).Not())
	for j := 1; j < threads/32; j++ {
		sum.Set(sum.Add(k.Load(build.Shared, build.F32, sums.Index(lane, 4), 128*j)))
	}
	k.Store(build.Global, y.Index(channel, 4), 0, sum)
}
