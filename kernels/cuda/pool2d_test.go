package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestPool2D(t *testing.T) {
	kernelstest.AgreeOn(t, &kernels.Pool2D, kernelstest.Pool2D, emulator, kernelstest.HalfBits(), trials(12))
	kernelstest.AgreeOn(t, &kernels.Pool2D, kernelstest.Pool2D, emulator, kernelstest.AllHalf(), trials(40))
	kernelstest.AgreeOn(t, &kernels.Pool2DBackward, kernelstest.Pool2DBackward, emulator, kernelstest.HalfBits(), trials(12))
	kernelstest.AgreeOn(t, &kernels.Pool2DBackward, kernelstest.Pool2DBackward, emulator, kernelstest.AllHalf(), trials(40))
	kernelstest.AgreeOn(t, &kernels.Pool2DBackward, kernelstest.HalvingBackward, emulator, kernelstest.Exactly(), kernelstest.HalfBits())
}

func TestMeanPixels(t *testing.T) {
	kernelstest.AgreeOn(t, &kernels.MeanPixels, kernelstest.MeanPixels, emulator, kernelstest.Within(16), kernelstest.HalfBits(), trials(40))
}
