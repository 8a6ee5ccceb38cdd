package kernelstest

import "onestep/kernels"

// Pool2D draws arguments of [kernels.Pool2D].
func Pool2D(r *Rand) kernels.Pool2DArgs {
	s := anyPool(r)
	r.Sum(s.Kernel * s.Kernel)
	return kernels.Pool2DArgs{Y: r.Out(s.N * s.OH * s.OW * s.C), X: r.In(s.N * s.H * s.W * s.C), PoolShape: s}
}

// Pool2DBackward draws arguments of [kernels.Pool2DBackward].
func Pool2DBackward(r *Rand) kernels.Pool2DBackwardArgs {
	s := anyPool(r)
	r.Sum(s.Kernel * s.Kernel)
	return poolBackward(r, s)
}

// HalvingBackward draws arguments of [kernels.Pool2DBackward] for windows that do not overlap, whose gradients are exact.
func HalvingBackward(r *Rand) kernels.Pool2DBackwardArgs {
	return poolBackward(r, halving(r))
}

func poolBackward(r *Rand, s kernels.PoolShape) kernels.Pool2DBackwardArgs {
	in := s.N * s.H * s.W * s.C
	a := kernels.Pool2DBackwardArgs{DX: r.Out(in), DY: r.In(s.N * s.OH * s.OW * s.C), X: r.In(in), PoolShape: s}
	for i := range a.X.F32 { // many ties
		a.X.F32[i] = max(0, float32(int(2*a.X.F32[i])))
	}
	return a
}

// anyPool draws the geometry of a pooling: in half of the trials, halving.
func anyPool(r *Rand) kernels.PoolShape {
	s := halving(r)
	if r.Bool() {
		s.Kernel, s.Stride = Pick(r, 3, 3, 2, 1, 4), Pick(r, 1, 2, 3)
		s.Pad = r.IntN(s.Kernel)
		s.H, s.W = max(s.H, s.Kernel), max(s.W, s.Kernel)
	}
	return s.Out()
}

func halving(r *Rand) kernels.PoolShape {
	s := kernels.PoolShape{N: r.Size(3), H: 1 + r.Size(20), W: 1 + r.Size(20), C: r.Size(70), Kernel: 2, Stride: 2, Max: r.Bool()}
	return s.Out()
}

// MeanPixels draws arguments of [kernels.MeanPixels].
func MeanPixels(r *Rand) kernels.MeanPixelsArgs {
	n, i, c, grad := r.Size(4), r.Size(300), r.Size(70), r.Bool()
	a := kernels.MeanPixelsArgs{Y: r.Out(n * c), X: r.In(n * i * c), N: n, I: i, C: c, Grad: grad}
	if grad {
		a.Y, a.X = r.Out(n*i*c), r.In(n*c)
	}
	return a
}
