package autograd_test

import (
	"math/rand/v2"

	"onestep/autograd"
)

func init() {
	gradientCase("sample_l2", func(x []*Var) *Var { return autograd.SampleL2(x[0], x[1]) }, normal(3, 4, 5), normal(3, 4, 5))
	apart := func(at float64) input { // x near 10 or −10, y near 0
		return input{[]int{3, 4, 5}, func(r *rand.Rand, i int) float64 { return at*float64(1-i%2*2) + r.NormFloat64() }}
	}
	gradientCase("sample_l1", func(x []*Var) *Var { return autograd.SampleL1(x[0], x[1]) }, apart(10), apart(0))
}
