package cuda

import "onestep/kernels/cuda/asm"

var distancePTX = &family{name: "distance", about: `
the mean absolute or squared difference of each sample, and its gradient.
Forward: grid (samples, parts of 8192 elements); a thread adds its elements in order, a block its threads in a fixed tree, into part[n,b]. Then
finish, a warp a sample, adds the parts in float64 and divides. The gradient is element by element, its coefficient a row's.
16 bytes a thread at a time; kernels named _any have one element. Every element is read, and written, once.
Error: about 10 roundings of float32; the gradient two.`}

func init() {
	distancePTX.all(func(add func(*Kernel)) {
		for _, t := range floats {
			for _, c := range widths(t) {
				add(distanceKernel(false, c))
				add(distanceKernel(true, c))
			}
			distanceBackwardKernels(false).add(add, t, t, t)
			distanceBackwardKernels(true).add(add, t, t, t)
		}
		add(finishKernel())
	})
}

func distanceName(squared bool) string {
	if squared {
		return "distance_l2"
	}
	return "distance_l1"
}

func distanceKernel(squared bool, c chunk) *Kernel {
	return distancePTX.kernel(distanceName(squared)+c.suffix(), 256, func(k *asm.Kernel) { writeDistance(k, squared, c) })
}

func distanceBackwardKernels(squared bool) pointwise {
	return pointwise{of: distancePTX, name: distanceName(squared) + "_backward", inputs: []string{"a", "b"}, rows: true, each: func(p *point) eachPoint {
		dd, elements := p.Ptr("dd"), p.F32("elements")
		g := p.Load(asm.Global, asm.F32, dd.Index(p.r, 4), 0).Div(elements)
		return eachOne(func(x []asm.Reg) asm.Reg {
			d := x[0].Sub(x[1])
			if squared {
				return g.Mul(d.Add(d))
			}
			other := d.Lt(0).Select(asm.F32, g.Neg(), g.Mul(d)) // NaN stays one
			return d.Gt(0).Select(asm.F32, g, other)
		})
	}}
}

// finishKernel adds the parts of samples' sums.
func finishKernel() *Kernel { return distancePTX.kernel("finish", 32, writeFinish) }

func writeDistance(k *asm.Kernel, squared bool, c chunk) {
	part, x, y, count, parts := k.Ptr("part"), k.Ptr("x"), k.Ptr("y"), k.I32("count"), k.I32("parts") // count: elements of a sample
	n, b := k.CTAID(), k.CTAIDY()
	first := b.Mul(distancePart)
	end := first.Add(distancePart).Min(count)
	sums := variables(k, c.width, 0)
	k.For(first.Add(k.TID().Mul(c.width)), end, 256*c.width, func(i asm.Reg) {
		at := n.FMA(count, i)
		xs, ys := c.load(k, x.Index(at, c.t.Size())), c.load(k, y.Index(at, c.t.Size()))
		for e, sum := range sums {
			d := xs[e].Sub(ys[e])
			if squared {
				sum.Set(d.FMA(d, sum))
			} else {
				sum.Set(sum.Add(d.Abs()))
			}
		}
	})
	total := blockSum(k, pairwise(sums), 8)
	k.If(k.TID().Eq(0), func() { k.Store(asm.Global, part.Index(n.FMA(parts, b), 4), 0, total) })
}

// pairwise adds registers two by two.
func pairwise(xs []asm.Reg) asm.Reg {
	for len(xs) > 1 {
		half := make([]asm.Reg, (len(xs)+1)/2)
		for i := range half {
			half[i] = xs[2*i]
			if 2*i+1 < len(xs) {
				half[i] = half[i].Add(xs[2*i+1])
			}
		}
		xs = half
	}
	return xs[0]
}

// blockSum adds a float32 over a block of so many warps in a fixed order. Thread 0 has the result.
func blockSum(k *asm.Kernel, x asm.Reg, warps int) asm.Reg {
	shared := k.Shared("warps", 4*warps, 16)
	x = x.WarpReduce(func(a, b asm.Reg) asm.Reg { return a.Add(b) })
	k.If(k.Lane().Eq(0), func() { k.Store(asm.Shared, shared.Index(k.Warp(), 4), 0, x) })
	k.Barrier()
	total := k.Var(asm.F32, 0)
	k.If(k.TID().Eq(0), func() {
		sums := make([]asm.Reg, warps)
		for w := range sums {
			sums[w] = k.Load(asm.Shared, asm.F32, shared, 4*w)
		}
		total.Set(pairwise(sums))
	})
	return total
}

// writeFinish sets d[n] = sum of part[n,b] over b, divided by count. One warp a sample; a lane adds parts lane, lane+32, … in float64.
func writeFinish(k *asm.Kernel) {
	d, part, parts, count := k.Ptr("d"), k.Ptr("part"), k.I32("parts"), k.F64("count")
	n, lane := k.CTAID(), k.TID()
	sum := k.Var(asm.F64, 0)
	k.For(lane, parts, 32, func(b asm.Reg) {
		sum.Set(sum.Add(k.Load(asm.Global, asm.F32, part.Index(n.FMA(parts, b), 4), 0).To(asm.F64)))
	})
	total := warpSum64(k, sum)
	k.If(lane.Eq(0), func() { k.Store(asm.Global, d.Index(n, 4), 0, total.Div(count).To(asm.F32)) })
}

// warpSum64 adds a float64 over a warp in a fixed butterfly order; every lane gets the sum.
func warpSum64(k *asm.Kernel, x asm.Reg) asm.Reg {
	for lanes := 16; lanes > 0; lanes /= 2 {
		halves := k.News(asm.B32, 2)
		k.Emit("mov.b64", halves, x)
		for i, h := range halves {
			halves[i] = h.Shuffle("bfly", lanes)
		}
		x = x.Add(k.Op("mov.b64", asm.F64, halves))
	}
	return x
}
