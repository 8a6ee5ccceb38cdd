package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// The trials have strides up to 3, padding up to the kernel, odd channels and mixed types; [TestProductTilesRun] has the tiles.

var convOptions = []kernelstest.Option{kernelstest.Trials(9), kernelstest.Seeds(5)}

func TestConv2D(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Conv2D, kernelstest.Conv2D, open, convOptions...)
}

func TestConv2DInputGrad(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Conv2DInputGrad, kernelstest.Conv2DInputGrad, open, convOptions...)
}

func TestConv2DWeightGrad(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Conv2DWeightGrad, kernelstest.Conv2DWeightGrad, open, convOptions...)
	kernelstest.AgreeOn(t, &kernels.Conv2DWeightGrad, func(r *kernelstest.Rand) kernels.Conv2DWeightGradArgs { // bias gradients of many pixels
		s := kernels.ConvShape{N: 1, H: 16 + r.Size(16), W: 17, I: 4, O: kernelstest.Pick(r, 8, 7, 36), KH: 1, KW: 1, Stride: 1}.Out()
		r.Sum(s.OH * s.OW)
		return kernels.Conv2DWeightGradArgs{
			DWeight: r.Out(s.I * s.O), DBias: r.Out(s.O), X: r.In(s.H * s.W * s.I), DY: r.In(s.OH * s.OW * s.O), Scale: 0.7, ConvShape: s,
		}
	}, open, kernelstest.Trials(6), kernelstest.Seeds(3), scouted(t))
}

// TestConv2DManyTaps has more taps than the 32 that a kernel takes at a time.
func TestConv2DManyTaps(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	open := emulator(t)
	shape := func(r *kernelstest.Rand) kernels.ConvShape {
		return kernels.ConvShape{
			N: 1, H: 8 + r.Size(3), W: 7 + r.Size(3), I: r.Size(9), O: r.Size(17),
			KH: kernelstest.Pick(r, 7, 11), KW: kernelstest.Pick(r, 7, 5), Stride: kernelstest.Pick(r, 1, 2), PadH: 3, PadW: 2,
		}.Out()
	}
	options := []kernelstest.Option{kernelstest.Trials(3), kernelstest.Seeds(3)}
	kernelstest.AgreeOn(t, &kernels.Conv2D, func(r *kernelstest.Rand) kernels.Conv2DArgs {
		s := shape(r)
		y := s.N * s.OH * s.OW * s.O
		r.Sum(s.KH*s.KW*s.I + 2)
		return kernels.Conv2DArgs{
			Y: r.Out(y), X: r.In(s.N * s.H * s.W * s.I), Weight: r.In(s.KH * s.KW * s.I * s.O), Bias: r.Maybe(r.In(s.O)), Residual: r.Maybe(r.In(y)),
			Scale: 0.7, ConvShape: s,
		}
	}, open, options...)
	kernelstest.AgreeOn(t, &kernels.Conv2DInputGrad, func(r *kernelstest.Rand) kernels.Conv2DInputGradArgs {
		s := shape(r)
		r.Sum(s.KH * s.KW * s.O)
		return kernels.Conv2DInputGradArgs{
			DX: r.Out(s.N * s.H * s.W * s.I), DY: r.In(s.N * s.OH * s.OW * s.O), Weight: r.In(s.KH * s.KW * s.I * s.O), Scale: 1, ConvShape: s,
		}
	}, open, options...)
}

func TestConv2DNotFinite(t *testing.T) { kernelstest.Conv2DNotFinite(t, emulator(t)(1)) }
