package cpu_test

import (
	"fmt"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestPool2D(t *testing.T) {
	kernelstest.Agree(t, &kernels.Pool2D, func(r *kernelstest.Rand) kernels.Pool2DArgs {
		n, h, w, c := r.Size(3), 1+r.Size(20), 1+r.Size(20), r.Size(70)
		return kernels.Pool2DArgs{Y: r.Out(n * (h / 2) * (w / 2) * c), X: r.In(n * h * w * c), N: n, H: h, W: w, C: c, Max: r.Bool()}
	}, kernelstest.Within(4))
	kernelstest.Agree(t, &kernels.Pool2DBackward, func(r *kernelstest.Rand) kernels.Pool2DBackwardArgs {
		n, h, w, c := r.Size(3), 1+r.Size(20), 1+r.Size(20), r.Size(70)
		a := kernels.Pool2DBackwardArgs{DX: r.Out(n * h * w * c), DY: r.In(n * (h / 2) * (w / 2) * c), X: r.In(n * h * w * c), N: n, H: h, W: w, C: c, Max: r.Bool()}
		for i := range a.X.F32 { // many ties
			a.X.F32[i] = max(0, float32(int(2*a.X.F32[i])))
		}
		return a
	}, kernelstest.Exactly())
}

func TestMeanPixels(t *testing.T) {
	kernelstest.Agree(t, &kernels.MeanPixels, func(r *kernelstest.Rand) kernels.MeanPixelsArgs {
		n, i, c, grad := r.Size(4), r.Size(300), r.Size(70), r.Bool()
		a := kernels.MeanPixelsArgs{Y: r.Out(n * c), X: r.In(n * i * c), N: n, I: i, C: c, Grad: grad}
		if grad {
			a.Y, a.X = r.Out(n*i*c), r.In(n*c)
		}
		return a
	}, kernelstest.Within(16))
}

func BenchmarkPool2D(b *testing.B) {
	const n, h, c = 4, 64, 64
	for _, max := range []bool{false, true} {
		bench(b, fmt.Sprintf("dir=fwd/max=%v/N=%d/C=%d/HW=%dx%d", max, n, c, h, h), n*h*h*c*5/4, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.Pool2DArgs{Y: new(n * h * h * c / 4), X: new(n * h * h * c), N: n, H: h, W: h, C: c, Max: max}
			return func() { kernels.Pool2D.Run(d, a) }
		})
		bench(b, fmt.Sprintf("dir=bwd/max=%v/N=%d/C=%d/HW=%dx%d", max, n, c, h, h), n*h*h*c*9/4, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.Pool2DBackwardArgs{DY: new(n * h * h * c / 4), X: new(n * h * h * c), DX: new(n * h * h * c), N: n, H: h, W: h, C: c, Max: max}
			return func() { kernels.Pool2DBackward.Run(d, a) }
		})
	}
}
