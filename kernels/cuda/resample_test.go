package cuda_test

import (
	"math"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestResample(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Resample, kernelstest.Resample, open, kernelstest.Within(6), kernelstest.HalfBits(), kernelstest.Trials(50), scouted(t))
	kernelstest.AgreeOn(t, &kernels.Resample, kernelstest.Resample, open, kernelstest.Within(6), kernelstest.AllHalf(), kernelstest.Trials(50), scouted(t))
}

// TestResampleNotFinite has infinite pixels, which reach only what has a tap on them: one that a kernel has more than the filter is no weight of 0.
func TestResampleNotFinite(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Resample, func(r *kernelstest.Rand) kernels.ResampleArgs {
		a := kernelstest.Resample(r)
		for i := 0; i < a.X.Len; i += 1 + r.IntN(60) {
			a.X.F32[i] = float32(math.Inf(1))
		}
		return a
	}, open, kernelstest.Within(6), kernelstest.Trials(30), kernelstest.Seeds(1))
}
