package cpu_test

import (
	"math"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestSiLU(t *testing.T) {
	kernelstest.Agree(t, &kernels.SiLU, kernelstest.SiLU, kernelstest.Within(4), kernelstest.Trials(10))
	kernelstest.Agree(t, &kernels.SiLUBackward, kernelstest.SiLUBackward, kernelstest.Within(4), kernelstest.Trials(10))
}

// awkward numbers, and a sweep over the exponents of both signs.
func awkward() []float32 {
	inf := float32(math.Inf(1))
	x := []float32{0, float32(math.Copysign(0, -1)), 1000, -1000, inf, -inf, float32(math.NaN()), math.Float32frombits(0x7fc0dead), 1e-45, -1e-45, 1e-40, -1e-40, math.MaxFloat32, -math.MaxFloat32,
		-86.5, -86.7, -87, -87.2, -87.31, -87.34, -88, -100, -103.9, -104, -110, 88, 88.7, 88.72, 88.73, 89, 90}
	for e := -140; e < 8; e++ {
		for _, m := range []float64{1, 1.1, 1.5, 1.9999} {
			x = append(x, float32(math.Ldexp(m, e)), float32(-math.Ldexp(m, e)))
		}
	}
	for f := -105.0; f < 90; f += 0.00173 {
		x = append(x, float32(f))
	}
	return x
}

func sigmoid(x float64) float64 {
	if x < 0 {
		return math.Exp(x) / (1 + math.Exp(x))
	}
	return 1 / (1 + math.Exp(-x))
}

// SiLU is within 3 units in the last place, its slope within 5 of the larger of its two terms, where results are normal numbers; below
// that the error is less than the least normal number.
func TestSiLUError(t *testing.T) {
	const least = 0x1p-126
	x := awkward()
	n := len(x)
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	for _, isa := range kernels.ISAs()[1:] {
		d := kernels.NewCPUAt(isa, 1)
		defer d.Close()
		y, dx := d.Alloc(kernels.F32, n), d.Alloc(kernels.F32, n)
		kernels.SiLU.Run(d, kernels.SiLUArgs{Y: y, X: kernels.HostF32(x), N: n})
		kernels.SiLUBackward.Run(d, kernels.SiLUBackwardArgs{DX: dx, DY: kernels.HostF32(ones), X: kernels.HostF32(x), N: n})
		worst, worstSlope := 0.0, 0.0
		for i, v := range x {
			f := float64(v)
			s := sigmoid(f)
			want, got := f*s, float64(y.F32[i])
			if math.IsInf(f, 1) {
				want = f
			}
			slope, gotSlope := s*(1+f*(1-s)), float64(dx.F32[i])
			if math.IsNaN(want) != math.IsNaN(got) || math.IsNaN(slope) != math.IsNaN(gotSlope) || want == 0 && got != 0 || math.IsInf(want, 0) != math.IsInf(got, 0) {
				t.Errorf("%v: x = %v: silu %v, want %v; slope %v, want %v", isa, v, got, want, gotSlope, slope)
				continue
			}
			if math.IsNaN(want) || math.IsInf(want, 0) {
				continue
			}
			if e := ulps(got, want); !(math.Abs(got-want) < 100*least) {
				worst = max(worst, e)
			}
			if e := math.Abs(gotSlope - slope); !(e < 100*least) {
				worstSlope = max(worstSlope, e/ulp(math.Max(s, math.Abs(f*s*(1-s)))))
			}
		}
		t.Logf("%v: silu within %.2f ulp, slope within %.2f", isa, worst, worstSlope)
		if worst > 3 || worstSlope > 5 {
			t.Errorf("%v: silu within %.2f ulp, want 3; slope within %.2f, want 5", isa, worst, worstSlope)
		}
	}
}

// ulp is the distance of neighbouring float32 numbers near x.
func ulp(x float64) float64 {
	_, e := math.Frexp(x)
	return math.Ldexp(1, max(e, -125)-24)
}

func ulps(got, want float64) float64 { return math.Abs(got-want) / ulp(want) }

func BenchmarkSiLU(b *testing.B) {
	const n = 1 << 20
	bench(b, "dir=fwd", 2*n, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
		a := kernels.SiLUArgs{Y: new(n), X: new(n), N: n}
		return func() { kernels.SiLU.Run(d, a) }
	})
	bench(b, "dir=bwd", 3*n, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
		a := kernels.SiLUBackwardArgs{DX: new(n), DY: new(n), X: new(n), N: n}
		return func() { kernels.SiLUBackward.Run(d, a) }
	})
}
