package kernelstest

import "onestep/kernels"

// SiLU draws arguments of [kernels.SiLU].
func SiLU(r *Rand) kernels.SiLUArgs {
	n := r.Size(40_000)
	return kernels.SiLUArgs{Y: r.Out(n), X: r.Uniform(n, -20, 20), N: n}
}

// SiLUBackward draws arguments of [kernels.SiLUBackward].
func SiLUBackward(r *Rand) kernels.SiLUBackwardArgs {
	n := r.Size(40_000)
	return kernels.SiLUBackwardArgs{DX: r.Out(n), DY: r.In(n), X: r.Uniform(n, -20, 20), N: n}
}
