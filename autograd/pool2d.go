package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Pool is how pixels are pooled: windows of Kernel×Kernel pixels, Stride apart, over an image with a border of Pad pixels that count in neither
// mean nor maximum.
type Pool struct {
	Kernel, Stride, Pad int
	Max                 bool // the maximum, not the mean
}

// MaxPool2D is the maximum of 2×2 pixels, with stride 2; an odd last row or column is dropped.
// Shapes: x (N,H,W,C); result (N,H/2,W/2,C).
func MaxPool2D(x *Var) *Var { return Pool2D(x, Pool{Kernel: 2, Stride: 2, Max: true}) }

// AvgPool2D is the mean of 2×2 pixels, otherwise as [MaxPool2D].
func AvgPool2D(x *Var) *Var { return Pool2D(x, Pool{Kernel: 2, Stride: 2}) }

// Pool2D pools pixels; [kernels.Pool2D] has the formula.
// Shapes: x (N,H,W,C); result (N,OH,OW,C) with OH = (H + 2·Pad − Kernel)/Stride + 1, rounded down.
func Pool2D(x *Var, p Pool) *Var {
	check(len(x.Shape()) == 4, "Pool2D: %v: want an image (N,H,W,C)", x.Shape())
	s := kernels.PoolShape{
		N: x.Dim(0), H: x.Dim(1), W: x.Dim(2), C: x.Dim(3), Kernel: p.Kernel, Stride: p.Stride, Pad: p.Pad, Max: p.Max,
	}.Out()
	d := x.Device()
	y := d.New(x.Value.DType(), s.N, s.OH, s.OW, s.C)
	kernels.Pool2D.Run(d, kernels.Pool2DArgs{Y: y.Buf(), X: x.Buf(), PoolShape: s})
	var saved []*tensor.Tensor
	if p.Max {
		saved = values(x)
	}
	return record(y, vars(x), saved, func(dy *tensor.Tensor) {
		dx := d.New(dy.DType(), s.N, s.H, s.W, s.C)
		args := kernels.Pool2DBackwardArgs{DX: dx.Buf(), DY: dy.Buf(), PoolShape: s}
		if p.Max {
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
