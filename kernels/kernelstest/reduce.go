package kernelstest

import "onestep/kernels"

// SquaredNorm draws arguments of [kernels.SquaredNorm]. The sum is a float64 in two words, so an implementation that adds in another order
// than Ref agrees through an operation that makes a float32 of it.
func SquaredNorm(r *Rand) kernels.SquaredNormArgs {
	a := kernels.SquaredNormArgs{Y: r.Out(2)}
	for range r.Size(5) {
		a.X = append(a.X, r.In(Pick(r, r.Size(70_000), r.Size(300))))
	}
	return a
}
