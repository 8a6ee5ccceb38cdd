package autograd_test

import (
	"fmt"
	"math/rand/v2"

	"onestep/autograd"
)

func init() {
	for _, s := range [][2]int{{8, 6}, {7, 9}, {2, 3}} {
		size := fmt.Sprintf("_%dx%d", s[0], s[1])
		gradientCase("avgpool"+size, func(x []*Var) *Var { return autograd.AvgPool2D(x[0]) }, normal(2, s[0], s[1], 3))
		// Distinct multiples of ½ in random order: no step changes which is the largest.
		steps := rand.New(rand.NewPCG(1, uint64(s[0]))).Perm(2 * s[0] * s[1] * 3)
		gradientCase("maxpool"+size, func(x []*Var) *Var { return autograd.MaxPool2D(x[0]) },
			input{[]int{2, s[0], s[1], 3}, func(_ *rand.Rand, i int) float64 { return float64(steps[i]) / 2 }})
	}
	for _, p := range []autograd.Pool{{Kernel: 3, Stride: 1, Pad: 1}, {Kernel: 3, Stride: 2}, {Kernel: 2, Stride: 1, Pad: 1}} {
		name := fmt.Sprintf("_%d_%d_%d", p.Kernel, p.Stride, p.Pad)
		gradientCase("avgpool"+name, func(x []*Var) *Var { return autograd.Pool2D(x[0], p) }, normal(2, 5, 7, 3))
		steps, p := rand.New(rand.NewPCG(2, 1)).Perm(2*5*7*3), p
		p.Max = true
		gradientCase("maxpool"+name, func(x []*Var) *Var { return autograd.Pool2D(x[0], p) },
			input{[]int{2, 5, 7, 3}, func(_ *rand.Rand, i int) float64 { return float64(steps[i]) / 2 }})
	}
	gradientCase("mean_pixels", func(x []*Var) *Var { return autograd.MeanPixels(x[0]) }, normal(2, 5, 3, 7))
}
