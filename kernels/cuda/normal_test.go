package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestNormal(t *testing.T) {
	kernelstest.AgreeOn(t, &kernels.Normal, kernelstest.Normal, emulator, kernelstest.Exactly(), kernelstest.OnlyF32())
}
