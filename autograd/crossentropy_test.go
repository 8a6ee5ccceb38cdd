package autograd_test

import "onestep/autograd"

func init() {
	gradientCase("cross_entropy", func(x []*Var) *Var { return autograd.CrossEntropy(x[0], []int{2, 0, 6}) }, normal(3, 7))
}
