package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestResample(t *testing.T) {
	kernelstest.AgreeOn(t, &kernels.Resample, kernelstest.Resample, emulator, kernelstest.Within(6), kernelstest.HalfBits(), trials(50))
	kernelstest.AgreeOn(t, &kernels.Resample, kernelstest.Resample, emulator, kernelstest.Within(6), kernelstest.AllHalf(), trials(50))
}
