package main

import "onestep/kernels/cuda/ptx/build"

func init() { files["pool2d.ptx"] = pool2D }

func pool2D() *build.File {
	f := build.NewFile(`pool2d.ptx: pooling by mean or maximum, and its gradient: of 2x2 pixels with stride 2, and (pool_window) of windows of any size, distance and
padding, which may overlap; the mean over all pixels, and its gradient.
A thread has 16 bytes of the channels of one pooled pixel, or one channel in kernels named _any; grid (images*rows, parts of a row) of pooled
pixels, in the gradient of halves of the image, rounded up. Every element is read and written once.
For windows of any size a thread has the channels of one pooled pixel, in the gradient of one pixel of the image, which it reads all windows of:
elements are read once for every window that they are in, mostly from the caches.
The mean over pixels: a block has 32 channels of an image, warp w the pixels w, w+8, ..., which are added in order, then over warps.
Error: the maximum and the gradients are exact; the mean of n has n roundings.`)
	for _, t := range []build.Type{build.F32, build.F16} {
		for _, c := range widths(t) {
			pool2DForward(f.Kernel("pool2d_max"+c.suffix(), 256), c, true)
			pool2DForward(f.Kernel("pool2d_mean"+c.suffix(), 256), c, false)
			pool2DBackward(f.Kernel("pool2d_max_backward"+c.suffix(), 256), c, true)
			pool2DBackward(f.Kernel("pool2d_mean_backward"+c.suffix(), 256), c, false)
			poolWindow(f.Kernel("pool_window_max"+c.suffix(), 256), c, true)
			poolWindow(f.Kernel("pool_window_mean"+c.suffix(), 256), c, false)
			poolWindowBackward(f.Kernel("pool_window_max_backward"+c.suffix(), 256), c, true)
			poolWindowBackward(f.Kernel("pool_window_mean_backward"+c.suffix(), 256), c, false)
		}
		meanPixels(f.Kernel("mean_pixels_"+t.String(), 256), t)
		pointwise{name: typed("mean_pixels_backward", t), types: []build.Type{t}, rows: true, each: func(p *point) func(int, [][]build.Reg) []build.Reg {
			x, c, pixels, vectors := p.Ptr("x"), newDivider(p.Kernel, "c"), p.F32("pixels"), p.I32("vectors")
			return func(n int, _ [][]build.Reg) []build.Reg {
				_, ch := c.split(p.j)
				ys := p.News(build.F32, n)
				set := func(i int, ch build.Reg, n int) {
					for j, v := range loadFloats(p.Kernel, build.Global, t, n, x.Index(p.r.FMA(c.by, ch), t.Size()), 0) {
						ys[i+j].Set(v.Div(pixels))
					}
				}
				p.IfElse(vectors.Ne(0), func() { set(0, ch, n) }, func() {
					for i := range ys {
						if i > 0 {
							ch = ch.Add(1)
							ch = ch.Eq(c.by).Select(build.S32, 0, ch)
						}
						set(i, ch, 1)
					}
				})
				return ys
			}
		}}.add(f)
	}
	return f
}

// pooled is the place of a thread's four pixels: chunk at is the first, chunks right and below lead to the others.
type pooled struct {
	*imageRow
	height, width, outH, outW build.Reg
	at, right, below          build.Reg
}

func newPooled(k *build.Kernel) *pooled {
	p := &pooled{imageRow: newImageRow(k), height: k.I32("height"), width: k.I32("width"), outH: k.I32("out_h"), outW: k.I32("out_w")}
	p.right, p.below = p.chunks.by, p.width.Mul(p.chunks.by)
	return p
}

// find sets at, within each.
func (p *pooled) find() {
	p.at = p.n.FMA(p.height, p.h.Shl(1)).FMA(p.width, p.w.Shl(1)).FMA(p.chunks.by, p.u)
}

// address is that of pixel 0 to 3 of the thread's four in an image x.
func (p *pooled) address(x build.Reg, pixel int, c chunk) build.Reg {
	at := p.at
	if pixel&1 != 0 {
		at = at.Add(p.right)
	}
	if pixel&2 != 0 {
		at = at.Add(p.below)
	}
	return x.Index(at, c.bytes())
}

