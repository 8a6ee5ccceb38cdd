package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestNormal(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Normal, kernelstest.Normal, open, kernelstest.Exactly(), kernelstest.OnlyF32(), scouted(t))
}
