package cuda

import "onestep/kernels"

func init() {
	register(&kernels.Conv2DInputGrad, conv2DInputGrad, half, fits(func(a kernels.Conv2DInputGradArgs) bool { return a.KW <= maxTaps }))
}

// conv2DInputGrad is, for every phase of the stride, a convolution of dy by the taps that reach the pixels of that phase, turned round.
func conv2DInputGrad(d *Device, a kernels.Conv2DInputGradArgs) {
	as, free := d.operands(&a.DY, &a.Weight)
	defer free()
	s, chunk := a.ConvShape, as.chunk()
	o := ceil(s.O, chunk) * chunk
	dy, freeDY := d.chunked(a.DY, grid{count: s.N * s.OH * s.OW, rows: 1, cols: s.O, stepA: s.O, stepC: 1}, 1)
	defer freeDY()
	w, freeW := d.chunked(a.Weight, grid{count: s.KH * s.KW * s.I, rows: 1, cols: s.O, stepA: s.O, stepC: 1}, 1)
	defer freeW()
	for ph := range min(s.Stride, s.H) {
		for pw := range min(s.Stride, s.W) {
			i0, top, kh := kernels.LastTap(ph+s.PadH, s.KH, s.Stride)
			j0, left, kw := kernels.LastTap(pw+s.PadW, s.KW, s.Stride)
			v := view{h: s.OH, w: s.OW, c: o, gridH: ceil(s.H-ph, s.Stride), gridW: ceil(s.W-pw, s.Stride), step: 1, left: left, kw: kw}
			p := product{
				op: conv2DInputGradProduct, arithmetic: as, m: s.N * v.gridH * v.gridW, n: s.I,
				out: a.DX, ld: s.I, mask: a.Mask, scale: a.Scale,
			}
			if s.Stride > 1 {
				p.rows = rowMap{
					gridB: v.gridH, gridC: v.gridW, keep: v.gridW,
					first: ph*s.W + pw, stepA: s.H * s.W, stepB: s.Stride * s.W, stepC: s.Stride,
				}
			}
			for first := 0; first < kh && kw > 0; first += v.kh {
				v.kh, v.top = min(kh-first, maxTaps/kw), top+first
				tap := s.I * o // elements of the weight
				at := ((i0-first*s.Stride)*s.KW + j0) * tap
				k := v.kh * kw * o
				args := append([]Arg{Ptr(dy)}, v.args()...)
				args = append(args, Ptr(w), I32(at), I32(s.Stride*tap), I32(s.Stride*s.KW*tap), I32(k))
				p.terms = append(p.terms, term{k, args})
			}
			p.run(d)
		}
	}
}
