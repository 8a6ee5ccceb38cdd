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
	y := x.keptHalf(t)
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

// halfCopy is a binary16 copy that is kept beside a parameter.
type halfCopy struct {
	copy    *tensor.Tensor // nil: not asked for so far
	from    *tensor.Tensor
	version int // of from
}

// keptHalf is x as t, made or brought up to date if it must be, or nil if no such copy of x is kept.
func (x *Var) keptHalf(t kernels.DType) *tensor.Tensor {
	if x.leaf == nil || t != kernels.F16 {
		return nil
	}
	h, from := &x.leaf.half, x.Value
	switch {
	case h.copy == nil:
		h.copy = x.Device().Unscoped(func() *tensor.Tensor { return cast(from, t) })
	case h.from != from || h.version != from.Version():
		h.copy.Copy(from)
	}
	h.from, h.version = from, from.Version()
	return h.copy
}

func (h *halfCopy) release() {
	if h.copy != nil {
		h.copy.Release()
	}
}

// Half is the binary16 copy of a parameter's value that [Cast] keeps, or a buffer that is not given.
func (x *Var) Half() kernels.Buf {
	if x.leaf == nil || x.leaf.half.copy == nil {
		return kernels.Buf{}
	}
	return x.leaf.half.copy.Buf()
}
