package cpu_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestSumNorm(t *testing.T) {
	kernelstest.Agree(t, &kernels.Sum, func(r *kernelstest.Rand) kernels.SumArgs {
		n := r.Size(70_000)
		return kernels.SumArgs{Y: r.Out(1), X: r.In(n), N: n}
	}, kernelstest.Within(2))
	kernelstest.Agree(t, &kernels.Norm, func(r *kernelstest.Rand) kernels.NormArgs {
		n := r.Size(70_000)
		return kernels.NormArgs{Y: r.Out(1), X: r.In(n), N: n}
	}, kernelstest.Within(2))
}

func BenchmarkReduce(b *testing.B) {
	const n = 1 << 20
	bench(b, "op=sum", n, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
		a := kernels.SumArgs{Y: new(1), X: new(n), N: n}
		return func() { kernels.Sum.Run(d, a) }
	})
	bench(b, "op=norm", n, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
		a := kernels.NormArgs{Y: new(1), X: new(n), N: n}
		return func() { kernels.Norm.Run(d, a) }
	})
}
