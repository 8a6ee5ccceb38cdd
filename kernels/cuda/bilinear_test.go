package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestBilinear(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Bilinear, kernelstest.Bilinear, open, kernelstest.Within(16), kernelstest.HalfBits(), kernelstest.Trials(16), scouted(t))
}
