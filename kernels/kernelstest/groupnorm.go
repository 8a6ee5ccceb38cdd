package kernelstest

import "onestep/kernels"

// GroupNorm draws arguments of [kernels.GroupNorm].
func GroupNorm(r *Rand) kernels.GroupNormArgs {
	n, i, c, g := gnSizes(r)
	a := kernels.GroupNormArgs{
		Y: r.Out(n * i * c), Mean: r.Out(n * g), Rstd: r.Out(n * g),
		X: r.In(n * i * c), Add: r.Maybe(r.In(n * c)), W: r.In(c), B: r.In(c),
		N: n, I: i, C: c, G: g, Eps: 1e-5, SiLU: r.Bool(),
	}
	if r.Bool() {
		a.Stride = c + Pick(r, 0, 3)
		a.Scale, a.Shift = r.In(n*a.Stride), r.In(n*a.Stride)
	}
	return a
}

// GroupNormBackward draws arguments of [kernels.GroupNormBackward].
func GroupNormBackward(r *Rand) kernels.GroupNormBackwardArgs {
	n, i, c, g := gnSizes(r)
	a := kernels.GroupNormBackwardArgs{
		DX: r.Out(n * i * c), DW: r.Out(c), DB: r.Out(c),
		DY: r.In(n * i * c), X: r.In(n * i * c), Mean: r.In(n * g), Rstd: r.Uniform(n*g, 0.5, 2), W: r.In(c), B: r.In(c),
		N: n, I: i, C: c, G: g, SiLU: r.Bool(),
	}
	if r.Bool() {
		a.Add, a.DAdd = r.In(n*c), r.Out(n*c)
	}
	if r.Bool() {
		a.Stride = c + Pick(r, 0, 3)
		a.Scale, a.Shift = r.In(n*a.Stride), r.In(n*a.Stride)
		a.DScale, a.DShift = r.Out(n*a.Stride), r.Out(n*a.Stride)
	}
	if r.Bool() {
		a.E, a.EWidth, a.EScale = pixels(r, n*i, c)
	}
	if r.Bool() {
		a.F, a.FWidth, a.FScale = pixels(r, n*i, c)
	}
	return a
}

// pixels draws m pixels of c channels out of as many or more, and a factor.
func pixels(r *Rand, m, c int) (x kernels.Buf, width int, scale float32) {
	width = c + Pick(r, 0, 0, 8, 16, 3)
	return r.In((m-1)*width + c), width, Pick[float32](r, 1, 1, 0.7)
}

// gnSizes draws sizes: few and many pixels and channels, more than one block of pixels now and then.
func gnSizes(r *Rand) (n, i, c, g int) {
	g = r.Size(9)
	c = g * (1 + r.Size(12)) // a group of one channel has dadd = 0, of which only rounding noise would be compared
	i = Pick(r, r.Size(80), r.Size(1500))
	n = r.Size(5)
	if n*i*c > 200_000 {
		n = 1
	}
	return n, i, c, g
}
