package kernels

import "math"

// SampleDistance is the mean absolute or squared difference of each sample:
//
//	d[n] = Σ_i |x−y| / I   or   Σ_i (x−y)² / I
var SampleDistance = define(Op[SampleDistanceArgs]{Name: "sample_distance", Ref: sampleDistance})

// SampleDistanceArgs lists output, inputs, sizes.
type SampleDistanceArgs struct {
	D       Buf `kernel:"out"` // (N) float32
	X, Y    Buf // (N,I)
	N, I    int
	Squared bool
}

func sampleDistance(c *CPU, a SampleDistanceArgs) {
	c.Rows(a.N, a.I, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			var sum float64
			for i := n * a.I; i < (n+1)*a.I; i++ {
				d := float64(a.X.F32[i]) - float64(a.Y.F32[i])
				if a.Squared {
					sum += d * d
				} else {
					sum += math.Abs(d)
				}
			}
			a.D.F32[n] = float32(sum / float64(a.I))
		}
	})
}

// SampleDistanceBackward is the gradient of [SampleDistance] at x; that at y is its negative. The absolute value has gradient 0 at 0.
var SampleDistanceBackward = define(Op[SampleDistanceBackwardArgs]{Name: "sample_distance_backward", Ref: sampleDistanceBackward})

// SampleDistanceBackwardArgs lists output, inputs, sizes.
type SampleDistanceBackwardArgs struct {
	DX      Buf `kernel:"out"` // (N,I)
	DD      Buf // (N) float32
	X, Y    Buf // (N,I)
	N, I    int
	Squared bool
}

func sampleDistanceBackward(c *CPU, a SampleDistanceBackwardArgs) {
	c.Rows(a.N, a.I, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			g := float64(a.DD.F32[n]) / float64(a.I)
			for i := n * a.I; i < (n+1)*a.I; i++ {
				d := float64(a.X.F32[i]) - float64(a.Y.F32[i])
				switch {
				case a.Squared:
					d *= 2
				case d > 0:
					d = 1
				case d < 0:
					d = -1
				}
				a.DX.F32[i] = float32(g * d)
			}
		}
	})
}
