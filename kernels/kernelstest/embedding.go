package kernelstest

import "onestep/kernels"

// embeddingParts draws noise levels, and frequencies as the networks have them: falling powers, or random ones.
func embeddingParts(r *Rand) (c, omega kernels.Buf, n, k int) {
	n, k = r.Size(9), r.Size(150)
	omega = r.Uniform(k, 0, 1)
	if r.Bool() {
		omega = r.In(k)
		for i := range omega.F32 {
			omega.F32[i] *= 100
		}
	}
	return r.In(n), omega, n, k
}

// Embedding draws arguments of [kernels.Embedding].
func Embedding(r *Rand) kernels.EmbeddingArgs {
	c, omega, n, k := embeddingParts(r)
	return kernels.EmbeddingArgs{Y: r.Out(2 * n * k), C: c, Omega: omega, N: n, K: k, SinFirst: r.Bool()}
}

// EmbeddingBackward draws arguments of [kernels.EmbeddingBackward].
func EmbeddingBackward(r *Rand) kernels.EmbeddingBackwardArgs {
	c, omega, n, k := embeddingParts(r)
	return kernels.EmbeddingBackwardArgs{DC: r.Out(n), DY: r.In(2 * n * k), C: c, Omega: omega, N: n, K: k, SinFirst: r.Bool()}
}
