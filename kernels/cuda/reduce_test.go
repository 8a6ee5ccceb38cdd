package cuda_test

import (
	"math"
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

// TestSquaredNormOverflow has numbers whose squares are no float32, and nothing at all.
func TestSquaredNormOverflow(t *testing.T) {
	open := emulator(t)
	d := open(3)
	y, x, words := d.Alloc(kernels.F32, 2), d.Alloc(kernels.F32, 5000), make([]float32, 2)
	defer d.Free(y)
	defer d.Free(x)
	for _, v := range []float64{math.MaxFloat32, math.Inf(-1), math.NaN()} {
		big := make([]float32, x.Len)
		big[4777] = float32(v)
		d.Upload(x, big)
		kernels.SquaredNorm.Run(d, kernels.SquaredNormArgs{Y: y, X: []kernels.Buf{x}})
		d.Download(words, y)
		if got, want := kernels.Float64(words), v*v; got != want && !(got != got && want != want) {
			t.Errorf("squared norm %v, want %v", got, want)
		}
	}
	kernels.SquaredNorm.Run(d, kernels.SquaredNormArgs{Y: y})
	d.Download(words, y)
	if got := kernels.Float64(words); got != 0 {
		t.Errorf("squared norm of nothing: %v", got)
	}
}
