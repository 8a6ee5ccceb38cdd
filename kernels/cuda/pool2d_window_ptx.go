package cuda

import (
	"math"

	"onestep/kernels/cuda/asm"
)

// window is the geometry of a pooling whose windows may overlap (kernels: PoolShape), one direction of it having size pixels and so many windows.
type window struct {
	kernel, pad asm.Reg
	stride      divider
}

func newWindow(k *asm.Kernel) window {
	return window{kernel: k.I32("kernel"), pad: k.I32("pad"), stride: newDivider(k, "stride")}
}

// pixels is the range of pixels in window p.
func (w window) pixels(p, size asm.Reg) (from, to asm.Reg) {
	from = p.FMA(w.stride.by, w.pad.Neg())
	return from.Max(0), from.Add(w.kernel).Min(size)
}

// of is the range of windows that pixel h is in.
func (w window) of(h, windows asm.Reg) (from, to asm.Reg) {
	at := h.Add(w.pad)
	from = w.stride.quotient(at.Sub(w.kernel).Add(w.stride.by).Max(0))
	return from, w.stride.quotient(at).Add(1).Min(windows)
}

// writePoolWindow takes the pixels of a thread's window in order.
func writePoolWindow(k *asm.Kernel, c chunk, isMax bool) {
	y, x := k.Ptr("y"), k.Ptr("x")
	r, height, width, win := newImageRow(k), k.I32("height"), k.I32("width"), newWindow(k)
	r.each(func() {
		top, bottom := win.pixels(r.h, height)
		left, right := win.pixels(r.w, width)
		start := 0.0
		if isMax {
			start = math.Inf(-1)
		}
		ys := variables(k, c.width, start)
		k.For(top, bottom, 1, func(h asm.Reg) {
			row := r.n.FMA(height, h).Mul(width)
			k.For(left, right, 1, func(w asm.Reg) {
				for e, v := range c.load(k, x.Index(row.Add(w).FMA(r.chunks.by, r.u), c.bytes())) {
					if isMax {
						ys[e].Set(k.Op("max.NaN.f32", asm.F32, ys[e], v))
					} else {
						ys[e].Set(ys[e].Add(v))
					}
				}
			})
		})
		if !isMax {
			pixels := bottom.Sub(top).Mul(right.Sub(left)).To(asm.F32)
			for e := range ys {
				ys[e] = ys[e].Div(pixels)
			}
		}
		at := k.CTAID().FMA(r.count, r.w.FMA(r.chunks.by, r.u))
		c.store(k, y.Index(at, c.bytes()), ys)
	})
}

// writePoolWindowBackward takes the windows of a thread's pixel in order. For the maximum it looks through each to see whether the pixel is the first
// of the largest.
func writePoolWindowBackward(k *asm.Kernel, c chunk, isMax bool) {
	dx, dy := k.Ptr("dx"), k.Ptr("dy")
	var x asm.Reg
	if isMax {
		x = k.Ptr("x")
	}
	r, height, width, outH, outW, win := newImageRow(k), k.I32("height"), k.I32("width"), k.I32("out_h"), k.I32("out_w"), newWindow(k)
	r.each(func() {
		p0, p1 := win.of(r.h, outH)
		q0, q1 := win.of(r.w, outW)
		sums := variables(k, c.width, 0)
		var image asm.Reg // the thread's chunk of its first pixel
		if isMax {
			image = x.Index(r.n.Mul(height).Mul(width).FMA(r.chunks.by, r.u), c.bytes())
		}
		k.For(p0, p1, 1, func(p asm.Reg) {
			top, bottom := win.pixels(p, height)
			k.For(q0, q1, 1, func(q asm.Reg) {
				left, right := win.pixels(q, width)
				grad := func() []asm.Reg {
					return c.load(k, dy.Index(r.n.FMA(outH, p).FMA(outW, q).FMA(r.chunks.by, r.u), c.bytes()))
				}
				if !isMax {
					pixels := bottom.Sub(top).Mul(right.Sub(left)).To(asm.F32)
					for e, g := range grad() {
						sums[e].Set(sums[e].Add(g.Div(pixels)))
					}
					return
				}
				largest, first := make([]asm.Reg, c.width), make([]asm.Reg, c.width)
				begin := top.FMA(width, left)
				for e := range first {
					largest[e], first[e] = k.Var(asm.F32, math.Inf(-1)), k.Var(asm.S32, begin)
				}
				k.For(top, bottom, 1, func(h asm.Reg) {
					k.For(left, right, 1, func(w asm.Reg) {
						at := h.FMA(width, w)
						for e, v := range c.load(k, image.Index(at.Mul(r.chunks.by), c.bytes())) {
							above := v.Gt(largest[e]).Or(at.Eq(begin))
							largest[e].Set(above.Select(asm.F32, v, largest[e]))
							first[e].Set(above.Select(asm.S32, at, first[e]))
						}
					})
				})
				self := r.h.FMA(width, r.w)
				for e, g := range grad() {
					sums[e].Set(sums[e].Add(first[e].Eq(self).Select(asm.F32, g, 0)))
				}
			})
		})
		c.store(k, dx.Index(k.CTAID().FMA(r.count, r.w.FMA(r.chunks.by, r.u)), c.bytes()), sums)
	})
}
