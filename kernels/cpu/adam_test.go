package cpu_test

import (
	"math"
	"slices"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// plan is what StepControl could have decided.
func plan(apply, adaptive bool) kernels.Buf {
	p := make([]float32, kernels.PlanLen)
	p[kernels.PlanGradScale], p[kernels.PlanStep], p[kernels.PlanEps] = 0.5, 0.01, 1e-8
	if apply {
		p[kernels.PlanApply] = 1
	}
	if adaptive {
		p[kernels.PlanAdaptive] = 1
	}
	return kernels.HostF32(p)
}

func TestAdam(t *testing.T) {
	kernelstest.Agree(t, &kernels.Adam, kernelstest.Adam, kernelstest.Within(4), kernelstest.OnlyF32())
}

// TestAdamSkips has a plan that says not to apply.
func TestAdamSkips(t *testing.T) {
	for _, isa := range kernels.ISAs() {
		d := kernels.NewCPUAt(isa, 2)
		s := rng(3)
		a := kernels.AdamArgs{Plan: plan(false, true), Rates: []float64{0.5}, Beta1: 0.9, Beta2: 0.999}
		for _, list := range []*[]kernels.Buf{&a.P, &a.M, &a.V, &a.G, &a.EMA} {
			*list = []kernels.Buf{s.normal(100)}
		}
		a.G[0].F32[5] = float32(math.NaN())
		before := slices.Concat(a.P[0].F32, a.M[0].F32, a.V[0].F32, a.EMA[0].F32)
		kernels.Adam.Run(d, a)
		if !slices.Equal(slices.Concat(a.P[0].F32, a.M[0].F32, a.V[0].F32, a.EMA[0].F32), before) {
			t.Errorf("%v: a skipped step changes something", isa)
		}
		d.Close()
	}
}

// TestAdamHalf: the half precision copies are not among the buffers that Agree knows.
func TestAdamHalf(t *testing.T) {
	for _, isa := range kernels.ISAs() {
		d := kernels.NewCPUAt(isa, 2)
		s := rng(3)
		a := kernels.AdamArgs{Plan: plan(true, true), Beta1: 0.9, Beta2: 0.99}
		for _, n := range []int{5003, 7, 20_000} {
			a.P, a.M, a.G, a.V = append(a.P, s.normal(n)), append(a.M, s.normal(n)), append(a.G, s.normal(n)), append(a.V, kernels.HostF32(make([]float32, n)))
			a.Half = append(a.Half, d.Alloc(kernels.F16, n))
		}
		a.Half[1] = kernels.Buf{} // not wanted
		kernels.Adam.Run(d, a)
		for k, half := range a.Half {
			for i, h := range half.F16 {
				if p := a.P[k].F32[i]; h != kernels.ToF16(p) {
					t.Fatalf("%v: half %d[%d] = %04x, want %04x", isa, k, i, h, kernels.ToF16(p))
				}
			}
		}
		d.Close()
	}
}

func BenchmarkAdam(b *testing.B) {
	const n = 1 << 20
	bench(b, "emas=2/half=true", 2*5*n-n+n/2, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
		one := func(x kernels.Buf) []kernels.Buf { return []kernels.Buf{x} }
		a := kernels.AdamArgs{P: one(new(n)), M: one(new(n)), V: one(d.Alloc(kernels.F32, n)), G: one(new(n)), Half: one(d.Alloc(kernels.F16, n)),
			Plan: plan(true, true), Beta1: 0.9, Beta2: 0.99, EMA: []kernels.Buf{new(n), new(n)}, Rates: []float64{0.5, 0.999}}
		clear(a.V[0].F32)
		return func() { kernels.Adam.Run(d, a) }
	})
}
