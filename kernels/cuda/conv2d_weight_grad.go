package cuda

import "onestep/kernels"

func init() { register(&kernels.Conv2DWeightGrad, conv2DWeightGrad, half) }

func conv2DWeightGrad(d *Device, a kernels.Conv2DWeightGradArgs) {
	s, pixels := a.ConvShape, a.N*a.OH*a.OW
	switch {
	case !a.DBias.Given():
	case a.Sums.Given():
		d.columnSums(a.DBias, a.Sums, a.Scale, s.N, s.O)
	default:
		d.columnSums(a.DBias, a.DY, a.Scale, pixels, s.O)
	}
	as, free := d.operands(&a.X, &a.DY)
	defer free()
	chunk := as.chunk()
	i, o := ceil(s.I, chunk)*chunk, ceil(s.O, chunk)*chunk
	x, freeX := d.chunked(a.X, grid{count: s.N * s.H * s.W, rows: 1, cols: s.I, stepA: s.I, stepC: 1}, 1)
	defer freeX()
	dy, freeDY := d.chunked(a.DY, grid{count: pixels, rows: 1, cols: s.O, stepA: s.O, stepC: 1}, 1)
	defer freeDY()
	v := view{h: s.H, w: s.W, c: i, gridH: s.OH, gridW: s.OW, step: s.Stride, top: -s.PadH, left: -s.PadW, kh: s.KH, kw: s.KW}
	args := append([]Arg{Ptr(x)}, v.args()...)
	p := product{
		op: conv2DWeightGradProduct, arithmetic: as, m: s.KH * s.KW * i, n: s.O,
		terms: []term{{pixels, append(args, Ptr(dy), I32(o), I32(pixels))}},
		out:   a.DWeight, ld: s.O, scale: a.Scale,
	}
	if i != s.I {
		p.rows = rowMap{gridB: s.KH * s.KW, gridC: i, stepB: s.I, stepC: 1, keep: s.I}
	}
	p.run(d)
}
