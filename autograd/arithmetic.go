package autograd

import (
	"slices"

	"onestep/kernels"
	"onestep/tensor"
)

// Axpby is a·x + b·z, elementwise, for equal shapes.
func Axpby(a float32, x *Var, b float32, z *Var) *Var {
	check(slices.Equal(x.Shape(), z.Shape()), "Axpby: shapes %v and %v", x.Shape(), z.Shape())
	d := x.Device()
	y := x.Value.NewLike()
	kernels.Axpby.Run(d, kernels.AxpbyArgs{Y: y.Buf(), X: x.Buf(), Z: z.Buf(), A: a, B: b, N: x.Len()})
	return record(y, vars(x, z), nil, func(dy *tensor.Tensor) {
		x.accumulateScaled(a, dy)
		z.accumulateScaled(b, dy)
	})
}

// Add is x + z.
func (x *Var) Add(z *Var) *Var { return Axpby(1, x, 1, z) }

// Sub is x − z.
func (x *Var) Sub(z *Var) *Var { return Axpby(1, x, -1, z) }

// Scale is a·x.
func (x *Var) Scale(a float32) *Var {
	y := x.Value.NewLike()
	kernels.Axpby.Run(x.Device(), kernels.AxpbyArgs{Y: y.Buf(), X: x.Buf(), A: a, N: x.Len()})
	return record(y, vars(x), nil, func(dy *tensor.Tensor) { x.accumulateScaled(a, dy) })
}

// Mul is x·z, elementwise, for equal shapes.
func (x *Var) Mul(z *Var) *Var {
	check(slices.Equal(x.Shape(), z.Shape()), "Mul: shapes %v and %v", x.Shape(), z.Shape())
	d := x.Device()
	y := x.Value.NewLike()
	kernels.Mul.Run(d, kernels.MulArgs{Y: y.Buf(), X: x.Buf(), Z: z.Buf(), N: x.Len()})
	product := func(to, with *Var, dy *tensor.Tensor) {
		if to.needs {
			g := to.Value.NewLike()
			kernels.Mul.Run(d, kernels.MulArgs{Y: g.Buf(), X: dy.Buf(), Z: with.Buf(), N: dy.Len()})
			to.accumulate(g)
		}
	}
	return record(y, vars(x, z), values(x, z), func(dy *tensor.Tensor) {
		product(x, z, dy)
		product(z, x, dy)
	})
}

// SampleAxpby is a[n]·x[n,…] + b[n]·z[n,…] with a coefficient for each sample, which gets no gradient. Without z (nil) it is a[n]·x[n,…].
// Shapes: a, b (N) float32; x, z (N,…); result as x, float32: a sample's noise level may scale it far beyond what a half holds.
func SampleAxpby(a *tensor.Tensor, x *Var, b *tensor.Tensor, z *Var) *Var {
	n := x.Dim(0)
	check(a.Len() == n && (z == nil || b.Len() == n && slices.Equal(x.Shape(), z.Shape())), "SampleAxpby: coefficients %v for %v", a.Shape(), x.Shape())
	d := x.Device()
	y := d.New(kernels.F32, x.Shape()...)
	args := kernels.SampleAxpbyArgs{Y: y.Buf(), X: x.Buf(), A: a.Buf(), N: n, I: x.Len() / n}
	saved := []*tensor.Tensor{a}
	if z != nil {
		args.Z, args.B = z.Buf(), b.Buf()
		saved = append(saved, b)
	}
	scaled := func(to *Var, by, dy *tensor.Tensor) {
		if to.needs {
			g := to.Value.NewLike()
			kernels.SampleAxpby.Run(d, kernels.SampleAxpbyArgs{Y: g.Buf(), X: dy.Buf(), A: by.Buf(), N: n, I: dy.Len() / n})
			to.accumulate(g)
		}
	}
	kernels.SampleAxpby.Run(d, args)
	return record(y, vars(x, z), saved, func(dy *tensor.Tensor) {
		scaled(x, a, dy)
		if z != nil {
			scaled(z, b, dy)
		}
	})
}

// ChannelAffine is x·a[c] + b[c] with constant coefficients.
// Shapes: x (…,C); a, b (C); result as x.
func ChannelAffine(x *Var, a, b *tensor.Tensor) *Var {
	c := x.Dim(-1)
	check(a.Len() == c && b.Len() == c, "ChannelAffine: coefficients %v for %v", a.Shape(), x.Shape())
	d := x.Device()
	y := x.Value.NewLike()
	kernels.ChannelAffine.Run(d, kernels.ChannelAffineArgs{Y: y.Buf(), X: x.Buf(), A: a.Buf(), B: b.Buf(), M: x.Len() / c, C: c})
	return record(y, vars(x), []*tensor.Tensor{a}, func(dy *tensor.Tensor) {
		dx := x.Value.NewLike()
		kernels.ChannelAffine.Run(d, kernels.ChannelAffineArgs{Y: dx.Buf(), X: dy.Buf(), A: a.Buf(), M: x.Len() / c, C: c})
		x.accumulate(dx)
	})
}

// PairAxpby combines the two halves of a batch, a[n]·x[n] + b[n]·x[N+n]: what is left of two evaluations that ran as one batch.
// Shapes: x (2N,…); a, b (N) float32, which get no gradient; result (N,…) float32.
func PairAxpby(a, b *tensor.Tensor, x *Var) *Var {
	n := a.Len()
	check(x.Dim(0) == 2*n && b.Len() == n, "PairAxpby: %d and %d coefficients for %v", n, b.Len(), x.Shape())
	d := x.Device()
	half := x.Len() / 2
	shape := slices.Clone(x.Shape())
	shape[0] = n
	y := d.New(kernels.F32, shape...)
	kernels.SampleAxpby.Run(d, kernels.SampleAxpbyArgs{
		Y: y.Buf(), X: x.Buf().Slice(0, half), Z: x.Buf().Slice(half, 2*half), A: a.Buf(), B: b.Buf(), N: n, I: half / n,
	})
	return record(y, vars(x), []*tensor.Tensor{a, b}, func(dy *tensor.Tensor) {
		dx := x.Value.NewLike()
		for i, c := range []*tensor.Tensor{a, b} {
			kernels.SampleAxpby.Run(d, kernels.SampleAxpbyArgs{
				Y: dx.Buf().Slice(i*half, (i+1)*half), X: dy.Buf(), A: c.Buf(), N: n, I: half / n,
			})
		}
		x.accumulate(dx)
	})
}

// Repeat is x twice along the batch: (N,…) becomes (2N,…).
func Repeat(x *Var) *Var {
	d := x.Device()
	shape := slices.Clone(x.Shape())
	shape[0] *= 2
	y := d.New(x.Value.DType(), shape...)
	n := x.Len()
	for i := range 2 {
		kernels.Cast.Run(d, kernels.CastArgs{Y: y.Buf().Slice(i*n, (i+1)*n), X: x.Buf(), N: n})
	}
	return record(y, vars(x), nil, func(dy *tensor.Tensor) {
		dx := x.Value.NewLike()
		kernels.Axpby.Run(d, kernels.AxpbyArgs{Y: dx.Buf(), X: dy.Buf().Slice(0, n), Z: dy.Buf().Slice(n, 2*n), A: 1, B: 1, N: n})
		x.accumulate(dx)
	})
}
