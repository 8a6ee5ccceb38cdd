package autograd_test

import "onestep/autograd"

func init() {
	gradientCase("lpips_layer", func(x []*Var) *Var {
		return autograd.LPIPSLayer(x[0], x[1], vector(x[0].Device(), 0.5, 1, 2, 0.25, 3))
	}, normal(2, 3, 5, 5), normal(2, 3, 5, 5))
}
