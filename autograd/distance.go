package autograd

import (
	"slices"

	"onestep/kernels"
	"onestep/tensor"
)

// SampleL1 is the mean absolute difference of each sample.
// Shapes: x, y (N,…); result (N) float32.
func SampleL1(x, y *Var) *Var { return sampleDistance(x, y, false) }

// SampleL2 is the mean squared difference of each sample.
// Shapes: x, y (N,…); result (N) float32.
func SampleL2(x, y *Var) *Var { return sampleDistance(x, y, true) }

func sampleDistance(x, y *Var, squared bool) *Var {
	check(slices.Equal(x.Shape(), y.Shape()), "SampleDistance: shapes %v and %v", x.Shape(), y.Shape())
	dev := x.Device()
	n := x.Dim(0)
	i := x.Len() / n
	d := dev.New(kernels.F32, n)
	kernels.SampleDistance.Run(dev, kernels.SampleDistanceArgs{D: d.Buf(), X: x.Buf(), Y: y.Buf(), N: n, I: i, Squared: squared})
	back := func(x, y *Var, dd *tensor.Tensor) {
		if x.needs {
			dx := x.Value.NewLike()
			kernels.SampleDistanceBackward.Run(dev, kernels.SampleDistanceBackwardArgs{
				DX: dx.Buf(), DD: dd.Buf(), X: x.Buf(), Y: y.Buf(), N: n, I: i, Squared: squared,
			})
			x.accumulate(dx)
		}
	}
	return record(d, vars(x, y), values(x, y), func(dd *tensor.Tensor) {
		back(x, y, dd) // the distance is symmetric
		back(y, x, dd)
	})
}
