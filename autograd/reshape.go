package autograd

import (
	"slices"

	"onestep/tensor"
)

// Reshape is x under another shape with as many elements; nothing is copied.
func Reshape(x *Var, shape ...int) *Var {
	from := slices.Clone(x.Shape())
	return record(x.Value.View(shape...), vars(x), nil, func(dy *tensor.Tensor) { x.accumulate(dy.View(from...)) })
}
