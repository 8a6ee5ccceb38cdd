package main

import (
	"math"

	"onestep/kernels/cuda/ptx/build"
)

func init() { files["silu.ptx"] = silu }

func silu() *build.File {
	f := build.NewFile(`silu.ptx: y = x*s, and its gradient dx = dy*s*(1 + x*(1-s)), with s = sigmoid(x).
Thread i has the 16 bytes of elements from i*(16/size); kernels named _1 have one element a thread, for buffers that start elsewhere.
Bytes an element: 2 or 3 times its size. Error: 4 units in the last place of s in float32; half precision rounds once more.`)
	for _, t := range []build.Type{build.F32, build.F16} {
		mapKernels(f, "silu_"+t.String(), t, []string{"x"}, func(x []build.Reg) build.Reg { return x[0].Mul(sigmoid(x[0], t)) })
		mapKernels(f, "silu_backward_"+t.String(), t, []string{"dy", "x"}, func(x []build.Reg) build.Reg { return x[0].Mul(siluSlope(x[1], t)) })
	}
	return f
}

// sigmoid is 1/(1+e⁻ˣ) for a result that is stored as t.
//
// For F16 it is the plain formula: of e⁻ˣ, |x|·2⁻²⁴ is lost in the exponent, which matters where s is small only, and infinities come out right.
// For F32 it is e/(1+e) or 1/(1+e) with e = e^−|x| to 3 ulp; |x| is capped where e is 0.
func sigmoid(x build.Reg, t build.Type) build.Reg {
	if t == build.F16 {
		return x.Mul(-math.Log2E).Ex2FTZ().Add(1).RcpFTZ()
	}
	e := exp(x.Abs().Min(110).Neg())
	return x.Ge(0).Select(build.F32, 1, e).Mul(e.Add(1).RcpFTZ())
}

// siluSlope is the derivative of x·sigmoid(x).
func siluSlope(x build.Reg, t build.Type) build.Reg {
	s := sigmoid(x, t)
	return s.FMA(x.Sub(x.Mul(s)), s)
}

// exp is eˣ for finite x to 3 ulp, 0 below −104: 2^(hi+lo), where hi+lo is x·log₂e to twice float32's precision and 2^lo = 1 + lo·ln 2.
func exp(x build.Reg) build.Reg {
	c := float64(float32(math.Log2E))
	hi := x.Mul(c)
	lo := x.FMA(math.Log2E-c, x.FMA(c, hi.Neg()))
	e := hi.Ex2()
	return e.FMA(lo.Mul(math.Ln2), e)
}

// mapKernels adds kernels that compute y = fn(inputs) element by element, in float32: name, which takes 16 bytes a thread of buffers that are
// aligned to that, and name_1.
func mapKernels(f *build.File, name string, t build.Type, inputs []string, fn func([]build.Reg) build.Reg) {
	for _, width := range []int{16 / t.Size(), 1} {
		suffix := ""
		if width == 1 {
			suffix = "_1"
		}
		k := f.Kernel(name+suffix, 256)
		out := k.Ptr("out")
		xs := make([]build.Reg, len(inputs))
		for i, in := range inputs {
			xs[i] = k.Ptr(in)
		}
		n := k.I32("n")
		i := k.GlobalIndex().Mul(width)
		vector := func() {
			at := make([][]build.Reg, len(xs))
			for j, x := range xs {
				at[j] = loadFloats(k, build.Global, t, width, x.Index(i, t.Size()), 0)
			}
			results := make([]build.Reg, width)
			for e := range results {
				arguments := make([]build.Reg, len(xs))
				for j := range xs {
					arguments[j] = at[j][e]
				}
				results[e] = fn(arguments)
			}
			storeFloats(k, build.Global, t, out.Index(i, t.Size()), 0, results)
		}
		if width == 1 {
			k.If(i.Lt(n), vector)
			continue
		}
		k.IfElse(i.Le(n.Sub(width)), vector, func() {
			k.For(i, n, 1, func(i build.Reg) {
				arguments := make([]build.Reg, len(xs))
				for j, x := range xs {
					arguments[j] = loadFloats(k, build.Global, t, 1, x.Index(i, t.Size()), 0)[0]
				}
				storeFloats(k, build.Global, t, out.Index(i, t.Size()), 0, []build.Reg{fn(arguments)})
			})
		})
	}
}

// loadFloats reads n neighbouring elements of type t, 1 or 16 bytes of them, as float32.
func loadFloats(k *build.Kernel, s build.Space, t build.Type, n int, at build.Reg, offset int) []build.Reg {
	switch {
	case n == 1:
		return []build.Reg{k.Load(s, t, at, offset).To(build.F32)}
	case t == build.F32:
		return k.LoadV(s, build.F32, n, at, offset)
	}
	var xs []build.Reg
	for _, r := range k.LoadV(s, build.B32, n/2, at, offset) {
		lo, hi := k.Unpack(r)
		xs = append(xs, lo, hi)
	}
	return xs
}

// storeFloats writes float32 numbers as neighbouring elements of type t.
func storeFloats(k *build.Kernel, s build.Space, t build.Type, at build.Reg, offset int, xs []build.Reg) {
	switch {
	case len(xs) == 1:
		k.Store(s, at, offset, xs[0].To(t))
	case t == build.F32:
		k.StoreV(s, at, offset, xs)
	default:
		packed := make([]build.Reg, len(xs)/2)
		for i := range packed {
			packed[i] = k.Pack(xs[2*i], xs[2*i+1])
		}
		k.StoreV(s, at, offset, packed)
	}
}
