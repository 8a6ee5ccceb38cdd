package autograd_test

import (
	"fmt"

	"onestep/autograd"
)

func init() {
	for _, c := range []struct{ channels, groups int }{{20, 5}, {12, 3}, {64, 32}, {7, 7}, {6, 1}} {
		for _, silu := range []bool{false, true} {
			norm := autograd.Norm{Groups: c.groups, Eps: 1e-5, SiLU: silu}
			name := fmt.Sprintf("groupnorm_%d_%d_silu=%v", c.channels, c.groups, silu)
			x, w, b := normal(2, 3, 5, c.channels), normal(c.channels), normal(c.channels)
			gradientCase(name, func(x []*Var) *Var { return autograd.GroupNorm(x[0], x[1], x[2], norm) }, x, w, b)
			gradientCase(name+"_add", func(x []*Var) *Var {
				m := norm
				m.Add = x[3]
				return autograd.GroupNorm(x[0], x[1], x[2], m)
			}, x, w, b, normal(2, c.channels))
			gradientCase(name+"_scaleshift", func(x []*Var) *Var {
				m := norm
				m.ScaleShift = x[3]
				return autograd.GroupNorm(x[0], x[1], x[2], m)
			}, x, w, b, normal(2, 2*c.channels))
			gradientCase(name+"_add_scaleshift", func(x []*Var) *Var {
				m := norm
				m.Add, m.ScaleShift = x[3], x[4]
				return autograd.GroupNorm(x[0], x[1], x[2], m)
			}, x, w, b, normal(2, c.channels), normal(2, 2*c.channels))
		}
	}
}
