package kernelstest

import "onestep/kernels"

// Resample draws arguments of [kernels.Resample].
func Resample(r *Rand) kernels.ResampleArgs {
	f := Pick(r, []float32{0.5, 0.5}, []float32{0.125, 0.375, 0.375, 0.125}, []float32{0.25, 0.5, 0.25}, []float32{0.1, 0.2, 0.3, 0.4}, []float32{0.3, 0.7}, []float32{1},
		[]float32{0.05, 0.1, 0.35, 0.3, 0.15, 0.05})
	a := kernels.ResampleArgs{Filter: f, Pad: (len(f) - 1) / 2, Gain: Pick[float32](r, 1, 4, 0.7), Up: r.Bool(), N: r.Size(3), C: Pick(r, r.Size(70), 3)}
	a.SmallH, a.SmallW = r.Size(12), r.Size(12)
	a.BigH, a.BigW = 2*a.SmallH, 2*a.SmallW
	if r.Bool() && a.SmallH > 1 && a.SmallW > 1 { // odd sizes, other padding
		a.BigH, a.BigW = a.BigH-1, a.BigW-1
		a.Pad = r.IntN(len(f))
	}
	big, small := a.N*a.BigH*a.BigW*a.C, a.N*a.SmallH*a.SmallW*a.C
	if a.Up {
		a.Y, a.X = r.Out(big), r.In(small)
	} else {
		a.Y, a.X = r.Out(small), r.In(big)
	}
	return a
}
