package autograd_test

import (
	"fmt"

	"onestep/autograd"
)

func init() {
	for _, first := range []bool{false, true} {
		gradientCase(fmt.Sprintf("embedding_%v", first), func(x []*Var) *Var {
			return autograd.Embedding(x[0], vector(x[0].Device(), 1, 0.5, 0.3, 0.1, 0.01), first)
		}, normal(5))
	}
}
