package cpu_test

import (
	"fmt"
	"testing"

	"onestep/kernels"
)

// BenchmarkConv2D takes the shapes of the CIFAR-10 U-Net, and smaller ones of the default network.
func BenchmarkConv2D(b *testing.B) {
	for _, s := range []struct{ n, h, in, out, k int }{
		{4, 32, 3, 128, 3}, {4, 32, 128, 256, 3}, {4, 32, 256, 256, 3}, {4, 16, 256, 256, 3}, {4, 8, 256, 256, 3},
		{4, 32, 512, 256, 3}, {4, 16, 512, 256, 3}, {4, 8, 512, 256, 3}, {4, 32, 384, 256, 3}, {4, 32, 256, 3, 3},
		{4, 32, 128, 256, 1}, {4, 32, 512, 256, 1}, {4, 32, 384, 256, 1}, {4, 32, 256, 256, 1}, {4, 16, 256, 768, 1}, {4, 8, 256, 768, 1},
		{8, 32, 256, 256, 3}, {8, 16, 256, 256, 3}, {8, 8, 256, 256, 3}, {8, 16, 256, 768, 1}, {8, 8, 256, 768, 1},
		{32, 16, 1, 16, 3}, {32, 16, 16, 1, 3}, {32, 16, 3, 16, 3}, {32, 16, 16, 16, 3}, {32, 16, 32, 32, 3}, {32, 8, 32, 64, 3}, {32, 8, 64, 64, 3}, {32, 8, 96, 96, 3},
		{32, 4, 64, 64, 3}, {32, 4, 128, 128, 3}, {32, 16, 64, 64, 3}, {32, 16, 128, 128, 3}, {32, 16, 64, 192, 1}, {32, 16, 32, 3, 3},
	} {
		c := kernels.ConvShape{N: s.n, H: s.h, W: s.h, I: s.in, O: s.out, KH: s.k, KW: s.k, Stride: 1, PadH: s.k / 2, PadW: s.k / 2}.Out()
		flop := 2 * float64(c.MACs())
		name := fmt.Sprintf("isa=%%v/h=%d/in=%d/out=%d/k=%d/n=%d", s.h, s.in, s.out, s.k, s.n)
		x, y, w := c.N*c.H*c.W*c.I, c.N*c.OH*c.OW*c.O, c.KH*c.KW*c.I*c.O
		benchISAs(b, "pass=forward/"+name, flop, func(d *kernels.CPU) func() {
			a := kernels.Conv2DArgs{Y: filled(d, y), X: filled(d, x), Weight: filled(d, w), Bias: filled(d, c.O), Scale: 1, ConvShape: c}
			return func() { kernels.Conv2D.Run(d, a) }
		})
		benchISAs(b, "pass=input/"+name, flop, func(d *kernels.CPU) func() {
			a := kernels.Conv2DInputGradArgs{DX: filled(d, x), DY: filled(d, y), Weight: filled(d, w), Scale: 1, ConvShape: c}
			return func() { kernels.Conv2DInputGrad.Run(d, a) }
		})
		benchISAs(b, "pass=weight/"+name, flop, func(d *kernels.CPU) func() {
			a := kernels.Conv2DWeightGradArgs{DWeight: filled(d, w), DBias: filled(d, c.O), X: filled(d, x), DY: filled(d, y), Scale: 1, ConvShape: c}
			return func() { kernels.Conv2DWeightGrad.Run(d, a) }
		})
	}
}
