//go:build amd64 && !purego

package cpu

import "onestep/kernels"

func init() {
	kernels.SampleDistance.Register(kernels.Impl[kernels.SampleDistanceArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: sampleDistance})
	kernels.SampleDistanceBackward.Register(kernels.Impl[kernels.SampleDistanceBackwardArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: sampleDistanceBackward})
}

// sampleDistance rounds each difference once; squares and sums are float64. A sample is cut into blocks by its size alone, whose
// sums are added in order.
func sampleDistance(c *kernels.CPU, a kernels.SampleDistanceArgs) {
	isa := c.ISA()
	blocks := (a.I + kernels.BlockLen - 1) / kernels.BlockLen
	slots := scratch64(c, 0, slotAllParts, a.N*blocks)
	c.Rows(a.N*blocks, min(a.I, kernels.BlockLen), func(_, lo, hi int) {
		for s := lo; s < hi; s++ {
			first := s % blocks * kernels.BlockLen
			at, n := s/blocks*a.I+first, min(kernels.BlockLen, a.I-first)
			if a.Squared {
				slots[s] = vecSquareDifference64(isa, a.X.F32[at:], a.Y.F32[at:], n)
			} else {
				slots[s] = vecAbsDifference64(isa, a.X.F32[at:], a.Y.F32[at:], n)
			}
		}
	})
	for n := range a.N {
		a.D.F32[n] = float32(sum64(slots[n*blocks:][:blocks]) / float64(a.I))
	}
}

func sum64(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

func sampleDistanceBackward(c *kernels.CPU, a kernels.SampleDistanceBackwardArgs) {
	isa := c.ISA()
	c.Blocks(a.N*a.I, func(_, lo, hi int) {
		for lo < hi {
			n := lo / a.I
			end := min(hi, (n+1)*a.I)
			g := float64(a.DD.F32[n]) / float64(a.I)
			if a.Squared {
				vecScaleDifference(isa, a.DX.F32[lo:], a.X.F32[lo:], a.Y.F32[lo:], float32(2*g), end-lo)
			} else {
				vecSignDifference(isa, a.DX.F32[lo:], a.X.F32[lo:], a.Y.F32[lo:], float32(g), end-lo)
			}
			lo = end
		}
	})
}
