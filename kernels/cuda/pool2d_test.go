package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestPool2D(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Pool2D, kernelstest.Pool2D, open, kernelstest.HalfBits(), kernelstest.Trials(12), scouted(t))
	kernelstest.AgreeOn(t, &kernels.Pool2D, kernelstest.Pool2D, open, kernelstest.AllHalf(), kernelstest.Trials(40), scouted(t))
	kernelstest.AgreeOn(t, &kernels.Pool2DBackward, kernelstest.Pool2DBackward, open, kernelstest.HalfBits(), kernelstest.Trials(12), scouted(t))
	kernelstest.AgreeOn(t, &kernels.Pool2DBackward, kernelstest.Pool2DBackward, open, kernelstest.AllHalf(), kernelstest.Trials(40), scouted(t))
	kernelstest.AgreeOn(t, &kernels.Pool2DBackward, kernelstest.HalvingBackward, open, kernelstest.Exactly(), kernelstest.HalfBits(), scouted(t))
}

// TestPool2DWindows has every kind of overlap and padding, of vectors and single channels.
func TestPool2DWindows(t *testing.T) {
	open := emulator(t)
	for _, s := range []kernels.PoolShape{
		{Kernel: 3, Stride: 1, Pad: 1}, {Kernel: 3, Stride: 2, Pad: 1}, {Kernel: 2, Stride: 1, Pad: 1}, {Kernel: 4, Stride: 2, Pad: 3}, {Kernel: 3, Stride: 2}, {Kernel: 2, Stride: 3},
	} {
		for _, s.C = range []int{16, 5} {
			for _, s.Max = range []bool{true, false} {
				s.N, s.H, s.W = 2, 6, 7
				s = s.Out()
				in, out := s.N*s.H*s.W*s.C, s.N*s.OH*s.OW*s.C
				for _, half := range []kernelstest.Option{kernelstest.OnlyF32(), kernelstest.AllHalf()} {
					kernelstest.AgreeOn(t, &kernels.Pool2D, func(r *kernelstest.Rand) kernels.Pool2DArgs {
						return kernels.Pool2DArgs{Y: r.Out(out), X: r.In(in), PoolShape: s}
					}, open, half, once, kernelstest.Seeds(1))
					kernelstest.AgreeOn(t, &kernels.Pool2DBackward, func(r *kernelstest.Rand) kernels.Pool2DBackwardArgs {
						return kernels.Pool2DBackwardArgs{DX: r.Out(in), DY: r.In(out), X: r.In(in), PoolShape: s}
					}, open, half, once, kernelstest.Seeds(1))
				}
			}
		}
	}
}

func TestMeanPixels(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.MeanPixels, kernelstest.MeanPixels, open, kernelstest.Within(16), kernelstest.HalfBits(), kernelstest.Trials(40), scouted(t))
	for c := 1; c < 20; c++ { // vectors that begin in every channel and end in others
		kernelstest.AgreeOn(t, &kernels.MeanPixels, func(r *kernelstest.Rand) kernels.MeanPixelsArgs {
			const n, i = 2, 8
			return kernels.MeanPixelsArgs{Y: r.Out(n * i * c), X: r.In(n * c), N: n, I: i, C: c, Grad: true}
		}, open, kernelstest.Within(16), once)
	}
}
