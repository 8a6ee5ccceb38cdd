package cuda

import "onestep/kernels/cuda/asm"

// normBackward is the gradient's kernel being written.
type normBackward struct {
	*normKernel
	dw, db, dadd, dscale, dshift        asm.Reg // parameters
	mean, rstd, add, w, b, scale, shift asm.Reg
	stride                              asm.Reg
	hi, gain, bias                      []asm.Reg // of the thread's channels
}

func writeGroupNormBackward(kernel *asm.Kernel, v normVariant) {
	k := &normBackward{normKernel: &normKernel{Kernel: kernel, normVariant: v}}
	k.MinBlocks(2)
	dx := k.Ptr("dx")
	k.dw, k.db, k.dadd, k.dscale, k.dshift = k.Ptr("dw"), k.Ptr("db"), k.Ptr("dadd"), k.Ptr("dscale"), k.Ptr("dshift")
	dy, x := k.Ptr("dy"), k.Ptr("x")
	k.mean, k.rstd, k.add = k.Ptr("mean"), k.Ptr("rstd"), k.Ptr("add")
	k.w, k.b, k.scale, k.shift, k.stride = k.Ptr("w"), k.Ptr("b"), k.Ptr("scale"), k.Ptr("shift"), k.I32("stride")
	others := []*otherGradient{newOtherGradient(k.normKernel, "e"), newOtherGradient(k.normKernel, "f")}
	k.sizes()
	k.place(x, dy)

	k.load(k.Const(asm.S32, 0))
	k.groups(k.before)
	k.Barrier()

	k.Comment("by channel: the sums of g, the gradient at z, of g*(x-hi), and of x-hi")
	k.hi, k.gain, k.bias = k.constants(tableHi), k.constants(tableGain), k.constants(tableBias)
	sumG, sumGD, sumD := k.zeros(), k.zeros(), k.zeros()
	k.arrive()
	k.chunks(func(start asm.Reg) {
		k.pixels(start, func(_, slot asm.Reg) {
			xs, gs := k.vector(0, slot), k.vector(1, slot)
			for j := range xs {
				d := xs[j].Sub(k.hi[j])
				g := k.gradient(d, gs[j], j)
				sumG[j].Set(sumG[j].Add(g))
				sumGD[j].Set(g.FMA(d, sumGD[j]))
				sumD[j].Set(sumD[j].Add(d))
			}
		})
	})
	k.reduce(sumG, sumGD, sumD)
	all := k.i.To(asm.F32)
	count := all.Mul(k.per.To(asm.F32))
	k.groups(func(group asm.Reg) { k.after(group, all, count) })
	k.Barrier()

	k.Comment("dx")
	slope, level := k.constants(tableSlope), k.constants(tableLevel)
	to := k.image(dx, x)
	for _, o := range others {
		o.place()
	}
	k.again(func(start asm.Reg) {
		for _, o := range others {
			o.begin(start)
		}
		k.pixels(start, func(global, slot asm.Reg) {
			for _, o := range others {
				o.load()
			}
			xs, gs := k.vector(0, slot), k.vector(1, slot)
			for j := range xs {
				d := xs[j].Sub(k.hi[j])
				xs[j] = k.gradient(d, gs[j], j).FMA(k.gain[j], d.FMA(slope[j], level[j]))
			}
			for _, o := range others {
				o.add(xs)
			}
			storeFloats(k.Kernel, asm.Global, v.t, to.Add(global), 0, xs)
		})
	})
}

// gradient is that at z, of a deviation d of the thread's j-th channel and the gradient at y.
func (k *normBackward) gradient(d, dy asm.Reg, j int) asm.Reg {
	if !k.silu {
		return dy
	}
	return dy.Mul(siluSlope(d.FMA(k.gain[j], k.bias[j]), k.t))
}

// before fills the tables that z and its gradient are computed from, for a group.
func (k *normBackward) before(group asm.Reg) {
	m, r := k.Load(asm.Global, asm.F32, k.statistic(k.mean, group), 0), k.Load(asm.Global, asm.F32, k.statistic(k.rstd, group), 0)
	k.channels(group, func(local, channel asm.Reg) {
		hi, lo := difference(m, k.optional(k.add, k.n.FMA(k.c, channel)))
		gain, bias := k.affine(channel, k.w, k.b, k.scale, k.shift, k.stride)
		gain = gain.Mul(r)
		k.set(tableHi, local, hi)
		k.set(tableLo, local, lo)
		k.set(tableGain, local, gain)
		k.set(tableBias, local, lo.Neg().FMA(gain, bias))
	})
}

