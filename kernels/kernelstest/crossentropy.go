package kernelstest

import "onestep/kernels"

// CrossEntropy draws arguments of [kernels.CrossEntropy].
func CrossEntropy(r *Rand) kernels.CrossEntropyArgs {
	n, c := r.Size(40), r.Size(300)
	return kernels.CrossEntropyArgs{Y: r.Out(n), X: r.Uniform(n*c, -10, 10), Labels: r.labels(n, c), N: n, C: c}
}

// CrossEntropyBackward draws arguments of [kernels.CrossEntropyBackward].
func CrossEntropyBackward(r *Rand) kernels.CrossEntropyBackwardArgs {
	n, c := r.Size(40), r.Size(300)
	return kernels.CrossEntropyBackwardArgs{DX: r.Out(n * c), DY: r.In(n), X: r.Uniform(n*c, -10, 10), Labels: r.labels(n, c), N: n, C: c}
}

func (r *Rand) labels(n, classes int) kernels.Buf {
	return r.fill(n, func() float32 { return float32(r.IntN(classes)) })
}
