package cpu_test

import (
	"fmt"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// features are rectified, and nothing at all at some pixels.
func features(r *kernelstest.Rand, n, c int) kernels.Buf {
	x := r.In(n * c)
	for i := range x.F32 {
		x.F32[i] = max(0, x.F32[i])
		if i/c%5 == 3 {
			x.F32[i] = 0
		}
	}
	return x
}

func TestLPIPSLayer(t *testing.T) {
	kernelstest.Agree(t, &kernels.LPIPSLayer, func(r *kernelstest.Rand) kernels.LPIPSLayerArgs {
		n, p, c := r.Size(4), r.Size(300), r.Size(150)
		return kernels.LPIPSLayerArgs{D: r.Out(n), X: features(r, n*p, c), Y: features(r, n*p, c), W: r.Uniform(c, 0, 1), N: n, P: p, C: c}
	}, kernelstest.Within(16), kernelstest.OnlyF32("D"))
	kernelstest.Agree(t, &kernels.LPIPSLayerBackward, func(r *kernelstest.Rand) kernels.LPIPSLayerBackwardArgs {
		n, p, c := r.Size(4), r.Size(300), 1+r.Size(150) // with one channel the gradient is rounding alone
		return kernels.LPIPSLayerBackwardArgs{DX: r.Out(n * p * c), DD: r.In(n), X: features(r, n*p, c), Y: features(r, n*p, c), W: r.Uniform(c, 0, 1), N: n, P: p, C: c}
	}, kernelstest.OnlyF32("DD"))
}

func BenchmarkLPIPSLayer(b *testing.B) {
	for _, s := range []struct{ n, p, c int }{{4, 56 * 56, 64}, {4, 14 * 14, 512}} {
		size := s.n * s.p * s.c
		name := fmt.Sprintf("N=%d/P=%d/C=%d", s.n, s.p, s.c)
		bench(b, "dir=fwd/"+name, 2*size, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.LPIPSLayerArgs{D: new(s.n), X: new(size), Y: new(size), W: new(s.c), N: s.n, P: s.p, C: s.c}
			return func() { kernels.LPIPSLayer.Run(d, a) }
		})
		bench(b, "dir=bwd/"+name, 3*size, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.LPIPSLayerBackwardArgs{DX: new(size), DD: new(s.n), X: new(size), Y: new(size), W: new(s.c), N: s.n, P: s.p, C: s.c}
			return func() { kernels.LPIPSLayerBackward.Run(d, a) }
		})
	}
}
