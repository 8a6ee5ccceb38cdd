package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// MaxPool2D and AvgPool2D pool 2×2 pixels with stride 2; an odd last row or column is dropped.
// Shapes: x (N,H,W,C); result (N,H/2,W/2,C).
func MaxPool2D(x *Var) *Var { return pool2D(x, true) }

// AvgPool2D is described with [MaxPool2D].
func AvgPool2D(x *Var) *Var { return pool2D(x, false) }

func pool2D(x *Var, isMax bool) *Var {
	n, h, w, c := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
	check(h > 1 && w > 1, "Pool2D: image %v is too small", x.Shape())
	d := x.Device()
	y := d.New(x.Value.DType(), n, h/2, w/2, c)
	kernels.Pool2D.Run(d, kernels.Pool2DArgs{Y: y.Buf(), X: x.Buf(), N: n, H: h, W: w, C: c, Max: isMax})
	var saved []*tensor.Tensor
	if isMax {
		saved = values(x)
	}
	return record(y, vars(x), saved, func(dy *tensor.Tensor) {
		dx := d.New(dy.DType(), n, h, w, c)
		args := kernels.Pool2DBackwardArgs{DX: dx.Buf(), DY: dy.Buf(), N: n, H: h, W: w, C: c, Max: isMax}
		if isMax {
			args.X = x.Buf()
		}
		kernels.Pool2DBackward.Run(d, args)
		x.accumulate(dx)
	})
}

// MeanPixels averages over all pixels: global average pooling.
// Shapes: x (N,H,W,C); result (N,C).
func MeanPixels(x *Var) *Var {
	n, i, c := x.Dim(0), x.Dim(1)*x.Dim(2), x.Dim(3)
	d := x.Device()
	y := d.New(x.Value.DType(), n, c)
	kernels.MeanPixels.Run(d, kernels.MeanPixelsArgs{Y: y.Buf(), X: x.Buf(), N: n, I: i, C: c})
	shape := x.Shape()
	return record(y, vars(x), nil, func(dy *tensor.Tensor) {
		dx := d.New(dy.DType(), shape...)
		kernels.MeanPixels.Run(d, kernels.MeanPixelsArgs{Y: dx.Buf(), X: dy.Buf(), N: n, I: i, C: c, Grad: true})
		x.accumulate(dx)
	})
}
