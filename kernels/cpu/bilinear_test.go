package cpu_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestBilinear(t *testing.T) {
	kernelstest.Agree(t, &kernels.Bilinear, kernelstest.Bilinear, kernelstest.Within(16), kernelstest.Trials(40))
}

func BenchmarkBilinear(b *testing.B) {
	const n, h, o, c = 8, 32, 224, 3
	for _, grad := range []bool{false, true} {
		bench(b, map[bool]string{false: "dir=fwd", true: "dir=bwd"}[grad]+"/N=8/C=3/HW=32x32-224x224", n*c*(h*h+o*o), func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.BilinearArgs{Y: new(n * o * o * c), X: new(n * h * h * c), N: n, C: c, H: h, W: h, OH: o, OW: o, Grad: grad}
			if grad {
				a.Y, a.X = a.X, a.Y
			}
			return func() { kernels.Bilinear.Run(d, a) }
		})
	}
}
