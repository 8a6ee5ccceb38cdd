package autograd_test

import "onestep/autograd"

func init() {
	gradientCase("axpby", func(x []*Var) *Var { return autograd.Axpby(1.5, x[0], -0.25, x[1]) }, normal(3, 7, 5), normal(3, 7, 5))
	gradientCase("add", func(x []*Var) *Var { return x[0].Add(x[1]) }, normal(11), normal(11))
	gradientCase("sub", func(x []*Var) *Var { return x[0].Sub(x[1]) }, normal(11), normal(11))
	gradientCase("scale", func(x []*Var) *Var { return x[0].Scale(-3) }, normal(5, 7))
	gradientCase("mul", func(x []*Var) *Var { return x[0].Mul(x[1]) }, normal(2, 9), normal(2, 9))
	gradientCase("square", func(x []*Var) *Var { return x[0].Mul(x[0]) }, normal(2, 9))
	gradientCase("sample_axpby", func(x []*Var) *Var {
		d := x[0].Device()
		return autograd.SampleAxpby(vector(d, 2, -1, 0.5), x[0], vector(d, 0.25, 3, -1), x[1])
	}, normal(3, 5, 7, 2), normal(3, 5, 7, 2))
	gradientCase("sample_scale", func(x []*Var) *Var {
		return autograd.SampleAxpby(vector(x[0].Device(), 2, -1, 0.5), x[0], nil, nil)
	}, normal(3, 11))
	gradientCase("channel_affine", func(x []*Var) *Var {
		d := x[0].Device()
		return autograd.ChannelAffine(x[0], vector(d, 2, -1, 0.5), vector(d, 1, 2, 3))
	}, normal(2, 5, 3, 3))
	gradientCase("pair_axpby", func(x []*Var) *Var {
		d := x[0].Device()
		return autograd.PairAxpby(vector(d, 2, -1, 0.5), vector(d, 1, 4, -3), x[0])
	}, normal(6, 5, 3))
	gradientCase("repeat", func(x []*Var) *Var { return autograd.Repeat(x[0]) }, normal(3, 5, 1))
}
