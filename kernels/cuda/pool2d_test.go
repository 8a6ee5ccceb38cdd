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
	for c := 1; c < 20; c++ { // vectors that begin in every channel and end in others
		kernelstest.AgreeOn(t, &kernels.MeanPixels, func(r *kernelstest.Rand) kernels.MeanPixelsArgs {
			const n, i = 2, 8
			return kernels.MeanPixelsArgs{Y: r.Out(n * i * c), X: r.In(n * c), N: n, I: i, C: c, Grad: true}
		}, emulator, kernelstest.Within(16), once)
	}
}
