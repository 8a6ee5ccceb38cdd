package autograd_test

import "onestep/autograd"

func init() {
	gradientCase("linear", func(x []*Var) *Var { return autograd.Linear(x[0], x[1], x[2]) }, normal(5, 13), normal(13, 17), normal(17))
	gradientCase("linear_nobias", func(x []*Var) *Var { return autograd.Linear(x[0], x[1], nil) }, normal(5, 13), normal(13, 17))
	gradientCase("linear_1", func(x []*Var) *Var { return autograd.Linear(x[0], x[1], x[2]) }, normal(1, 1), normal(1, 1), normal(1))
}
