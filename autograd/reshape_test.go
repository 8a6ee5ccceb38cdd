package autograd_test

import "onestep/autograd"

func init() {
	gradientCase("reshape", func(x []*Var) *Var { return autograd.Reshape(x[0], 6, 5) }, normal(2, 3, 5))
}
