package kernels

import "math"

// Embedding is a noise level as cosines and sines of it at several frequencies:
//
//	y[n,k] = cos(c[n]·ω[k]),   y[n,K+k] = sin(c[n]·ω[k])
//
// SinFirst swaps the two halves, as SongUNet does.
var Embedding = define(Op[EmbeddingArgs]{Name: "embedding", Ref: embedding})

// EmbeddingArgs lists output, inputs, sizes.
type EmbeddingArgs struct {
	Y        Buf `kernel:"out"` // (N,2K)
	C        Buf // (N) float32
	Omega    Buf // (K) float32
	N, K     int
	SinFirst bool
}

func embedding(_ *CPU, a EmbeddingArgs) {
	for n := range a.N {
		cos, sin := a.Y.F32[2*n*a.K:][:a.K], a.Y.F32[(2*n+1)*a.K:][:a.K]
		if a.SinFirst {
			cos, sin = sin, cos
		}
		for k := range a.K {
			// the angle is a float32, as in the reference: at large ω its rounding shows
			s, c := math.Sincos(float64(a.C.F32[n] * a.Omega.F32[k]))
			cos[k], sin[k] = float32(c), float32(s)
		}
	}
}

// EmbeddingBackward is the gradient of [Embedding] at c.
var EmbeddingBackward = define(Op[EmbeddingBackwardArgs]{Name: "embedding_backward", Ref: embeddingBackward})

// EmbeddingBackwardArgs lists output, inputs, sizes.
type EmbeddingBackwardArgs struct {
	DC       Buf `kernel:"out"` // (N) float32
	DY       Buf // (N,2K)
	C        Buf // (N) float32
	Omega    Buf // (K) float32
	N, K     int
	SinFirst bool
}

func embeddingBackward(_ *CPU, a EmbeddingBackwardArgs) {
	for n := range a.N {
		cos, sin := a.DY.F32[2*n*a.K:][:a.K], a.DY.F32[(2*n+1)*a.K:][:a.K]
		if a.SinFirst {
			cos, sin = sin, cos
		}
		var sum float64
		for k := range a.K {
			s, c := math.Sincos(float64(a.C.F32[n] * a.Omega.F32[k]))
			sum += float64(a.Omega.F32[k]) * (float64(sin[k])*c - float64(cos[k])*s)
		}
		a.DC.F32[n] = float32(sum)
	}
}
