package autograd_test

import "onestep/autograd"

func init() {
	gradientCase("silu", func(x []*Var) *Var { return autograd.SiLU(x[0]) }, normal(3, 37))
}
