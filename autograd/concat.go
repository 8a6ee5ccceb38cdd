package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Concat joins images along channels.
// Shapes: x (N,H,W,A), z (N,H,W,B); result (N,H,W,A+B).
func Concat(x, z *Var) *Var {
	a, b := x.Dim(3), z.Dim(3)
	m := x.Len() / a
	check(m*b == z.Len() && x.Dim(0) == z.Dim(0) && x.Dim(1) == z.Dim(1), "Concat: %v and %v", x.Shape(), z.Shape())
	d := x.Device()
	y := d.New(x.Value.DType(), x.Dim(0), x.Dim(1), x.Dim(2), a+b)
	put := func(part *Var, from int) {
		kernels.CopyChannels.Run(d, kernels.CopyChannelsArgs{
			Y: y.Buf(), X: part.Buf(), M: m, C: part.Dim(3), YWidth: a + b, YFrom: from, XWidth: part.Dim(3),
		})
	}
	put(x, 0)
	put(z, a)
	return record(y, vars(x, z), nil, func(dy *tensor.Tensor) {
		x.add(term{t: dy, scale: 1})
		z.add(term{t: dy, scale: 1, from: a})
	})
}
