package cuda_test

import (
	"math"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

var inf, nan = float32(math.Inf(1)), float32(math.NaN())

func TestSiLU(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.SiLU, kernelstest.SiLU, open, kernelstest.Within(4), scouted(t))
	kernelstest.AgreeOn(t, &kernels.SiLUBackward, kernelstest.SiLUBackward, open, kernelstest.Within(4), scouted(t))
}

// TestSiLUFar has arguments where e⁻ˣ overflows or vanishes, and what is no number.
func TestSiLUFar(t *testing.T) {
	open := emulator(t)
	for _, typ := range []kernels.DType{kernels.F32, kernels.F16} {
		d := open(1)
		x := []float32{-inf, -3e38, -1000, -120, -89, 0, 89, 120, 1000, 3e38, inf, nan}
		y := make([]float32, len(x))
		bx, by := d.Alloc(typ, len(x)), d.Alloc(typ, len(x))
		d.Upload(bx, x)
		kernels.SiLU.Run(d, kernels.SiLUArgs{Y: by, X: bx, N: len(x)})
		d.Download(y, by)
		d.Download(x, bx) // in half precision some are infinite
		for i, v := range x {
			switch {
			case v != v || v == -inf: // −∞·0
				if y[i] == y[i] {
					t.Errorf("%v: silu(%v) = %v", typ, v, y[i])
				}
			case v > 80 && y[i] != v, v < -80 && (y[i] > 0 || y[i] < -1e-35):
				t.Errorf("%v: silu(%v) = %v", typ, v, y[i])
			}
		}
		d.Free(bx)
		d.Free(by)
	}
}
