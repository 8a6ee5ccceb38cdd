package kernelstest

import "onestep/kernels"

// SampleDistance draws arguments of [kernels.SampleDistance].
func SampleDistance(r *Rand) kernels.SampleDistanceArgs {
	n, i := r.Size(5), Pick(r, r.Size(100), r.Size(40_000))
	return kernels.SampleDistanceArgs{D: r.Out(n), X: r.In(n * i), Y: r.In(n * i), N: n, I: i, Squared: r.Bool()}
}

// SampleDistanceBackward draws arguments of [kernels.SampleDistanceBackward].
func SampleDistanceBackward(r *Rand) kernels.SampleDistanceBackwardArgs {
	n, i := r.Size(5), Pick(r, r.Size(100), r.Size(40_000))
	a := kernels.SampleDistanceBackwardArgs{DX: r.Out(n * i), DD: r.In(n), X: r.In(n * i), Y: r.In(n * i), N: n, I: i, Squared: r.Bool()}
	for j := 0; j < n*i; j += 3 {
		a.Y.F32[j] = a.X.F32[j]
	}
	return a
}
