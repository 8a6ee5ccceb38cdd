package autograd

import (
	"slices"

	"onestep/kernels"
	"onestep/tensor"
)

// Conv is how a convolution is done. The zero Conv is a plain one with stride 1 and no padding.
type Conv struct {
	Stride     int // 0 means 1
	PadH, PadW int
	ReLU       bool
	Residual   *Var    // added before Scale; nil: none. It has the shape of the result
	Scale      float32 // 0 means 1
}

// Conv2D convolves x; [kernels.Conv2D] has the formula.
// Shapes: x (N,H,W,I); weight (KH,KW,I,O); bias (O) or nil; result (N,OH,OW,O).
func Conv2D(x, weight, bias *Var, c Conv) *Var {
	c, s := c.shape(x, weight, bias)
	d := x.Device()
	y := d.New(x.Value.DType(), s.N, s.OH, s.OW, s.O)
	check(c.Residual == nil || slices.Equal(c.Residual.Shape(), y.Shape()), "Conv2D: residual %v for result %v", c.Residual, y.Shape())
	kernels.Conv2D.Run(d, kernels.Conv2DArgs{
		Y: y.Buf(), X: x.Buf(), Weight: weight.Buf(), Bias: optional(bias), Residual: optional(c.Residual),
		Scale: c.Scale, ReLU: c.ReLU, ConvShape: s,
	})
	var saved []*tensor.Tensor
	if weight.needs || bias != nil && bias.needs {
		saved = append(saved, x.Value)
	}
	if x.needs {
		saved = append(saved, weight.Value)
	}
	if c.ReLU {
		saved = append(saved, y)
	}
	return recordFused(y, c.ReLU, vars(x, weight, bias, c.Residual), saved, func(g arrived) {
		scale := c.Scale * g.factor
		if c.Residual != nil {
			c.Residual.accumulateScaled(scale, g.dy)
		}
		weightGrad(x, weight, bias, g.dy, g.sums, scale, s)
		if x.needs {
			dx := d.New(g.dy.DType(), x.Shape()...)
			kernels.Conv2DInputGrad.Run(d, kernels.Conv2DInputGradArgs{
				DX: dx.Buf(), DY: g.dy.Buf(), Weight: weight.Buf(), Mask: x.mask(), Scale: scale, ConvShape: s,
			})
			x.accumulateMasked(dx)
		}
	})
}

// shape checks what is to be convolved, puts defaults in place of zeros, and finds the sizes.
func (c Conv) shape(x, weight, bias *Var) (Conv, kernels.ConvShape) {
	check(len(x.Shape()) == 4 && len(weight.Shape()) == 4, "Conv2D: input %v, weight %v: want 4 dimensions each", x.Shape(), weight.Shape())
	check(x.Dim(3) == weight.Dim(2), "Conv2D: input %v has %d channels, weight %v wants %d", x.Shape(), x.Dim(3), weight.Shape(), weight.Dim(2))
	check(bias == nil || bias.Len() == weight.Dim(3), "Conv2D: bias %v for weight %v", bias, weight.Shape())
	if c.Stride == 0 {
		c.Stride = 1
	}
	if c.Scale == 0 {
		c.Scale = 1
	}
	return c, kernels.ConvShape{
		N: x.Dim(0), H: x.Dim(1), W: x.Dim(2), I: x.Dim(3),
		KH: weight.Dim(0), KW: weight.Dim(1), O: weight.Dim(3),
		Stride: c.Stride, PadH: c.PadH, PadW: c.PadW,
	}.Out()
}

// weightGrad adds to the gradients of a convolution's weight and bias (nil: none) what dy contributes, times scale. The sums of dy over the pixels
// of each sample may be given.
func weightGrad(x, weight, bias *Var, dy, sums *tensor.Tensor, scale float32, s kernels.ConvShape) {
	if !weight.needs && (bias == nil || !bias.needs) {
		return
	}
	dw := weight.Value.NewLike()
	args := kernels.Conv2DWeightGradArgs{DWeight: dw.Buf(), X: x.Buf(), DY: dy.Buf(), Scale: scale, ConvShape: s}
	if bias != nil {
		db := bias.Value.NewLike()
		args.DBias = db.Buf()
		if sums != nil {
			args.Sums = sums.Buf()
		}
		defer bias.accumulate(db)
	}
	kernels.Conv2DWeightGrad.Run(x.Device(), args)
	weight.accumulate(dw)
}