// after writes the gradients of a group's channels, and fills the tables that dx is computed from. all is the number of pixels, count that of the
// group's elements.
func (k *normBackward) after(group, all, count asm.Reg) {
	r := k.Load(asm.Global, asm.F32, k.statistic(k.rstd, group), 0)
	// of a channel: the sums of g and of g·h
	channelSums := func(local asm.Reg) (g, gh, lo asm.Reg) {
		lo = k.get(tableLo, local)
		g = k.sum(0, local)
		return g, lo.Neg().FMA(g, k.sum(1, local)).Mul(r), lo
	}
	p, ph := k.Var(asm.F32, 0), k.Var(asm.F32, 0) // p is the gradient at h, g·gain/r
	k.channels(group, func(local, channel asm.Reg) {
		g, gh, _ := channelSums(local)
		gain, _ := k.affine(channel, k.w, k.b, k.scale, k.shift, k.stride)
		p.Set(gain.FMA(g, p))
		ph.Set(gain.FMA(gh, ph))
	})
	meanP, meanPH := total(p).Div(count), total(ph).Div(count)
	k.channels(group, func(local, channel asm.Reg) {
		g, gh, lo := channelSums(local)
		factor := k.optional(k.scale, k.n.FMA(k.stride, channel)).Add(1)
		weight := k.Load(asm.Global, asm.F32, k.w.Index(channel, 4), 0)
		at := k.n.FMA(k.c, channel)
		k.Store(asm.Global, k.dw.Index(at, 4), 0, gh.Mul(factor))
		k.Store(asm.Global, k.db.Index(at, 4), 0, g.Mul(factor))
		k.If(k.dscale.Ne(0), func() {
			at := k.n.FMA(k.stride, channel)
			k.Store(asm.Global, k.dscale.Index(at, 4), 0, weight.FMA(gh, g.Mul(k.Load(asm.Global, asm.F32, k.b.Index(channel, 4), 0))))
			k.Store(asm.Global, k.dshift.Index(at, 4), 0, g)
		})
		k.If(k.dadd.Ne(0), func() {
			h := lo.Neg().FMA(all, k.sum(2, local)).Mul(r)
			of := weight.Mul(factor).FMA(g, meanP.Neg().Mul(all))
			k.Store(asm.Global, k.dadd.Index(at, 4), 0, meanPH.Neg().FMA(h, of).Mul(r))
		})
		slope := r.Mul(r).Mul(meanPH).Neg()
		k.set(tableSlope, local, slope)
		k.set(tableLevel, local, lo.Neg().FMA(slope, r.Mul(meanP).Neg()))
	})
}

// otherGradient is a gradient that reaches x by another way and may be missing: scale times as many channels of pixels that are stride elements
// apart.
type otherGradient struct {
	*normKernel
	p, scale, apart asm.Reg
	given           asm.Reg
	at, step        asm.Reg   // address of the thread's vector, bytes between its pixels
	words           []asm.Reg // the vector that was loaded
}

func newOtherGradient(k *normKernel, name string) *otherGradient {
	return &otherGradient{normKernel: k, p: k.Ptr(name), scale: k.F32(name + "_scale"), apart: k.I32(name + "_width")}
}

// place finds the thread's first vector.
func (o *otherGradient) place() {
	o.given = o.p.Ne(0)
	o.step = o.apart.Mul(o.t.Size()).MulWide(o.rows)
	o.at = o.New(asm.U64)
}

// begin goes to the thread's first pixel among those from start on.
func (o *otherGradient) begin(start asm.Reg) {
	size := o.t.Size()
	row, col := o.cols.split(o.tid)
	pixel := o.n.FMA(o.i, start.Add(row))
	o.at.Set(o.p.Add(pixel.MulWide(o.apart.Mul(size)).Add(o.first.Add(col.Mul(o.width)).MulWide(size)).As(asm.U64)))
}

// load reads a pixel's vector, zeros where there is none, and goes on to the next pixel.
func (o *otherGradient) load() {
	o.words = o.normVariant.chunk.wordsIf(o.Kernel, o.given, o.at)
	o.Emit("add.s64", o.at, o.at, o.step)
}

// add adds what load read to variables.
func (o *otherGradient) add(xs []asm.Reg) {
	o.If(o.given, func() {
		for j, v := range o.normVariant.chunk.floats(o.Kernel, o.words) {
			xs[j].Set(v.FMA(o.scale, xs[j]))
		}
	})
}

const normSumWarps = 32

// writeGroupNormSum adds the samples' shares of dw and db: y[c] = sum over n of x[n,c], for the buffers dw (blocks y = 0) and db (y = 1). A block has
// 32 channels; warp j adds the samples j, j+32, ...
func writeGroupNormSum(k *asm.Kernel) {
	const threads = 32 * normSumWarps
	dw, db, dws, dbs, n, c := k.Ptr("dw"), k.Ptr("db"), k.Ptr("dws"), k.Ptr("dbs"), k.I32("n"), k.I32("c")
	first := k.CTAIDY().Eq(0)
	y, x := first.Select(asm.U64, dw, db), first.Select(asm.U64, dws, dbs)
	lane, warp := k.Lane(), k.Warp()
	channel := k.CTAID().FMA(32, lane)
	sums := k.Shared("sums", threads*4, 4)
	sum := k.Var(asm.F32, 0)
	inside := channel.Lt(c)
	k.If(inside, func() {
		k.For(warp, n, normSumWarps, func(i asm.Reg) {
			sum.Set(sum.Add(k.Load(asm.Global, asm.F32, x.Index(i.FMA(c, channel), 4), 0)))
		})
	})
	k.Store(asm.Shared, sums.Index(k.TID(), 4), 0, sum)
	k.Barrier()
	k.Exit(inside.And(warp.Eq(0)).Not())
	for j := 1; j < normSumWarps; j++ {
		sum.Set(sum.Add(k.Load(asm.Shared, asm.F32, sums.Index(lane, 4), 128*j)))
	}
	k.Store(asm.Global, y.Index(channel, 4), 0, sum)
}
