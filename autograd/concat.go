package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Concat joins images along channels.
// Shapes: xs (N,H,W,C) each; result (N,H,W,ΣC).
func Concat(xs ...*Var) *Var {
	x := xs[0]
	m, width := x.Len()/x.Dim(3), 0
	for _, z := range xs {
		check(m*z.Dim(3) == z.Len() && x.Dim(0) == z.Dim(0) && x.Dim(1) == z.Dim(1), "Concat: %v and %v", x.Shape(), z.Shape())
		width += z.Dim(3)
	}
	d := x.Device()
	y := d.New(x.Value.DType(), x.Dim(0), x.Dim(1), x.Dim(2), width)
	from := 0
	for _, z := range xs {
		kernels.CopyChannels.Run(d, kernels.CopyChannelsArgs{
			Y: y.Buf(), X: z.Buf(), M: m, C: z.Dim(3), YWidth: width, YFrom: from, XWidth: z.Dim(3),
		})
		from += z.Dim(3)
	}
	return record(y, xs, nil, func(dy *tensor.Tensor) {
		from := 0
		for _, z := range xs {
			z.addChannels(dy, from)
			from += z.Dim(3)
		}
	})
}
