package main

import "onestep/kernels/cuda/ptx/build"

func init() { files["distance.ptx"] = distance }

// distancePart is how many elements of a sample a block adds up (kernels/cuda: distancePart).
const distancePart = 8192

func distance() *build.File {
	f := build.NewFile(`distance.ptx: the mean absolute or squared difference of each sample, and its gradient.
Forward: grid (samples, parts of 8192 elements); a thread adds its elements in order, a block its threads in a fixed tree, into part[n,b]. Then
finish, a warp a sample, adds the parts in float64 and divides. The gradient is element by element, its coefficient a row's.
16 bytes a thread at a time; kernels named _any have one element. Every element is read, and written, once.
Error: about 10 roundings of float32; the gradient two.`)
	for _, t := range []build.Type{build.F32, build.F16} {
		for _, c := range widths(t) {
			distanceForward(f.Kernel("distance_l1"+c.suffix(), 256), c, false)
			distanceForward(f.Kernel("distance_l2"+c.suffix(), 256), c, true)
		}
		for _, squared := range []bool{false, true} {
			name := map[bool]string{false: "distance_l1_backward", true: "distance_l2_backward"}[squared]
			pointwise{name: typed(name, t), types: []build.Type{t, t, t}, inputs: []string{"a", "b"}, rows: true, each: func(p *point) func(int, [][]build.Reg) []build.Reg {
				dd, elements := p.Ptr("dd"), p.F32("elements")
				g := p.Load(build.Global, build.F32, dd.Index(p.r, 4), 0).Div(elements)
				return eachOne(func(x []build.Reg) build.Reg {
					d := x[0].Sub(x[1])
					if squared {
						return g.Mul(d.Add(d))
					}
					other := d.Lt(0).Select(build.F32, g.Neg(), g.Mul(d)) // NaN stays one
					return d.Gt(0).Select(build.F32, g, other)
				})
			}}.add(f)
		}
	}
	finish(f.Kernel("finish", 32))
	return f
}

func distanceForward(k *build.Kernel, c chunk, squared bool) {
	part, x, y, count, parts := k.Ptr("part"), k.Ptr("x"), k.Ptr("y"), k.I32("count"), k.I32("parts") // count: elements of a sample
	n, b := k.CTAID(), k.CTAIDY()
	first := b.Mul(distancePart)
	end := first.Add(distancePart).Min(count)
	sums := variables(k, c.width, 0)
	k.For(first.Add(k.TID().Mul(c.width)), end, 256*c.width, func(i build.Reg) {
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
	k.If(k.TID().Eq(0), func() { k.Store(build.Global, part.Index(n.FMA(parts, b), 4), 0, total) })
}

// pairwise adds registers two by two.
func pairwise(xs []build.Reg) build.Reg {
	for len(xs) > 1 {
		half := make([]build.Reg, (len(xs)+1)/2)
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
func blockSum(k *build.Kernel, x build.Reg, warps int) build.Reg {
	shared := k.Shared("warps", 4*warps, 16)
	x = x.WarpReduce(func(a, b build.Reg) build.Reg { return a.Add(b) })
	k.If(k.Lane().Eq(0), func() { k.Store(build.Shared, shared.Index(k.Warp(), 4), 0, x) })
	k.Barrier()
	total := k.Var(build.F32, 0)
	k.If(k.TID().Eq(0), func() {
		sums := make([]build.Reg, warps)
		for w := range sums {
			sums[w] = k.Load(build.Shared, build.F32, shared, 4*w)
		}
		total.Set(pairwise(sums))
	})
	return total
}

// finish writes d[n] = sum of part[n,b] over b, divided by count. One warp a sample; a lane adds parts lane, lane+32, … in float64.
func finish(k *build.Kernel) {
	d, part, parts, count := k.Ptr("d"), k.Ptr("part"), k.I32("parts"), k.F64("count")
	n, lane := k.CTAID(), k.TID()
	sum := k.Var(build.F64, 0)
	k.For(lane, parts, 32, func(b build.Reg) {
		sum.Set(sum.Add(k.Load(build.Global, build.F32, part.Index(n.FMA(parts, b), 4), 0).To(build.F64)))
	})
	total := warpSum64(k, sum)
	k.If(lane.Eq(0), func() { k.Store(build.Global, d.Index(n, 4), 0, total.Div(count).To(build.F32)) })
}

// warpSum64 adds a float64 over a warp in a fixed butterfly order; every lane gets the sum.
func warpSum64(k *build.Kernel, x build.Reg) build.Reg {
	for lanes := 16; lanes > 0; lanes /= 2 {
		halves := k.News(build.B32, 2)
		k.Emit("mov.b64", halves, x)
		for i, h := range halves {
			halves[i] = h.Shuffle("bfly", lanes)
		}
		x = x.Add(k.Op("mov.b64", build.F64, halves))
	}
	return x
}
