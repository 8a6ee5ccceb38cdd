package cuda

import (
	"math"

	"onestep/kernels/cuda/asm"
)

// exp is eˣ for finite x to 3 ulp, 0 below −104: 2^(hi+lo), where hi+lo is x·log₂e to twice float32's precision and 2^lo = 1 + lo·ln 2.
func exp(x asm.Reg) asm.Reg {
	c := float64(float32(math.Log2E))
	hi := x.Mul(c)
	lo := x.FMA(math.Log2E-c, x.FMA(c, hi.Neg()))
	e := hi.Ex2()
	return e.FMA(lo.Mul(math.Ln2), e)
}

// expAny is eˣ to 3 ulp for x of any sign that is not so large that it overflows, 0 for −∞, and NaN for NaN.
func expAny(x asm.Reg) asm.Reg { return exp(x.Lt(-200).Select(asm.F32, -200, x)) }

// variables are n float32 that start as x, a number.
func variables(k *asm.Kernel, n int, x any) []asm.Reg {
	rs := make([]asm.Reg, n)
	for i := range rs {
		rs[i] = k.Var(asm.F32, x)
	}
	return rs
}

// loadFloats reads n neighbouring elements of type t, 1 or 8 or 16 bytes of them, as float32.
func loadFloats(k *asm.Kernel, s asm.Space, t asm.Type, n int, at asm.Reg, offset int) []asm.Reg {
	switch {
	case n == 1:
		return []asm.Reg{k.Load(s, t, at, offset).To(asm.F32)}
	case t == asm.F32:
		return k.LoadV(s, asm.F32, n, at, offset)
	}
	var xs []asm.Reg
	for _, r := range k.LoadV(s, asm.B32, n/2, at, offset) {
		lo, hi := k.Unpack(r)
		xs = append(xs, lo, hi)
	}
	return xs
}

// storeFloats writes float32 numbers as neighbouring elements of type t.
func storeFloats(k *asm.Kernel, s asm.Space, t asm.Type, at asm.Reg, offset int, xs []asm.Reg) {
	switch {
	case len(xs) == 1:
		k.Store(s, at, offset, xs[0].To(t))
	case t == asm.F32:
		k.StoreV(s, at, offset, xs)
	default:
		packed := make([]asm.Reg, len(xs)/2)
		for i := range packed {
			packed[i] = k.Pack(xs[2*i], xs[2*i+1])
		}
		k.StoreV(s, at, offset, packed)
	}
}

// total adds x over the lanes of a warp.
func total(x asm.Reg) asm.Reg {
	return x.WarpReduce(func(a, b asm.Reg) asm.Reg { return a.Add(b) })
}
