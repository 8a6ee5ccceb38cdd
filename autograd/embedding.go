package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Embedding is the cosines and sines of noise levels; [kernels.Embedding] has the formula.
// Shapes: c (N); omega (K), which gets no gradient; result (N,2K).
func Embedding(c *Var, omega *tensor.Tensor, sinFirst bool) *Var {
	d := c.Device()
	n, k := c.Len(), omega.Len()
	y := d.New(kernels.F32, n, 2*k)
	kernels.Embedding.Run(d, kernels.EmbeddingArgs{Y: y.Buf(), C: c.Buf(), Omega: omega.Buf(), N: n, K: k, SinFirst: sinFirst})
	return record(y, vars(c), append(values(c), omega), func(dy *tensor.Tensor) {
		dc := c.Value.NewLike()
		kernels.EmbeddingBackward.Run(d, kernels.EmbeddingBackwardArgs{
			DC: dc.Buf(), DY: dy.Buf(), C: c.Buf(), Omega: omega.Buf(), N: n, K: k, SinFirst: sinFirst,
		})
		c.accumulate(dc)
	})
}
