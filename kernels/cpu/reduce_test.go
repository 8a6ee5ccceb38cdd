package cpu_test

import (
	"math"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// TestSquaredNorm compares roots as float32, since a float64 in two words is no pair of numbers.
func TestSquaredNorm(t *testing.T) {
	op := kernels.Op[kernels.SquaredNormArgs]{Name: "squared_norm of lists", Ref: func(c *kernels.CPU, a kernels.SquaredNormArgs) {
		var y [2]float32
		kernels.SquaredNorm.Run(c, kernels.SquaredNormArgs{Y: kernels.HostF32(y[:]), X: a.X})
		a.Y.F32[0] = float32(math.Sqrt(kernels.Float64(y[:])))
	}}
	kernelstest.Agree(t, &op, func(r *kernelstest.Rand) kernels.SquaredNormArgs {
		a := kernelstest.SquaredNorm(r)
		a.Y = r.Out(1)
		return a
	}, kernelstest.Within(2), kernelstest.OnlyF32())
}

func TestSquaredNormOverflow(t *testing.T) {
	eachISA(t, func(t *testing.T, d kernels.Device) { kernelstest.SquaredNormOverflow(t, d) })
}

func BenchmarkReduce(b *testing.B) {
	const n = 1 << 20
	bench(b, "op=squared_norm", n, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
		a := kernels.SquaredNormArgs{Y: new(2), X: []kernels.Buf{new(n)}}
		return func() { kernels.SquaredNorm.Run(d, a) }
	})
}
