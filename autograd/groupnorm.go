package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Norm is how GroupNorm normalises, and what it does before and after. Without SiLU, Add and ScaleShift it does nothing more.
type Norm struct {
	Groups     int
	Eps        float32
	SiLU       bool // applied last
	Add        *Var // (N,C), added to every pixel first; nil: none
	ScaleShift *Var // (N,2C): scale, then shift, applied after the affine map; nil: none
}

// GroupNorm normalises x over groups of channels; [kernels.GroupNorm] has the formula.
// Shapes: x (N,H,W,C); weight, bias (C); result (N,H,W,C). It panics unless the groups divide C.
func GroupNorm(x, weight, bias *Var, m Norm) *Var {
	n, i, c := x.Dim(0), x.Dim(1)*x.Dim(2), x.Dim(3)
	check(m.Groups > 0 && c%m.Groups == 0, "GroupNorm: %d groups do not divide %d channels", m.Groups, c)
	check(weight.Len() == c && bias.Len() == c, "GroupNorm: weight %v, bias %v for input %v", weight.Shape(), bias.Shape(), x.Shape())
	check(m.Add == nil || m.Add.Len() == n*c, "GroupNorm: addend for input %v has another size", x.Shape())
	check(m.ScaleShift == nil || m.ScaleShift.Len() == 2*n*c, "GroupNorm: scale and shift for input %v have another size", x.Shape())
	d := x.Device()
	y, mean, rstd := x.Value.NewLike(), d.New(kernels.F32, n, m.Groups), d.New(kernels.F32, n, m.Groups)
	scale, shift := halves(m.ScaleShift, c)
	kernels.GroupNorm.Run(d, kernels.GroupNormArgs{
		Y: y.Buf(), Mean: mean.Buf(), Rstd: rstd.Buf(), X: x.Buf(), Add: optional(m.Add), W: weight.Buf(), B: bias.Buf(),
		Scale: scale, Shift: shift, Stride: 2 * c, N: n, I: i, C: c, G: m.Groups, Eps: m.Eps, SiLU: m.SiLU,
	})
	saved := append(values(x, weight, bias, m.Add, m.ScaleShift), mean, rstd)
	return record(y, vars(x, weight, bias, m.Add, m.ScaleShift), saved, func(dy *tensor.Tensor) {
		dx, dw, db := x.Value.NewLike(), weight.Value.NewLike(), bias.Value.NewLike()
		args := kernels.GroupNormBackwardArgs{
			DX: dx.Buf(), DW: dw.Buf(), DB: db.Buf(), DY: dy.Buf(), X: x.Buf(), Mean: mean.Buf(), Rstd: rstd.Buf(),
			Add: optional(m.Add), W: weight.Buf(), B: bias.Buf(), Scale: scale, Shift: shift, Stride: 2 * c,
			N: n, I: i, C: c, G: m.Groups, SiLU: m.SiLU,
		}
		others := x.others(2)
		if len(others) > 0 {
			args.E, args.EWidth, args.EScale = others[0].pixels()
		}
		if len(others) > 1 {
			args.F, args.FWidth, args.FScale = others[1].pixels()
		}
		var dadd *tensor.Tensor
		if m.Add != nil {
			dadd = m.Add.Value.NewLike()
			args.DAdd = dadd.Buf()
			defer m.Add.accumulate(dadd)
		}
		if m.ScaleShift != nil {
			dss := Const(m.ScaleShift.Value.NewLike())
			args.DScale, args.DShift = halves(dss, c)
			defer m.ScaleShift.accumulate(dss.Value)
		}
		kernels.GroupNormBackward.Run(d, args)
		if len(others) > 0 {
			x.replace(dx, known{})
		} else { // then the sums of dx over the pixels are the gradient at the addend
			x.replace(dx, known{sums: dadd})
		}
		weight.accumulate(dw)
		bias.accumulate(db)
	})
}

// halves are the first and the second c columns of x (N,2c), with rows 2c apart.
func halves(x *Var, c int) (first, second kernels.Buf) {
	if x == nil {
		return
	}
	b := x.Buf()
	return b.Slice(0, b.Len-c), b.Slice(c, b.Len)
}
