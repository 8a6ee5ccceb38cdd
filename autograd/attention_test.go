package autograd_test

import (
	"fmt"

	"onestep/autograd"
)

func init() {
	for _, c := range []struct{ n, h, w, heads, dim int }{{2, 3, 5, 1, 4}, {1, 4, 4, 3, 5}, {2, 1, 1, 2, 3}, {1, 7, 5, 2, 64}, {1, 6, 6, 1, 20}} {
		gradientCase(fmt.Sprintf("attention_%dx%d_%dx%d", c.h, c.w, c.heads, c.dim), func(x []*Var) *Var { return autograd.Attention(x[0], c.heads) },
			normal(c.n, c.h, c.w, 3*c.heads*c.dim))
	}
}
