package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestBilinear(t *testing.T) {
	kernelstest.AgreeOn(t, &kernels.Bilinear, kernelstest.Bilinear, emulator, kernelstest.Within(16), kernelstest.HalfBits(), trials(16))
}