// out is the chunk of the pooled image.
func (p *pooled) out() build.Reg {
	return p.n.FMA(p.outH, p.h).FMA(p.outW, p.w).FMA(p.chunks.by, p.u)
}

func pool2DForward(k *build.Kernel, c chunk, isMax bool) {
	y, x := k.Ptr("y"), k.Ptr("x")
	p := newPooled(k)
	p.each(func() {
		p.find()
		var quad [4][]build.Reg
		for i := range quad {
			quad[i] = c.load(k, p.address(x, i, c))
		}
		ys := make([]build.Reg, c.width)
		for e := range ys {
			ys[e] = quad[0][e]
			for _, other := range quad[1:] {
				if isMax {
					ys[e] = k.Op("max.NaN.f32", build.F32, ys[e], other[e])
				} else {
					ys[e] = ys[e].Add(other[e])
				}
			}
			if !isMax {
				ys[e] = ys[e].Mul(0.25)
			}
		}
		c.store(k, y.Index(p.out(), c.bytes()), ys)
	})
}

// pool2DBackward writes all four pixels of a thread that are in the image. Those that were dropped get zeros.
func pool2DBackward(k *build.Kernel, c chunk, isMax bool) {
	dx, dy := k.Ptr("dx"), k.Ptr("dy")
	var x build.Reg
	if isMax {
		x = k.Ptr("x")
	}
	p := newPooled(k)
	p.each(func() {
		p.find()
		var quad [4][]build.Reg
		for i := range quad {
			quad[i] = variables(k, c.width, 0)
		}
		k.If(p.h.Lt(p.outH).And(p.w.Lt(p.outW)), func() {
			g := c.load(k, dy.Index(p.out(), c.bytes()))
			if !isMax {
				for e := range g {
					quarter := g[e].Mul(0.25)
					for i := range quad {
						quad[i][e].Set(quarter)
					}
				}
				return
			}
			var from [4][]build.Reg
			for i := range from {
				from[i] = c.load(k, p.address(x, i, c))
			}
			for e := range g {
				top, first := from[0][e], k.Const(build.S32, 0)
				for i := 1; i < 4; i++ {
					above := from[i][e].Gt(top)
					top, first = above.Select(build.F32, from[i][e], top), above.Select(build.S32, i, first)
				}
				for i := range quad {
					quad[i][e].Set(first.Eq(i).Select(build.F32, g[e], 0))
				}
			}
		})
		right, below := p.w.Shl(1).Add(1).Lt(p.width), p.h.Shl(1).Add(1).Lt(p.height)
		store := func(i int) func() {
			return func() { c.store(k, p.address(dx, i, c), quad[i]) }
		}
		store(0)()
		k.If(right, store(1))
		k.If(below, store(2))
		k.If(right.And(below), store(3))
	})
}

func meanPixels(k *build.Kernel, t build.Type) {
	const warps = 8
	y, x, pixels, channels := k.Ptr("y"), k.Ptr("x"), k.I32("pixels"), k.I32("channels")
	sums := k.Shared("sums", warps*32*4, 16)
	n, lane := k.CTAID(), k.Lane()
	c := k.CTAIDY().FMA(32, lane)
	inside := c.Lt(channels)
	sum := k.Var(build.F32, 0)
	k.If(inside, func() {
		k.For(k.Warp(), pixels, warps, func(i build.Reg) {
			v := loadFloats(k, build.Global, t, 1, x.Index(n.FMA(pixels, i).FMA(channels, c), t.Size()), 0)[0]
			sum.Set(sum.Add(v))
		})
	})
	k.Store(build.Shared, sums.Index(k.TID(), 4), 0, sum)
	k.Barrier()
	k.If(inside.And(k.TID().Lt(32)), func() {
		total := k.Load(build.Shared, build.F32, sums.Index(lane, 4), 0)
		for w := 1; w < warps; w++ {
			total = total.Add(k.Load(build.Shared, build.F32, sums.Index(lane, 4), w*32*4))
		}
		storeFloats(k, build.Global, t, y.Index(n.FMA(channels, c), t.Size()), 0, []build.Reg{total.Div(pixels.To(build.F32))})
	})
}
