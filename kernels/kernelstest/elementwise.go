package kernelstest

import "onestep/kernels"

// Axpby draws arguments of [kernels.Axpby].
func Axpby(r *Rand) kernels.AxpbyArgs {
	n := r.Size(40_000)
	return kernels.AxpbyArgs{Y: r.Out(n), X: r.In(n), Z: r.Maybe(r.In(n)), A: r.Float32(), B: r.Float32() - 1, N: n}
}

// SampleAxpby draws arguments of [kernels.SampleAxpby].
func SampleAxpby(r *Rand) kernels.SampleAxpbyArgs {
	n, i := r.Size(20), Pick(r, r.Size(100), r.Size(5_000))
	if r.Bool() { // whole vectors
		i = (i + 7) / 8 * 8
	}
	a := kernels.SampleAxpbyArgs{Y: r.Out(n * i), X: r.In(n * i), A: r.In(n), N: n, I: i}
	if r.Bool() {
		a.Z, a.B = r.In(n*i), r.In(n)
	}
	return a
}

// Mul draws arguments of [kernels.Mul].
func Mul(r *Rand) kernels.MulArgs {
	n := r.Size(40_000)
	return kernels.MulArgs{Y: r.Out(n), X: r.In(n), Z: r.In(n), N: n}
}

// ChannelAffine draws arguments of [kernels.ChannelAffine].
func ChannelAffine(r *Rand) kernels.ChannelAffineArgs {
	m, c := r.Size(3000), Pick(r, 3, r.Size(40))
	return kernels.ChannelAffineArgs{Y: r.Out(m * c), X: r.In(m * c), A: r.In(c), B: r.Maybe(r.In(c)), M: m, C: c}
}

// ReLUBackward draws arguments of [kernels.ReLUBackward].
func ReLUBackward(r *Rand) kernels.ReLUBackwardArgs {
	n := r.Size(40_000)
	a := kernels.ReLUBackwardArgs{DX: r.Out(n), DY: r.In(n), Y: r.In(n), N: n}
	for i := range a.Y.F32 {
		if a.Y.F32[i] < 0 { // nothing of the gradient may be seen here
			a.DY.F32[i] /= 0 * a.Y.F32[i]
			a.Y.F32[i] = 0
		}
	}
	return a
}

// Cast draws arguments of [kernels.Cast].
func Cast(r *Rand) kernels.CastArgs {
	n := r.Size(40_000)
	return kernels.CastArgs{Y: r.Out(n + 3), X: r.Uniform(n, -70000, 70000), N: n}
}

// CopyChannels draws arguments of [kernels.CopyChannels].
func CopyChannels(r *Rand) kernels.CopyChannelsArgs {
	m, c := r.Size(700), r.Size(50)
	a := kernels.CopyChannelsArgs{M: m, C: c, YFrom: r.Size(9) - 1, XFrom: r.Size(9) - 1}
	a.YWidth, a.XWidth = a.YFrom+c+r.Size(5)-1, a.XFrom+c+r.Size(5)-1
	a.Y, a.X = r.InOut(m*a.YWidth), r.In(m*a.XWidth)
	return a
}
