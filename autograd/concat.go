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
	take := func(part *Var, from int, dy *tensor.Tensor) {
		if part.needs {
			g := part.Value.NewLike()
			kernels.CopyChannels.Run(d, kernels.CopyChannelsArgs{
				Y: g.Buf(), X: dy.Buf(), M: m, C: g.Dim(3), YWidth: g.Dim(3), XWidth: a + b, XFrom: from,
			})
			part.accumulate(g)
		}
	}
	put(x, 0)
	put(z, a)
	return record(y, vars(x, z), nil, func(dy *tensor.Tensor) {
		take(x, 0, dy)
		take(z, a, dy)
	})
}
