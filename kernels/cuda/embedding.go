package cuda

import "onestep/kernels"

func init() {
	register(&kernels.Embedding, embedding)
	register(&kernels.EmbeddingBackward, embeddingBackward)
}

// embeddingFrom is where cosines and sines begin in a row.
func embeddingFrom(k int, sinFirst bool) (cos, sin Arg) {
	if sinFirst {
		return I32(k), I32(0)
	}
	return I32(0), I32(k)
}

func embedding(d *Device, a kernels.EmbeddingArgs) {
	cos, sin := embeddingFrom(a.K, a.SinFirst)
	d.Launch(embeddingKernel(), Dim{X: a.N, Y: ceil(a.K, 256)}, Dim{X: 256}, 0, Ptr(a.Y), Ptr(a.C), Ptr(a.Omega), I32(a.K), cos, sin)
}

func embeddingBackward(d *Device, a kernels.EmbeddingBackwardArgs) {
	cos, sin := embeddingFrom(a.K, a.SinFirst)
	d.Launch(embeddingBackwardKernel(), Dim{X: a.N}, Dim{X: 32}, 0,
		Ptr(a.DC), Ptr(a.DY), Ptr(a.C), Ptr(a.Omega), I32(a.K), cos, sin)
}
