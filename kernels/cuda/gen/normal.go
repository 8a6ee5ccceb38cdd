package main

import "onestep/kernels/cuda/ptx/build"

func init() { files["normal.ptx"] = normal }

func normal() *build.File {
	f := build.NewFile(`normal.ptx: y[n,4j..4j+3] = scale * standard normal numbers from block j of Philox4x32-10 at (stream, step, first+n); kernels/random.go has the
formulas, and every float64 operation here is one of those, in its order, correctly rounded and never fused: the bits are the same.
Grid (n, parts of a row), a thread has a block of four numbers; kernel normal_f32_any is for rows that begin anywhere.
Bytes an element: 4. About 60 integer and 40 float64 operations a number; 5 in 100 numbers are in the tails, where it is 100.`)
	for _, vector := range []bool{true, false} {
		name := "normal_f32"
		if !vector {
			name += "_any"
		}
		k := f.Kernel(name, 256)
		y, stepAt := k.Ptr("y"), k.Ptr("step")
		seed, first, stream, scale, n := k.U64("seed"), k.U64("first"), k.I32("stream"), k.F32("scale"), k.I32("n")
		row, j := k.CTAID(), k.CTAIDY().FMA(k.NTID(), k.TID())
		k.If(j.Shl(2).Lt(n), func() {
			step := loadWord64(k, stepAt, 0, build.U64)
			sample := first.Add(k.Op("cvt.u64.u32", build.U64, row))
			words := philox(k, []build.Reg{
				j.As(build.U32), low(k, sample), low(k, step),
				stream.As(build.U32).Or(low(k, step.Shr(32)).Shl(8)).Or(low(k, sample.Shr(32)).Shl(20)),
			}, low(k, seed), low(k, seed.Shr(32)))
			at := y.Index(row.FMA(n, j.Shl(2)), 4)
			var ys []build.Reg
			for i, w := range words {
				x := inverseNormal(k, w).To(build.F32).Mul(scale)
				ys = append(ys, x)
				switch {
				case vector:
				case i == 0:
					k.Store(build.Global, at, 0, x)
				default:
					k.When(j.Shl(2).Add(i).Lt(n), func() { k.Store(build.Global, at, 4*i, x) })
				}
			}
			if vector {
				k.StoreV(build.Global, at, 0, ys)
			}
		})
	}
	return f
}

// low is the low half of a 64-bit number.
func low(k *build.Kernel, x build.Reg) build.Reg { return k.Op("cvt.u32.u64", build.U32, x) }

// loadWord64 reads the i-th 64-bit number of a buffer of 32-bit words.
func loadWord64(k *build.Kernel, buf build.Reg, i int, t build.Type) build.Reg {
	words := []build.Reg{k.Load(build.Global, build.B32, buf, 8*i), k.Load(build.Global, build.B32, buf, 8*i+4)}
	return k.Op("mov.b64", t, words)
}

// storeWord64 writes it.
func storeWord64(k *build.Kernel, buf build.Reg, i int, x build.Reg) {
	words := k.News(build.B32, 2)
	k.Emit("mov.b64", words, x)
	for h, w := range words {
		k.Store(build.Global, buf, 8*i+4*h, w)
	}
}

// philox is ten rounds of Philox4x32 on a counter with a key.
func philox(k *build.Kernel, c []build.Reg, key0, key1 build.Reg) []build.Reg {
	for round := range 10 {
		if round > 0 {
			key0, key1 = key0.Add(0x9E3779B9), key1.Add(0xBB67AE85)
		}
		a, b := k.Const(build.U32, 0xD2511F53), k.Const(build.U32, 0xCD9E8D57)
		c = []build.Reg{c[2].MulHi(b).Xor(c[1]).Xor(key0), c[2].Mul(b), c[0].MulHi(a).Xor(c[3]).Xor(key1), c[0].Mul(a)}
	}
	return c
}

// inverseNormal is Φ⁻¹(½+q), q = (w+½)·2⁻³² for signed w.
func inverseNormal(k *build.Kernel, w build.Reg) build.Reg {
	q := w.As(build.S32).To(build.F64).Add(0.5).Mul(0x1p-32)
	y := k.New(build.F64)
	k.IfElse(q.Abs().Gt(0.47575), func() { y.Set(normalTail(k, q)) }, func() {
		r := q.Mul(q)
		num := horner(r, k.Const(build.F64, -3.969683028665376e+01), 2.209460984245205e+02, -2.759285104469687e+02,
			1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239e+00)
		den := horner(r, k.Const(build.F64, -5.447609879822406e+01), 1.615858368580409e+02, -1.556989798598866e+02,
			6.680131188771972e+01, -1.328068155288572e+01, 1)
		y.Set(q.Mul(num).Div(den))
	})
	return y
}

// normalTail is its value near the ends.
func normalTail(k *build.Kernel, q build.Reg) build.Reg {
	s := logarithm(k, q.Abs().Neg().Add(0.5)).Mul(-2).Sqrt()
	num := horner(s, k.Const(build.F64, -7.784894002430293e-03), -3.223964580411365e-01, -2.400758277161838e+00,
		-2.549732539343734e+00, 4.374664141464968e+00, 2.938163982698783e+00)
	den := horner(s, k.Const(build.F64, 7.784695709041462e-03), 3.224671290700398e-01, 2.445134137142996e+00,
		3.754408661907416e+00, 1)
	sign := q.Bits(build.B64).And(uint64(1 << 63))
	return num.Div(den).Abs().Bits(build.B64).Or(sign).Bits(build.F64)
}

// logarithm is ln x of a normal positive x.
func logarithm(k *build.Kernel, x build.Reg) build.Reg {
	b := x.Bits(build.U64)
	e := k.Var(build.F64, b.Shr(52).Sub(1022).As(build.S64).To(build.F64))
	m := k.Var(build.F64, b.And(uint64(1<<52-1)).Or(uint64(1022<<52)).Bits(build.F64))
	k.When(m.Lt(halfRoot), func() {
		k.Emit("add.rn.f64", m, m, m)
		k.Emit("add.rn.f64", e, e, "0dBFF0000000000000")
	})
	f := m.Sub(1)
	s := f.Div(f.Add(2))
	z := s.Mul(s)
	r := z.Mul(horner(z, k.Const(build.F64, 1.479819860511658591e-01), 1.531383769920937332e-01, 1.818357216161805012e-01,
		2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01))
	h := f.Mul(0.5).Mul(f)
	lo := e.Mul(1.90821492927058770002e-10).Add(s.Mul(h.Add(r)))
	return e.Mul(6.93147180369123816490e-01).Sub(h.Sub(lo).Sub(f))
}

const halfRoot = 0.70710678118654752440 // √½

// horner is p·xⁿ + c[0]·xⁿ⁻¹ + … by Horner's rule with every product and sum rounded.
func horner(x, p build.Reg, c ...float64) build.Reg {
	for _, next := range c {
		p = p.Mul(x).Add(next)
	}
	return p
}
