package cuda

import "onestep/kernels/cuda/asm"

var pool2DPTX = &family{name: "pool2d", part: "LPIPS beside its convolutions", about: `
pooling by mean or maximum, and its gradient: of 2x2 pixels with stride 2, and (pool_window) of windows of any size, distance and
padding, which may overlap; the mean over all pixels, and its gradient.
A thread has 16 bytes of the channels of one pooled pixel, or one channel in kernels named _any; grid (images*rows, parts of a row) of pooled
pixels, in the gradient of halves of the image, rounded up. Every element is read and written once.
For windows of any size a thread has the channels of one pooled pixel, in the gradient of one pixel of the image, which it reads all windows of:
elements are read once for every window that they are in, mostly from the caches.
The mean over pixels: a block has 32 channels of an image, warp w the pixels w, w+8, ..., which are added in order, then over warps.
Error: the maximum and the gradients are exact; the mean of n has n roundings.`}

func init() {
	pool2DPTX.all(func(add func(*Kernel)) {
		for _, t := range floats {
			for _, c := range widths(t) {
				for _, p := range poolings {
					add(p.kernel(c))
				}
			}
			add(meanPixelsKernel(t))
			meanPixelsBackwardKernels.add(add, t)
		}
	})
}

// pooling is a kind of pooling: over windows of any geometry, or of 2×2 pixels; by maximum or mean; or its gradient.
type pooling struct{ windows, isMax, backward bool }

var poolings = []pooling{
	{isMax: true}, {}, {isMax: true, backward: true}, {backward: true},
	{windows: true, isMax: true}, {windows: true}, {windows: true, isMax: true, backward: true}, {windows: true, backward: true},
}

func (p pooling) kernel(c chunk) *Kernel {
	name, write := "pool2d", writePool2D
	switch {
	case p.windows && p.backward:
		name, write = "pool_window", writePoolWindowBackward
	case p.windows:
		name, write = "pool_window", writePoolWindow
	case p.backward:
		write = writePool2DBackward
	}
	if p.isMax {
		name += "_max"
	} else {
		name += "_mean"
	}
	if p.backward {
		name += "_backward"
	}
	return pool2DPTX.kernel(name+c.suffix(), 256, func(k *asm.Kernel) { write(k, c, p.isMax) })
}

func meanPixelsKernel(t asm.Type) *Kernel {
	return pool2DPTX.kernel(typed("mean_pixels", t), 256, func(k *asm.Kernel) { writeMeanPixels(k, t) })
}

var meanPixelsBackwardKernels = pointwise{of: pool2DPTX, name: "mean_pixels_backward", rows: true, each: eachMeanPixelsBackward}

func eachMeanPixelsBackward(p *point) eachPoint {
	t := p.types[0]
	x, c, pixels, vectors := p.Ptr("x"), newDivider(p.Kernel, "c"), p.F32("pixels"), p.I32("vectors")
	return func(n int, _ [][]asm.Reg) []asm.Reg {
		_, ch := c.split(p.j)
		ys := p.News(asm.F32, n)
		set := func(i int, ch asm.Reg, n int) {
			for j, v := range loadFloats(p.Kernel, asm.Global, t, n, x.Index(p.r.FMA(c.by, ch), t.Size()), 0) {
				ys[i+j].Set(v.Div(pixels))
			}
		}
		p.IfElse(vectors.Ne(0), func() { set(0, ch, n) }, func() {
			for i := range ys {
				if i > 0 {
					ch = ch.Add(1)
					ch = ch.Eq(c.by).Select(asm.S32, 0, ch)
				}
				set(i, ch, 1)
			}
		})
		return ys
	}
}

// pooled is the place of a thread's four pixels: chunk at is the first, chunks right and below lead to the others.
type pooled struct {
	*imageRow
	height, width, outH, outW asm.Reg
	at, right, below          asm.Reg
}

func newPooled(k *asm.Kernel) *pooled {
	p := &pooled{imageRow: newImageRow(k), height: k.I32("height"), width: k.I32("width"), outH: k.I32("out_h"), outW: k.I32("out_w")}
	p.right, p.below = p.chunks.by, p.width.Mul(p.chunks.by)
	return p
}

// find sets at, within each.
func (p *pooled) find() {
	p.at = p.n.FMA(p.height, p.h.Shl(1)).FMA(p.width, p.w.Shl(1)).FMA(p.chunks.by, p.u)
}

// address is that of pixel 0 to 3 of the thread's four in an image x.
func (p *pooled) address(x asm.Reg, pixel int, c chunk) asm.Reg {
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
func (p *pooled) out() asm.Reg {
	return p.n.FMA(p.outH, p.h).FMA(p.outW, p.w).FMA(p.chunks.by, p.u)
}

func writePool2D(k *asm.Kernel, c chunk, isMax bool) {
	y, x := k.Ptr("y"), k.Ptr("x")
	p := newPooled(k)
	p.each(func() {
		p.find()
		var quad [4][]asm.Reg
		for i := range quad {
			quad[i] = c.load(k, p.address(x, i, c))
		}
		ys := make([]asm.Reg, c.width)
		for e := range ys {
			ys[e] = quad[0][e]
			for _, other := range quad[1:] {
				if isMax {
					ys[e] = k.Op("max.NaN.f32", asm.F32, ys[e], other[e])
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

// writePool2DBackward writes all four pixels of a thread that are in the image. Those that were dropped get zeros.
func writePool2DBackward(k *asm.Kernel, c chunk, isMax bool) {
	dx, dy := k.Ptr("dx"), k.Ptr("dy")
	var x asm.Reg
	if isMax {
		x = k.Ptr("x")
	}
	p := newPooled(k)
	p.each(func() {
		p.find()
		var quad [4][]asm.Reg
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
			var from [4][]asm.Reg
			for i := range from {
				from[i] = c.load(k, p.address(x, i, c))
			}
			for e := range g {
				top, first := from[0][e], k.Const(asm.S32, 0)
				for i := 1; i < 4; i++ {
					above := from[i][e].Gt(top)
					top, first = above.Select(asm.F32, from[i][e], top), above.Select(asm.S32, i, first)
				}
				for i := range quad {
					quad[i][e].Set(first.Eq(i).Select(asm.F32, g[e], 0))
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

func writeMeanPixels(k *asm.Kernel, t asm.Type) {
	const warps = 8
	y, x, pixels, channels := k.Ptr("y"), k.Ptr("x"), k.I32("pixels"), k.I32("channels")
	sums := k.Shared("sums", warps*32*4, 16)
	n, lane := k.CTAID(), k.Lane()
	c := k.CTAIDY().FMA(32, lane)
	inside := c.Lt(channels)
	sum := k.Var(asm.F32, 0)
	k.If(inside, func() {
		k.For(k.Warp(), pixels, warps, func(i asm.Reg) {
			v := loadFloats(k, asm.Global, t, 1, x.Index(n.FMA(pixels, i).FMA(channels, c), t.Size()), 0)[0]
			sum.Set(sum.Add(v))
		})
	})
	k.Store(asm.Shared, sums.Index(k.TID(), 4), 0, sum)
	k.Barrier()
	k.If(inside.And(k.TID().Lt(32)), func() {
		total := k.Load(asm.Shared, asm.F32, sums.Index(lane, 4), 0)
		for w := 1; w < warps; w++ {
			total = total.Add(k.Load(asm.Shared, asm.F32, sums.Index(lane, 4), w*32*4))
		}
		storeFloats(k, asm.Global, t, y.Index(n.FMA(channels, c), t.Size()), 0, []asm.Reg{total.Div(pixels.To(asm.F32))})
	})
}
