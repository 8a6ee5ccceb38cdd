package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Cast is x with another element type. The gradient is cast back.
func Cast(x *Var, t kernels.DType) *Var {
	from := x.Value.DType()
	if from == t {
		return x
	}
	return record(cast(x.Value, t), vars(x), nil, func(dy *tensor.Tensor) { x.accumulate(cast(dy, from)) })
}

func cast(x *tensor.Tensor, t kernels.DType) *tensor.Tensor {
	y := x.Device().New(t, x.Shape()...)
	kernels.Cast.Run(x.Device(), kernels.CastArgs{Y: y.Buf(), X: x.Buf(), N: x.Len()})
	return y
}
