package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// squaredNorm32 is SquaredNorm with a float32 as its result: a float64 in two words is no pair of numbers to compare.
var squaredNorm32 = kernels.Op[kernels.SquaredNormArgs]{Name: "squared_norm as float32"}

func init() {
	squaredNorm32.Ref = func(c *kernels.CPU, a kernels.SquaredNormArgs) {
		var y [2]float32
		kernels.SquaredNorm.Run(c, kernels.SquaredNormArgs{Y: kernels.HostF32(y[:]), X: a.X})
		a.Y.F32[0] = float32(kernels.Float64(y[:]))
	}
	squaredNorm32.Register(kernels.Impl[kernels.SquaredNormArgs]{Kind: "cuda", Run: func(d kernels.Device, a kernels.SquaredNormArgs) {
		y, words := d.Alloc(kernels.F32, 2), make([]float32, 2)
		kernels.SquaredNorm.Run(d, kernels.SquaredNormArgs{Y: y, X: a.X})
		d.Download(words, y)
		d.Upload(a.Y, []float32{float32(kernels.Float64(words))})
		d.Free(y)
	}})
}

func TestSquaredNorm(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &squaredNorm32, func(r *kernelstest.Rand) kernels.SquaredNormArgs {
		a := kernelstest.SquaredNorm(r)
		a.Y = r.Out(1)
		return a
	}, open, kernelstest.Within(1), kernelstest.OnlyF32())
}

func TestSquaredNormOverflow(t *testing.T) { kernelstest.SquaredNormOverflow(t, emulator(t)(3)) }
