package cuda

import "onestep/kernels"

func init() {
	register(&kernels.Conv2D, conv2D, half, fits(func(a kernels.Conv2DArgs) bool { return a.KW <= maxTaps }))
}

func conv2D(d *Device, a kernels.Conv2DArgs) {
	as, free := d.operands(&a.X, &a.Weight)
	defer free()
	s, chunk := a.ConvShape, as.chunk()
	i, o := ceil(s.I, chunk)*chunk, ceil(s.O, chunk)*chunk
	x, freeX := d.chunked(a.X, grid{count: s.N * s.H * s.W, rows: 1, cols: s.I, stepA: s.I, stepC: 1}, 1)
	defer freeX()
	w, freeW := d.chunked(a.Weight, grid{count: s.KH * s.KW, rows: s.I, cols: s.O, stepA: s.I * s.O, stepB: s.O, stepC: 1}, chunk)
	defer freeW()
	p := product{
		op: conv2DProduct, arithmetic: as, m: s.N * s.OH * s.OW, n: s.O,
		out: a.Y, ld: a.Row(), bias: a.Bias, residual: a.Residual, scale: a.Scale, relu: a.ReLU,
	}
	rows := min(s.KH, maxTaps/s.KW)
	for first := 0; first < s.KH; first += rows {
		v := view{h: s.H, w: s.W, c: i, gridH: s.OH, gridW: s.OW, step: s.Stride, top: first - s.PadH, left: -s.PadW, kh: min(rows, s.KH-first), kw: s.KW}
		args := append([]Arg{Ptr(x)}, v.args()...)
		from := first * s.KW * i * o
		k := v.kh * v.kw * i
		p.terms = append(p.terms, term{k, append(args, Ptr(w.Slice(from, from+k*o)), I32(o), I32(k))})
	}
	p.run(d)
}
