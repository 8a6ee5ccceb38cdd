package kernelstest

import "onestep/kernels"

// LPIPSLayer draws arguments of [kernels.LPIPSLayer].
func LPIPSLayer(r *Rand) kernels.LPIPSLayerArgs {
	n, p, c := r.Size(4), r.Size(300), r.Size(150)
	return kernels.LPIPSLayerArgs{D: r.Out(n), X: features(r, n*p, c), Y: features(r, n*p, c), W: r.Uniform(c, 0, 1), N: n, P: p, C: c}
}

// LPIPSLayerBackward draws arguments of [kernels.LPIPSLayerBackward].
func LPIPSLayerBackward(r *Rand) kernels.LPIPSLayerBackwardArgs {
	n, p, c := r.Size(4), r.Size(300), 1+r.Size(150) // with one channel the gradient is rounding alone
	return kernels.LPIPSLayerBackwardArgs{
		DX: r.Out(n * p * c), DD: r.In(n), X: features(r, n*p, c), Y: features(r, n*p, c), W: r.Uniform(c, 0, 1),
		Add: r.Maybe(r.In(n * p * c)), ReLU: r.Bool(), N: n, P: p, C: c,
	}
}

// features are rectified, and nothing at all at some pixels.
func features(r *Rand, n, c int) kernels.Buf {
	x := r.In(n * c)
	for i := range x.F32 {
		x.F32[i] = max(0, x.F32[i])
		if i/c%5 == 3 {
			x.F32[i] = 0
		}
	}
	return x
}
