package autograd_test

import (
	"math"
	"math/rand/v2"

	"onestep/autograd"
	"onestep/kernels"
)

func init() {
	for _, c := range []struct {
		name string
		n    int
		h, w int
		i, o int
		kh   int
		kw   int
		c    autograd.Conv
	}{
		{"1x1", 2, 5, 7, 3, 9, 1, 1, autograd.Conv{}},
		{"3x3", 2, 5, 7, 5, 6, 3, 3, autograd.Conv{PadH: 1, PadW: 1}},
		{"3x3_wide", 1, 8, 8, 32, 48, 3, 3, autograd.Conv{PadH: 1, PadW: 1}},
		{"3x3_valid", 1, 5, 6, 2, 3, 3, 3, autograd.Conv{}},
		{"3x3_pad2", 1, 4, 5, 2, 3, 3, 3, autograd.Conv{PadH: 2, PadW: 2}},
		{"3x3_stride2", 2, 7, 9, 3, 4, 3, 3, autograd.Conv{PadH: 1, PadW: 1, Stride: 2}},
		{"3x3_stride2_valid", 1, 8, 9, 3, 4, 3, 3, autograd.Conv{Stride: 2}},
		{"1x7", 1, 4, 9, 3, 2, 1, 7, autograd.Conv{PadW: 3}},
		{"7x1", 1, 9, 4, 3, 2, 7, 1, autograd.Conv{PadH: 3}},
		{"5x5", 1, 6, 6, 2, 2, 5, 5, autograd.Conv{PadH: 2, PadW: 2}},
		{"pixel", 3, 1, 1, 4, 5, 3, 3, autograd.Conv{PadH: 1, PadW: 1}},
		{"scaled", 2, 3, 4, 5, 6, 3, 3, autograd.Conv{PadH: 1, PadW: 1, Scale: 0.7}},
	} {
		s := kernels.ConvShape{N: c.n, H: c.h, W: c.w, I: c.i, O: c.o, KH: c.kh, KW: c.kw, Stride: max(1, c.c.Stride), PadH: c.c.PadH, PadW: c.c.PadW}.Out()
		x, w, b, r := normal(c.n, c.h, c.w, c.i), normal(c.kh, c.kw, c.i, c.o), normal(c.o), normal(s.N, s.OH, s.OW, s.O)
		gradientCase("conv_"+c.name, func(x []*Var) *Var { return autograd.Conv2D(x[0], x[1], x[2], c.c) }, x, w, b)
		gradientCase("conv_"+c.name+"_nobias", func(x []*Var) *Var { return autograd.Conv2D(x[0], x[1], nil, c.c) }, x, w)
		gradientCase("conv_"+c.name+"_residual", func(x []*Var) *Var {
			cc := c.c
			cc.Residual = x[3]
			return autograd.Conv2D(x[0], x[1], x[2], cc)
		}, x, w, b, r)
		// With a bias that drowns everything else, positive for every other channel, no unit passes its kink.
		far := input{[]int{c.o}, func(_ *rand.Rand, i int) float64 {
			return []float64{1, -1}[i%2] * (20 + 8*math.Sqrt(float64(c.kh*c.kw*c.i)))
		}}
		gradientCase("conv_"+c.name+"_relu_residual", func(x []*Var) *Var {
			cc := c.c
			cc.ReLU, cc.Residual, cc.Scale = true, x[3], 0.5
			return autograd.Conv2D(x[0], x[1], x[2], cc)
		}, x, w, far, r)
	}
}
