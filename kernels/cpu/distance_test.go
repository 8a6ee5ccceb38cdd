package cpu_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestSampleDistance(t *testing.T) {
	kernelstest.Agree(t, &kernels.SampleDistance, kernelstest.SampleDistance, kernelstest.Within(4), kernelstest.OnlyF32("D"))
	kernelstest.Agree(t, &kernels.SampleDistanceBackward, kernelstest.SampleDistanceBackward, kernelstest.Within(4), kernelstest.OnlyF32("DD"))
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
