package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Linear is y = x·W + b.
// Shapes: x (N,I); weight (I,O); bias (O) or nil; result (N,O).
func Linear(x, weight, bias *Var) *Var {
	check(len(x.Shape()) == 2 && len(weight.Shape()) == 2 && x.Dim(1) == weight.Dim(0), "Linear: input %v, weight %v", x.Shape(), weight.Shape())
	check(bias == nil || bias.Len() == weight.Dim(1), "Linear: bias for weight %v has another length", weight.Shape())
	d := x.Device()
	n, in, out := x.Dim(0), x.Dim(1), weight.Dim(1)
	y := d.New(x.Value.DType(), n, out)
	kernels.GEMM.Run(d, kernels.GEMMArgs{
		C: y.Buf(), A: x.Buf(), B: weight.Buf(), Bias: optional(bias),
		M: n, K: in, N: out, LDA: in, LDB: out, LDC: out,
	})
	return record(y, vars(x, weight, bias), values(x, weight), func(dy *tensor.Tensor) {
		weightGrad(x, weight, bias, dy, nil, 1, kernels.ConvShape{N: n, H: 1, W: 1, I: in, O: out, KH: 1, KW: 1, Stride: 1}.Out())
		if x.needs {
			dx := x.Value.NewLike()
			kernels.GEMM.Run(d, kernels.GEMMArgs{
				C: dx.Buf(), A: dy.Buf(), B: weight.Buf(), TransB: true,
				M: n, K: out, N: in, LDA: out, LDB: out, LDC: in,
			})
			x.accumulate(dx)
		}
	})
}
