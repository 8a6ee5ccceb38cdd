package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// SiLU is x·sigmoid(x), for any shape.
func SiLU(x *Var) *Var {
	d := x.Device()
	y := x.Value.NewLike()
	kernels.SiLU.Run(d, kernels.SiLUArgs{Y: y.Buf(), X: x.Buf(), N: x.Len()})
	return record(y, vars(x), values(x), func(dy *tensor.Tensor) {
		dx := x.Value.NewLike()
		kernels.SiLUBackward.Run(d, kernels.SiLUBackwardArgs{DX: dx.Buf(), DY: dy.Buf(), X: x.Buf(), N: x.Len()})
		x.accumulate(dx)
	})
}
