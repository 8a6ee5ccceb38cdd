package autograd_test

import (
	"fmt"

	"onestep/autograd"
)

func init() {
	for _, after := range []bool{false, true} { // the norm's gradient is computed last, with the others' added to it, or first
		gradientCase(fmt.Sprintf("groupnorm_among_others_%v", after), func(x []*Var) *Var {
			h := x[0].Mul(x[0]) // no leaf
			n := func() *Var { return autograd.GroupNorm(h, x[1], x[2], autograd.Norm{Groups: 4, Eps: 1e-5, SiLU: true}) }
			var y *Var
			if !after {
				y = n()
			}
			sum := autograd.Axpby(0.5, autograd.Concat(x[3], h), 1, autograd.Concat(h, x[3]))
			if after {
				y = n()
			}
			return autograd.Concat(sum, y.Add(h.Scale(0.7)))
		}, normal(2, 3, 5, 16), normal(16), normal(16), normal(2, 3, 5, 8))
	}
	gradientCase("conv_before_groupnorm_add", func(x []*Var) *Var { // the bias's gradient is made of the norm's sums
		h := autograd.Conv2D(x[0], x[1], x[2], autograd.Conv{PadH: 1, PadW: 1, Scale: 0.7})
		return autograd.GroupNorm(h, x[3], x[4], autograd.Norm{Groups: 2, Eps: 1e-5, SiLU: true, Add: x[5]})
	}, normal(2, 3, 5, 4), normal(3, 3, 4, 8), normal(8), normal(8), normal(8), normal(2, 8))
}
