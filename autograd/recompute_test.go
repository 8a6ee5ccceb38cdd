package autograd_test

import "onestep/autograd"

func init() {
	gradientCase("recompute", func(x []*Var) *Var {
		return autograd.Recompute(func(in ...*Var) *Var { return autograd.SiLU(in[0].Mul(in[1])).Add(in[0]) }, x...).Mul(x[0])
	}, normal(7), normal(7))
	gradientCase("recompute_same", func(x []*Var) *Var {
		y := autograd.Recompute(func(in ...*Var) *Var { return autograd.SiLU(in[0].Mul(in[1])).Mul(x[0]) }, x[0], x[0])
		return y.Add(x[0])
	}, normal(7))
	gradientCase("recompute_captures", func(x []*Var) *Var { // x[1] is no input of the function
		return autograd.Recompute(func(in ...*Var) *Var { return autograd.SiLU(in[0].Mul(x[1])) }, x[0])
	}, normal(7), normal(7))
	gradientCase("recompute_nested", func(x []*Var) *Var {
		return autograd.Recompute(func(in ...*Var) *Var {
			inner := autograd.Recompute(func(in ...*Var) *Var { return autograd.SiLU(in[0]).Mul(x[1]) }, in[0].Scale(2))
			return inner.Mul(in[0]).Add(in[1])
		}, x[0], x[1])
	}, normal(7), normal(7))
}
