package cpu_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestSampleDistance(t *testing.T) {
	kernelstest.Agree(t, &kernels.SampleDistance, func(r *kernelstest.Rand) kernels.SampleDistanceArgs {
		n, i := r.Size(5), kernelstest.Pick(r, r.Size(100), r.Size(40_000))
		return kernels.SampleDistanceArgs{D: r.Out(n), X: r.In(n * i), Y: r.In(n * i), N: n, I: i, Squared: r.Bool()}
	}, kernelstest.Within(4), kernelstest.OnlyF32("D"))
	kernelstest.Agree(t, &kernels.SampleDistanceBackward, func(r *kernelstest.Rand) kernels.SampleDistanceBackwardArgs {
		n, i := r.Size(5), kernelstest.Pick(r, r.Size(100), r.Size(40_000))
		a := kernels.SampleDistanceBackwardArgs{DX: r.Out(n * i), DD: r.In(n), X: r.In(n * i), Y: r.In(n * i), N: n, I: i, Squared: r.Bool()}
		for j := 0; j < n*i; j += 3 {
			a.Y.F32[j] = a.X.F32[j]
		}
		return a
	}, kernelstest.Within(4), kernelstest.OnlyF32("DD"))
}

func BenchmarkSampleDistance(b *testing.B) {
	const n, i = 16, 3 * 224 * 224
	bench(b, "dir=fwd", 2*n*i, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
		a := kernels.SampleDistanceArgs{D: new(n), X: new(n * i), Y: new(n * i), N: n, I: i}
		return func() { kernels.SampleDistance.Run(d, a) }
	})
	bench(b, "dir=bwd", 3*n*i, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
		a := kernels.SampleDistanceBackwardArgs{DX: new(n * i), DD: new(n), X: new(n * i), Y: new(n * i), N: n, I: i}
		return func() { kernels.SampleDistanceBackward.Run(d, a) }
	})
}
