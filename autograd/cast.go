package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Cast is x with another element type. The gradient is cast back. A parameter is cast to binary16 once, and again when its value is
// overwritten: whoever updates it otherwise, as the optimiser does, updates [Var.Half] too.
func Cast(x *Var, t kernels.DType) *Var {
	from := x.Value.DType()
	if from == t {
		return x
	}
	y := x.half.of(x.Value, t)
	if y == nil {
		y = cast(x.Value, t)
	}
	return record(y, vars(x), nil, func(dy *tensor.Tensor) { x.accumulate(cast(dy, from)) })
}

func cast(x *tensor.Tensor, t kernels.DType) *tensor.Tensor {
	y := x.Device().New(t, x.Shape()...)
	kernels.Cast.Run(x.Device(), kernels.CastArgs{Y: y.Buf(), X: x.Buf(), N: x.Len()})
	return y
}

// half is a binary16 copy that is kept beside a parameter.
type half struct {
	copy    *tensor.Tensor // nil: not asked for so far
	from    *tensor.Tensor
	version int // of from
}

// of is the copy of x, made or brought up to date if it must be, or nil if none is kept.
func (h *half) of(x *tensor.Tensor, t kernels.DType) *tensor.Tensor {
	switch {
	case h == nil || t != kernels.F16:
		return nil
	case h.copy == nil:
		h.copy = x.Device().Unscoped(func() *tensor.Tensor { return cast(x, t) })
	case h.from != x || h.version != x.Version():
		h.copy.Copy(x)
	}
	h.from, h.version = x, x.Version()
	return h.copy
}

// Half is the binary16 copy of a parameter's value that [Cast] keeps, or a buffer that is not given.
func (x *Var) Half() kernels.Buf {
	if x.half == nil || x.half.copy == nil {
		return kernels.Buf{}
	}
	return x.half.copy.Buf()
}
