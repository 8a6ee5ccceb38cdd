package main

import (
	"math"

	"onestep/kernels/cuda/ptx/build"
)

func init() { files["silu.ptx"] = silu }

func silu() *build.File {
	f := build.NewFile(`silu.ptx: y = x*s, and its gradient dx = dy*s*(1 + x*(1-s)), with s = sigmoid(x).
Thread i has the 16 bytes of elements from i*(16/size); kernels named _any have one element a thread, for buffers that start elsewhere.
Bytes an element: 2 or 3 times its size. Error: 4 units in the last place of s in float32; half precision rounds once more.`)
	for _, t := range []build.Type{build.F32, build.F16} {
		simple("silu", []build.Type{t, t}, []string{"x"}, func(x []build.Reg) build.Reg { return x[0].Mul(sigmoid(x[0], t)) }).add(f)
		simple("silu_backward", []build.Type{t, t, t}, []string{"dy", "x"}, func(x []build.Reg) build.Reg { return x[0].Mul(siluSlope(x[1], t)) }).add(f)
	}
	return f
}

// simple is a pointwise kernel without parameters.
func simple(name string, types []build.Type, inputs []string, f func(x []build.Reg) build.Reg) pointwise {
	return pointwise{name: typed(name, types[0]), types: types, inputs: inputs, each: func(*point) func(int, [][]build.Reg) []build.Reg { return eachOne(f) }}
}

// sigmoid is 1/(1+e⁻ˣ) for a result that is stored as t.
//
// For F16 it is the plain formula: of e⁻ˣ, |x|·2⁻²⁴ is lost in the exponent, which matters where s is small only, and infinities come out right.
// For F32 it is e/(1+e) or 1/(1+e) with e = e^−|x| to 3 ulp; |x| is capped where e is 0.
func sigmoid(x build.Reg, t build.Type) build.Reg {
	if t == build.F16 {
		return x.Mul(-math.Log2E).Ex2FTZ().Add(1).RcpFTZ()
	}
	s, _ := sigmoids(x)
	return s
}

// sigmoids are sigmoid(x) and sigmoid(−x), neither with cancellation.
func sigmoids(x build.Reg) (of, ofMinus build.Reg) {
	e := exp(x.Abs().Min(110).Neg())
	r, positive := e.Add(1).RcpFTZ(), x.Ge(0)
	return positive.Select(build.F32, 1, e).Mul(r), positive.Select(build.F32, e, 1).Mul(r)
}

// siluSlope is the derivative of x·sigmoid(x), s·(1 + x·sigmoid(−x)).
func siluSlope(x build.Reg, t build.Type) build.Reg {
	if t == build.F16 {
		s := sigmoid(x, t)
		return s.FMA(x.Sub(x.Mul(s)), s)
	}
	s, minus := sigmoids(x)
	return s.FMA(x.Mul(minus), s)
}
