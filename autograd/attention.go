package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Attention is scaled dot-product attention over all pixels; [kernels.Attention] has the formula.
// Shapes: qkv (N,H,W,3·C) as (N,L,3,heads,C/heads); result (N,H,W,C).
func Attention(qkv *Var, heads int) *Var {
	n, h, w, c := qkv.Dim(0), qkv.Dim(1), qkv.Dim(2), qkv.Dim(3)/3
	check(qkv.Dim(3) == 3*c && c%heads == 0, "Attention: %d heads for %v", heads, qkv.Shape())
	d := qkv.Device()
	y, lse := d.New(qkv.Value.DType(), n, h, w, c), d.New(kernels.F32, n, heads, h*w)
	kernels.Attention.Run(d, kernels.AttentionArgs{
		O: y.Buf(), LSE: lse.Buf(), QKV: qkv.Buf(), N: n, L: h * w, H: heads, D: c / heads,
	})
	return record(y, vars(qkv), []*tensor.Tensor{qkv.Value, y, lse}, func(dy *tensor.Tensor) {
		dx := qkv.Value.NewLike()
		kernels.AttentionBackward.Run(d, kernels.AttentionBackwardArgs{
			DQKV: dx.Buf(), DO: dy.Buf(), O: y.Buf(), LSE: lse.Buf(), QKV: qkv.Buf(), N: n, L: h * w, H: heads, D: c / heads,
		})
		qkv.accumulate(dx)
	})
}
