package kernelstest

import "onestep/kernels"

// Conv2D draws arguments of [kernels.Conv2D].
func Conv2D(r *Rand) kernels.Conv2DArgs { return conv2D(r, anyConv(r)) }

// Conv2DFew draws arguments of [kernels.Conv2D] with few channels in the input, in the output or in both.
func Conv2DFew(r *Rand) kernels.Conv2DArgs { return conv2D(r, fewConv(r)) }

func conv2D(r *Rand, s kernels.ConvShape) kernels.Conv2DArgs {
	r.Sum(s.KH*s.KW*s.I + 2)
	width := s.O + Pick(r, 0, 0, 5, 16)
	y := s.N * s.OH * s.OW * width
	return kernels.Conv2DArgs{
		Width: width, Y: r.Out(y), X: r.In(s.N * s.H * s.W * s.I), Weight: r.In(s.KH * s.KW * s.I * s.O),
		Bias: r.Maybe(r.In(s.O)), Residual: r.Maybe(r.In(y)), Scale: Pick[float32](r, 1, 0.7), ReLU: r.Bool(),
		ConvShape: s,
	}
}

// Conv2DInputGrad draws arguments of [kernels.Conv2DInputGrad].
func Conv2DInputGrad(r *Rand) kernels.Conv2DInputGradArgs { return conv2DInputGrad(r, anyConv(r)) }

// Conv2DInputGradFew draws arguments of [kernels.Conv2DInputGrad] as [Conv2DFew] does.
func Conv2DInputGradFew(r *Rand) kernels.Conv2DInputGradArgs { return conv2DInputGrad(r, fewConv(r)) }

func conv2DInputGrad(r *Rand, s kernels.ConvShape) kernels.Conv2DInputGradArgs {
	r.Sum(s.KH * s.KW * s.O)
	return kernels.Conv2DInputGradArgs{
		DX: r.Out(s.N * s.H * s.W * s.I), DY: r.In(s.N * s.OH * s.OW * s.O), Weight: r.In(s.KH * s.KW * s.I * s.O),
		Mask: r.Maybe(r.In(s.N * s.H * s.W * s.I)), Scale: Pick[float32](r, 1, 0.7), ConvShape: s,
	}
}

// Conv2DWeightGrad draws arguments of [kernels.Conv2DWeightGrad].
func Conv2DWeightGrad(r *Rand) kernels.Conv2DWeightGradArgs { return conv2DWeightGrad(r, anyConv(r)) }

// Conv2DWeightGradFew draws arguments of [kernels.Conv2DWeightGrad] as [Conv2DFew] does.
func Conv2DWeightGradFew(r *Rand) kernels.Conv2DWeightGradArgs {
	return conv2DWeightGrad(r, fewConv(r))
}

func conv2DWeightGrad(r *Rand, s kernels.ConvShape) kernels.Conv2DWeightGradArgs {
	r.Sum(s.N * s.OH * s.OW)
	return kernels.Conv2DWeightGradArgs{
		DWeight: r.Out(s.KH * s.KW * s.I * s.O), DBias: r.Maybe(r.Out(s.O)),
		X: r.In(s.N * s.H * s.W * s.I), DY: r.In(s.N * s.OH * s.OW * s.O), Sums: r.Maybe(r.In(s.N * s.O)), Scale: Pick[float32](r, 1, 0.7),
		ConvShape: s,
	}
}

// anyConv draws the geometry of a convolution: kernels up to 5 pixels, or 7 in one direction, strides up to 3, padding up to the kernel.
func anyConv(r *Rand) kernels.ConvShape {
	for {
		s := kernels.ConvShape{
			N: r.Size(3), H: r.Size(13), W: r.Size(13), I: r.Size(37), O: r.Size(70),
			KH: Pick(r, 1, 3, 3, 3, 5, 2), KW: Pick(r, 1, 3, 3, 3, 5, 4),
			Stride: Pick(r, 1, 1, 1, 2, 3),
		}
		if r.Bool() {
			s.O = (s.O + 15) / 16 * 16
			s.I = (s.I + 15) / 16 * 16
		}
		switch r.IntN(8) {
		case 0:
			s.KH, s.KW = 1, Pick(r, 3, 7)
		case 1:
			s.KH, s.KW = Pick(r, 3, 7), 1
		}
		s.PadH, s.PadW = r.IntN(s.KH+1), r.IntN(s.KW+1)
		if s.KH == 1 && s.KW == 1 && r.IntN(2) == 0 {
			s.PadH, s.PadW = 0, 0
		}
		if s.H+2*s.PadH >= s.KH && s.W+2*s.PadW >= s.KW {
			return s.Out()
		}
	}
}

// fewConv draws the geometry of a convolution of up to five channels on one side, of larger images and with more stride 1 than [anyConv].
func fewConv(r *Rand) kernels.ConvShape {
	for {
		s := kernels.ConvShape{
			N: r.Size(3), H: r.Size(21), W: r.Size(37), I: r.Size(5), O: r.Size(160),
			KH: Pick(r, 3, 3, 3, 1, 5, 2), KW: Pick(r, 3, 3, 3, 1, 5, 4),
			Stride: Pick(r, 1, 1, 1, 1, 2),
		}
		if r.Bool() {
			s.I, s.O = s.O, s.I
		}
		s.PadH, s.PadW = Pick(r, s.KH/2, r.IntN(s.KH+1)), Pick(r, s.KW/2, r.IntN(s.KW+1))
		if s.H+2*s.PadH >= s.KH && s.W+2*s.PadW >= s.KW {
			return s.Out()
		}
	}
}
