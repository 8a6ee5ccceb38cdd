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

// A sample's bits do not depend on the others.
func TestAttentionBatch(t *testing.T) {
	const n, l, h, dim = 8, 200, 1, 24
	data := rng(4)
	qkv, do := data.normal(n*l*3*h*dim), data.normal(n*l*h*dim)
	for _, isa := range kernels.ISAs() {
		d := kernels.NewCPUAt(isa, 2)
		defer d.Close()
		run := func(lo, hi int) (o, dqkv []float32) {
			n := hi - lo
			f := kernels.AttentionArgs{O: d.Alloc(kernels.F32, n*l*h*dim), LSE: d.Alloc(kernels.F32, n*h*l), QKV: qkv.Slice(lo*l*3*h*dim, hi*l*3*h*dim), N: n, L: l, H: h, D: dim}
			kernels.Attention.Run(d, f)
			k := kernels.AttentionBackwardArgs{DQKV: d.Alloc(kernels.F32, 3*n*l*h*dim), DO: do.Slice(lo*l*h*dim, hi*l*h*dim), O: f.O, LSE: f.LSE, QKV: f.QKV, N: n, L: l, H: h, D: dim}
			kernels.AttentionBackward.Run(d, k)
			return f.O.F32, k.DQKV.F32
		}
		o, dqkv := run(0, n)
		for s := range n {
			o1, dqkv1 := run(s, s+1)
			for j := range o1 {
				if o1[j] != o[s*len(o1)+j] {
					t.Fatalf("%v: sample %d alone has other bits than in a batch", isa, s)
				}
			}
			for j := range dqkv1 {
				if dqkv1[j] != dqkv[s*len(dqkv1)+j] {
					t.Fatalf("%v: sample %d alone has another gradient than in a batch", isa, s)
				}
			}
		}
	}
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
