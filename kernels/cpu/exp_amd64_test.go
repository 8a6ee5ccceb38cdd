//go:build amd64 && !purego

package cpu

import (
	"math"
	"testing"

	"onestep/kernels"
)

// The exponential is within 1.1 units in the last place where the result is at least 2⁻¹²⁴, and within 2⁻¹²⁵ below.
func TestExpError(t *testing.T) {
	inf := float32(math.Inf(1))
	x := []float32{0, float32(math.Copysign(0, -1)), 1000, -1000, inf, -inf, float32(math.NaN()), math.Float32frombits(0x7fc0dead), 1e-45, -1e-45, math.MaxFloat32, -math.MaxFloat32, 88.72, 88.722835, 88.73, 89}
	for f := -110.0; f < 90; f += 0.00073 {
		x = append(x, float32(f))
	}
	for e := -140; e < 8; e++ {
		x = append(x, float32(math.Ldexp(1.3, e)), float32(-math.Ldexp(1.3, e)))
	}
	y := make([]float32, len(x))
	for _, isa := range kernels.ISAs()[1:] {
		vecExp(isa, y, x, len(x))
		worst := 0.0
		for i, v := range x {
			want, got := math.Exp(float64(v)), float64(y[i])
			switch {
			case float32(want) == y[i] || math.IsNaN(want) && math.IsNaN(got):
			case want < 0x1p-124:
				if math.Abs(got-want) > 0x1p-125 {
					t.Errorf("%v: exp(%v) = %v, want %v", isa, v, got, want)
				}
			default:
				_, e := math.Frexp(want)
				worst = max(worst, math.Abs(got-want)/math.Ldexp(1, e-24))
			}
		}
		t.Logf("%v: within %.3f ulp", isa, worst)
		if !(worst <= 1.1) {
			t.Errorf("%v: within %v ulp", isa, worst)
		}
	}
}
