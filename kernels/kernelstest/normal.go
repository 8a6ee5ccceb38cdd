package kernelstest

import "onestep/kernels"

// Normal draws arguments of [kernels.Normal], whose bits are the same on every device.
func Normal(r *Rand) kernels.NormalArgs {
	n, i := r.Size(5), r.Size(5000)
	return kernels.NormalArgs{
		Y: r.Out(n * i), Step: r.Words(r.Uint64() >> Pick(r, 60, 30, 20)), Seed: r.Uint64(), Stream: uint8(r.IntN(8)), First: r.Uint64() >> Pick(r, 60, 32, 21),
		Scale: Pick[float32](r, 1, 80), N: n, I: i,
	}
}
