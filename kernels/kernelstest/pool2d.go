package kernelstest

import "onestep/kernels"

// Pool2D draws arguments of [kernels.Pool2D].
func Pool2D(r *Rand) kernels.Pool2DArgs {
	n, h, w, c := r.Size(3), 1+r.Size(20), 1+r.Size(20), r.Size(70)
	return kernels.Pool2DArgs{Y: r.Out(n * (h / 2) * (w / 2) * c), X: r.In(n * h * w * c), N: n, H: h, W: w, C: c, Max: r.Bool()}
}

// Pool2DBackward draws arguments of [kernels.Pool2DBackward].
func Pool2DBackward(r *Rand) kernels.Pool2DBackwardArgs {
	n, h, w, c := r.Size(3), 1+r.Size(20), 1+r.Size(20), r.Size(70)
	a := kernels.Pool2DBackwardArgs{DX: r.Out(n * h * w * c), DY: r.In(n * (h / 2) * (w / 2) * c), X: r.In(n * h * w * c), N: n, H: h, W: w, C: c, Max: r.Bool()}
	for i := range a.X.F32 { // many ties
		a.X.F32[i] = max(0, float32(int(2*a.X.F32[i])))
	}
	return a
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
