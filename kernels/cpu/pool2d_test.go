package cpu_test

import (
	"fmt"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestPool2D(t *testing.T) {
	kernelstest.Agree(t, &kernels.Pool2D, kernelstest.Pool2D)
	kernelstest.Agree(t, &kernels.Pool2DBackward, kernelstest.Pool2DBackward)
	kernelstest.Agree(t, &kernels.Pool2DBackward, kernelstest.HalvingBackward, kernelstest.Exactly())
}

func TestMeanPixels(t *testing.T) {
	kernelstest.Agree(t, &kernels.MeanPixels, kernelstest.MeanPixels, kernelstest.Within(16))
}

func BenchmarkPool2D(b *testing.B) {
	const n, h, c = 4, 64, 64
	for _, max := range []bool{false, true} {
		shape := kernels.PoolShape{N: n, H: h, W: h, C: c, Kernel: 2, Stride: 2, Max: max}.Out()
		bench(b, fmt.Sprintf("dir=fwd/max=%v/N=%d/C=%d/HW=%dx%d", max, n, c, h, h), n*h*h*c*5/4, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.Pool2DArgs{Y: new(n * h * h * c / 4), X: new(n * h * h * c), PoolShape: shape}
			return func() { kernels.Pool2D.Run(d, a) }
		})
		bench(b, fmt.Sprintf("dir=bwd/max=%v/N=%d/C=%d/HW=%dx%d", max, n, c, h, h), n*h*h*c*9/4, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.Pool2DBackwardArgs{DY: new(n * h * h * c / 4), X: new(n * h * h * c), DX: new(n * h * h * c), PoolShape: shape}
			return func() { kernels.Pool2DBackward.Run(d, a) }
		})
	}
}
