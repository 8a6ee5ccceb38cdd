package autograd_test

import (
	"fmt"

	"onestep/autograd"
)

func init() {
	for _, taps := range [][]float32{{1, 1}, {1, 3, 3, 1}} {
		for _, pad := range []int{0, 1} {
			f := autograd.Filter{Taps: taps, Pad: pad}
			name := fmt.Sprintf("filter_%d_pad%d", len(taps), pad)
			for _, s := range [][2]int{{8, 6}, {7, 9}} {
				size := fmt.Sprintf("_%dx%d", s[0], s[1])
				gradientCase(name+"_down"+size, func(x []*Var) *Var { return f.Down(x[0]) }, normal(2, s[0], s[1], 3))
				gradientCase(name+"_up"+size, func(x []*Var) *Var { return f.Up(x[0]) }, normal(2, s[0], s[1], 3))
			}
		}
	}
}
