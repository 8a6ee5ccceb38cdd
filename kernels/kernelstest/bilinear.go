package kernelstest

import "onestep/kernels"

// Bilinear draws arguments of [kernels.Bilinear].
func Bilinear(r *Rand) kernels.BilinearArgs {
	a := kernels.BilinearArgs{N: r.Size(3), C: r.Size(3), H: r.Size(20), W: r.Size(20), OH: r.Size(70), OW: r.Size(70)}
	a.Grad, a.TopLeft = r.Bool(), r.Bool()
	in, out := a.N*a.C*a.H*a.W, a.N*a.C*a.OH*a.OW
	a.Y, a.X = r.Out(out), r.In(in)
	if a.Grad {
		a.Y, a.X = r.Out(in), r.In(out)
	}
	return a
}
