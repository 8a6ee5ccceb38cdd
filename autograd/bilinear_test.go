package autograd_test

import (
	"fmt"

	"onestep/autograd"
)

func init() {
	for _, s := range [][4]int{{4, 5, 9, 11}, {3, 3, 21, 7}, {9, 13, 4, 5}, {1, 1, 3, 2}} {
		gradientCase(fmt.Sprintf("bilinear_%dx%d_%dx%d", s[0], s[1], s[2], s[3]), func(x []*Var) *Var { return autograd.Bilinear(x[0], s[2], s[3]) },
			normal(2, s[0], s[1], 3))
		gradientCase(fmt.Sprintf("bilinear_topleft_%dx%d_%dx%d", s[0], s[1], s[2], s[3]),
			func(x []*Var) *Var { return autograd.BilinearTopLeft(x[0], s[2], s[3]) }, normal(2, s[0], s[1], 3))
	}
}
