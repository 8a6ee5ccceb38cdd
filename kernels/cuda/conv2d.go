package cuda

import (
	_ "embed"

	"onestep/kernels"
)

//go:embed conv2d.ptx
var conv2DPTX string

var conv2DModule = NewModule("conv2d.ptx", conv2DPTX)

// maxTaps is how many taps of a convolution a product's kernel takes at a time: the bits of a register.
const maxTaps = 32

func init() {
	register(&kernels.Conv2D, conv2D, half, fits(func(a kernels.Conv2DArgs) bool { return a.KW <= maxTaps }))
}

func conv2D(d *Device, a kernels.Conv2DArgs) {
	kind, free := d.operands(&a.X, &a.Weight)
	defer free()
	s, chunk := a.ConvShape, kind.chunk()
	i, o := ceil(s.I, chunk)*chunk, ceil(s.O, chunk)*chunk
	x, freeX := d.chunked(a.X, grid{count: s.N * s.H * s.W, rows: 1, cols: s.I, stepA: s.I, stepC: 1}, 1)
	defer freeX()
	w, freeW := d.chunked(a.Weight, grid{count: s.KH * s.KW, rows: s.I, cols: s.O, stepA: s.I * s.O, stepB: s.O, stepC: 1}, chunk)
	defer freeW()
	p := product{
		module: conv2DModule, entry: "conv2d", kind: kind, m: s.N * s.OH * s.OW, n: s.O,
		out: a.Y, ld: a.Row(), bias: a.Bias, residual: a.Residual, scale: a.Scale, relu: a.ReLU,
		takes: finishing{bias: true, residual: true, scale: true, floor: true},
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

// view is a kernel of taps moving over pictures (kernels/cuda/gen: image).
type view struct {
	h, w, c      int // of the pictures
	gridH, gridW int // positions
	step         int
	top, left    int // under tap (0,0) at position (0,0)
	kh, kw       int
}

// args are a view as kernels take it.
func (v view) args() []Arg {
	replicate := 0
	for i := range v.kh {
		if i*v.kw < maxTaps {
			replicate |= 1 << (i * v.kw)
		}
	}
	args := append([]Arg{I32(v.h), I32(v.w)}, all(divisor(v.c), divisor(v.gridH), divisor(v.gridW))...)
	args = append(args, I32(v.step), I32(v.top), I32(v.left))
	return append(append(args, all(divisor(v.kw))...), I32(v.kh), I32(replicate))
}
