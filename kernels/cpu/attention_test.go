package cpu_test

import (
	"fmt"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestAttention(t *testing.T) {
	kernelstest.Agree(t, &kernels.Attention, kernelstest.Attention, kernelstest.Within(16), kernelstest.OnlyF32("LSE"))
}

func TestAttentionBackward(t *testing.T) {
	kernelstest.Agree(t, &kernels.AttentionBackward, kernelstest.AttentionBackward, kernelstest.OnlyF32()) // halves of O and LSE would not belong to the halves of QKV
}

func TestAttentionBatch(t *testing.T) {
	eachISA(t, func(t *testing.T, d kernels.Device) { kernelstest.AttentionBatch(t, d, 8, 200) })
}

// Attention is bound by its products: the metric is their rate.
func BenchmarkAttention(b *testing.B) {
	for _, s := range []struct{ n, l, h, d int }{{1, 256, 1, 256}, {4, 256, 1, 256}, {8, 64, 1, 256}, {1, 1024, 6, 64}, {32, 16, 1, 64}, {32, 64, 1, 32}} {
		name := fmt.Sprintf("N=%d/L=%d/H=%d/D=%d", s.n, s.l, s.h, s.d)
		size := s.n * s.l * s.h * s.d
		benchISAs(b, "isa=%v/dir=fwd/"+name, float64(4*size*s.l), func(d *kernels.CPU) func() {
			a := kernels.AttentionArgs{O: filled(d, size), LSE: filled(d, s.n*s.h*s.l), QKV: filled(d, 3*size), N: s.n, L: s.l, H: s.h, D: s.d}
			return func() { kernels.Attention.Run(d, a) }
		})
		benchISAs(b, "isa=%v/dir=bwd/"+name, float64(10*size*s.l), func(d *kernels.CPU) func() {
			a := kernels.AttentionBackwardArgs{DQKV: filled(d, 3*size), DO: filled(d, size), O: filled(d, size), LSE: filled(d, s.n*s.h*s.l), QKV: filled(d, 3*size), N: s.n, L: s.l, H: s.h, D: s.d}
			return func() { kernels.AttentionBackward.Run(d, a) }
		})
	}
}
