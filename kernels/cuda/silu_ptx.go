package cuda

import (
	"math"

	"onestep/kernels/cuda/asm"
)

var siluPTX = &family{name: "silu", part: "elementwise", about: `
y = x*s, and its gradient dx = dy*s*(1 + x*(1-s)), with s = sigmoid(x).
Thread i has the 16 bytes of elements from i*(16/size); kernels named _any have one element a thread, for buffers that start elsewhere.
Bytes an element: 2 or 3 times its size. Error: 4 units in the last place of s in float32; half precision rounds once more.`}

var (
	siluKernels = pointwise{of: siluPTX, name: "silu", inputs: []string{"x"}, each: func(p *point) eachPoint {
		return eachOne(func(x []asm.Reg) asm.Reg { return x[0].Mul(sigmoid(x[0], p.types[0])) })
	}}
	siluBackwardKernels = pointwise{of: siluPTX, name: "silu_backward", inputs: []string{"dy", "x"}, each: func(p *point) eachPoint {
		return eachOne(func(x []asm.Reg) asm.Reg { return x[0].Mul(siluSlope(x[1], p.types[0])) })
	}}
)

func init() {
	siluPTX.all(func(add func(*Kernel)) {
		for _, t := range floats {
			siluKernels.add(add, t, t)
			siluBackwardKernels.add(add, t, t, t)
		}
	})
}

// sigmoid is 1/(1+e⁻ˣ) for a result that is stored as t.
//
// For F16 it is the plain formula: of e⁻ˣ, |x|·2⁻²⁴ is lost in the exponent, which matters where s is small only, and infinities come out right.
// For F32 it is e/(1+e) or 1/(1+e) with e = e^−|x| to 3 ulp; |x| is capped where e is 0.
func sigmoid(x asm.Reg, t asm.Type) asm.Reg {
	if t == asm.F16 {
		return x.Mul(-math.Log2E).Ex2FTZ().Add(1).RcpFTZ()
	}
	s, _ := sigmoids(x)
	return s
}

// sigmoids are sigmoid(x) and sigmoid(−x), neither with cancellation.
func sigmoids(x asm.Reg) (of, ofMinus asm.Reg) {
	e := exp(x.Abs().Min(110).Neg())
	r, positive := e.Add(1).RcpFTZ(), x.Ge(0)
	return positive.Select(asm.F32, 1, e).Mul(r), positive.Select(asm.F32, e, 1).Mul(r)
}

// siluSlope is the derivative of x·sigmoid(x), s·(1 + x·sigmoid(−x)).
func siluSlope(x asm.Reg, t asm.Type) asm.Reg {
	if t == asm.F16 {
		s := sigmoid(x, t)
		return s.FMA(x.Sub(x.Mul(s)), s)
	}
	s, minus := sigmoids(x)
	return s.FMA(x.Mul(minus), s)
}
