package cpu_test

import (
	"fmt"
	"testing"

	"onestep/kernels"
	_ "onestep/kernels/cpu"
	"onestep/kernels/kernelstest"
)

func TestGroupNorm(t *testing.T) {
	kernelstest.Agree(t, &kernels.GroupNorm, kernelstest.GroupNorm)
}

func TestGroupNormBackward(t *testing.T) {
	kernelstest.Agree(t, &kernels.GroupNormBackward, kernelstest.GroupNormBackward)
}

func TestGroupNormHardStatistics(t *testing.T) {
	eachISA(t, func(t *testing.T, d kernels.Device) { kernelstest.GroupNormHardStatistics(t, d) })
}

func TestGroupNormBatch(t *testing.T) {
	eachISA(t, func(t *testing.T, d kernels.Device) { kernelstest.GroupNormBatch(t, d, 5, 700) })
}

func BenchmarkGroupNorm(b *testing.B) {
	for _, s := range []struct{ n, c, hw int }{{1, 128, 32}, {8, 256, 32}, {8, 256, 16}, {8, 256, 8}, {32, 32, 8}, {4, 768, 16}, {2, 192, 64}} {
		for _, silu := range []bool{false, true} {
			i, c, g := s.hw*s.hw, s.c, min(32, s.c/4)
			name := fmt.Sprintf("N=%d/C=%d/HW=%dx%d/silu=%v", s.n, s.c, s.hw, s.hw, silu)
			bench(b, "dir=fwd/"+name, 2*s.n*i*c, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
				a := kernels.GroupNormArgs{Y: new(s.n * i * c), Mean: new(s.n * g), Rstd: new(s.n * g), X: new(s.n * i * c), W: new(c), B: new(c), N: s.n, I: i, C: c, G: g, Eps: 1e-5, SiLU: silu}
				return func() { kernels.GroupNorm.Run(d, a) }
			})
			bench(b, "dir=bwd/"+name, 3*s.n*i*c, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
				a := kernels.GroupNormBackwardArgs{DX: new(s.n * i * c), DW: new(c), DB: new(c), DY: new(s.n * i * c), X: new(s.n * i * c), Mean: new(s.n * g), Rstd: new(s.n * g), W: new(c), B: new(c), N: s.n, I: i, C: c, G: g, SiLU: silu}
				return func() { kernels.GroupNormBackward.Run(d, a) }
			})
		}
	}
}
