package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Bilinear resizes images to oh×ow pixels; [kernels.Bilinear] has the formula.
// Shapes: x (N,H,W,C); result (N,oh,ow,C).
func Bilinear(x *Var, oh, ow int) *Var { return bilinear(x, oh, ow, false) }

// BilinearTopLeft is Bilinear as TensorFlow 1 does it, with pixels that stand for their top left corners.
func BilinearTopLeft(x *Var, oh, ow int) *Var { return bilinear(x, oh, ow, true) }

func bilinear(x *Var, oh, ow int, topLeft bool) *Var {
	d := x.Device()
	n, h, w, c := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
	y := d.New(x.Value.DType(), n, oh, ow, c)
	args := kernels.BilinearArgs{Y: y.Buf(), X: x.Buf(), N: n, C: c, H: h, W: w, OH: oh, OW: ow, TopLeft: topLeft}
	kernels.Bilinear.Run(d, args)
	return record(y, vars(x), nil, func(dy *tensor.Tensor) {
		dx := d.New(dy.DType(), n, h, w, c)
		back := args
		back.Y, back.X, back.Grad = dx.Buf(), dy.Buf(), true
		kernels.Bilinear.Run(d, back)
		x.accumulate(dx)
	})
}
