package cpu_test

import (
	"math"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestAdam(t *testing.T) {
	kernelstest.Agree(t, &kernels.Adam, func(r *kernelstest.Rand) kernels.AdamArgs {
		n := r.Size(20_000)
		return kernels.AdamArgs{P: r.InOut(n), M: r.InOut(n), V: r.Uniform(n, 0, 2), G: r.In(n),
			GradScale: 0.5, Decay: r.Float32() / 10, Beta1: 0.9, Beta2: 0.999, Step: 0.01, Eps: 1e-8, Adaptive: r.Bool(), N: n}
	}, kernelstest.Within(4), kernelstest.OnlyF32(), kernelstest.Trials(8))
}

// The averages and the half precision copy are not among the buffers that Agree knows.
func TestAdamExtras(t *testing.T) {
	const n = 5003
	run := func(isa kernels.ISA, threads int) (p []float32, emas [][]float32, half []kernels.F16Bits) {
		d := kernels.NewCPUAt(isa, threads)
		defer d.Close()
		s := rng(3)
		a := kernels.AdamArgs{P: s.normal(n), M: s.normal(n), V: kernels.HostF32(make([]float32, n)), G: s.normal(n), Half: d.Alloc(kernels.F16, n),
			GradScale: 1, Beta1: 0.9, Beta2: 0.99, Step: 0.01, Eps: 1e-8, Adaptive: true, N: n,
			EMA: []kernels.Buf{s.normal(n), s.normal(n)}, Rates: []float64{0.5, 0.999}}
		kernels.Adam.Run(d, a)
		return a.P.F32, [][]float32{a.EMA[0].F32, a.EMA[1].F32}, a.Half.F16
	}
	_, want, _ := run(kernels.Generic, 1)
	for _, isa := range kernels.ISAs() {
		p, got, half := run(isa, 2)
		for k := range got {
			for i := range got[k] {
				if e := math.Abs(float64(got[k][i] - want[k][i])); e > 2e-7*math.Abs(float64(want[k][i]))+1e-7 {
					t.Fatalf("%v: average %d[%d] = %v, want %v", isa, k, i, got[k][i], want[k][i])
				}
			}
		}
		for i, h := range half {
			if h != kernels.ToF16(p[i]) {
				t.Fatalf("%v: half[%d] = %04x, want %04x", isa, i, h, kernels.ToF16(p[i]))
			}
		}
	}
}

func BenchmarkAdam(b *testing.B) {
	const n = 1 << 20
	bench(b, "emas=2/half=true", 2*5*n-n+n/2, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
		a := kernels.AdamArgs{P: new(n), M: new(n), V: d.Alloc(kernels.F32, n), G: new(n), Half: d.Alloc(kernels.F16, n),
			GradScale: 1, Beta1: 0.9, Beta2: 0.99, Step: 1e-6, Eps: 1e-8, Adaptive: true, N: n,
			EMA: []kernels.Buf{new(n), new(n)}, Rates: []float64{0.5, 0.999}}
		clear(a.V.F32)
		return func() { kernels.Adam.Run(d, a) }
	})
}
