package cpu_test

import (
	"fmt"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestLPIPSLayer(t *testing.T) {
	kernelstest.Agree(t, &kernels.LPIPSLayer, kernelstest.LPIPSLayer, kernelstest.Within(16), kernelstest.OnlyF32("D"))
	kernelstest.Agree(t, &kernels.LPIPSLayerBackward, kernelstest.LPIPSLayerBackward, kernelstest.OnlyF32("DD"))
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
