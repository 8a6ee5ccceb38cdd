package autograd_test

import "onestep/autograd"

func init() {
	gradientCase("concat", func(x []*Var) *Var { return autograd.Concat(x[0], x[1]) }, normal(2, 3, 5, 4), normal(2, 3, 5, 7))
	gradientCase("concat_three", func(x []*Var) *Var { return autograd.Concat(x[0], x[1], x[0]) }, normal(2, 3, 5, 4), normal(2, 3, 5, 7))
	gradientCase("concat_self", func(x []*Var) *Var { return autograd.Concat(autograd.Concat(x[0], x[0]), x[0]) }, normal(2, 3, 5, 1))
}
