package cuda

import "onestep/kernels/cuda/asm"

var normalPTX = &family{name: "normal", about: `
y[n,4j..4j+3] = scale * standard normal numbers from block j of Philox4x32-10 at (stream, step, first+n); kernels/random.go has the
formulas, and every float64 operation here is one of those, in its order, correctly rounded and never fused: the bits are the same.
Grid (n, parts of a row), a thread has a block of four numbers; kernel normal_f32_any is for rows that begin anywhere.
Bytes an element: 4. About 60 integer and 40 float64 operations a number; 5 in 100 numbers are in the tails, where it is 100.`}

func init() {
	normalPTX.all(func(add func(*Kernel)) {
		add(normalKernel(true))
		add(normalKernel(false))
	})
}

// normalKernel is for rows that are whole vectors, or any.
func normalKernel(vectors bool) *Kernel {
	name := "normal_f32"
	if !vectors {
		name += "_any"
	}
	return normalPTX.kernel(name, 256, func(k *asm.Kernel) { writeNormal(k, vectors) })
}

func writeNormal(k *asm.Kernel, vectors bool) {
	y, stepAt := k.Ptr("y"), k.Ptr("step")
	seed, first, stream, scale, n := k.U64("seed"), k.U64("first"), k.I32("stream"), k.F32("scale"), k.I32("n")
	row, j := k.CTAID(), k.CTAIDY().FMA(k.NTID(), k.TID())
	k.If(j.Shl(2).Lt(n), func() {
		step := loadWord64(k, stepAt, 0, asm.U64)
		sample := first.Add(k.Op("cvt.u64.u32", asm.U64, row))
		words := philox(k, []asm.Reg{
			j.As(asm.U32), low(k, sample), low(k, step),
			stream.As(asm.U32).Or(low(k, step.Shr(32)).Shl(8)).Or(low(k, sample.Shr(32)).Shl(20)),
		}, low(k, seed), low(k, seed.Shr(32)))
		at := y.Index(row.FMA(n, j.Shl(2)), 4)
		var ys []asm.Reg
		for i, w := range words {
			x := inverseNormal(k, w).To(asm.F32).Mul(scale)
			ys = append(ys, x)
			switch {
			case vectors:
			case i == 0:
				k.Store(asm.Global, at, 0, x)
			default:
				k.When(j.Shl(2).Add(i).Lt(n), func() { k.Store(asm.Global, at, 4*i, x) })
			}
		}
		if vectors {
			k.StoreV(asm.Global, at, 0, ys)
		}
	})
}

// low is the low half of a 64-bit number.
func low(k *asm.Kernel, x asm.Reg) asm.Reg { return k.Op("cvt.u32.u64", asm.U32, x) }

// loadWord64 reads the i-th 64-bit number of a buffer of 32-bit words.
func loadWord64(k *asm.Kernel, buf asm.Reg, i int, t asm.Type) asm.Reg {
	words := []asm.Reg{k.Load(asm.Global, asm.B32, buf, 8*i), k.Load(asm.Global, asm.B32, buf, 8*i+4)}
	return k.Op("mov.b64", t, words)
}

// storeWord64 writes it.
func storeWord64(k *asm.Kernel, buf asm.Reg, i int, x asm.Reg) {
	words := k.News(asm.B32, 2)
	k.Emit("mov.b64", words, x)
	for h, w := range words {
		k.Store(asm.Global, buf, 8*i+4*h, w)
	}
}

// philox is ten rounds of Philox4x32 on a counter with a key.
func philox(k *asm.Kernel, c []asm.Reg, key0, key1 asm.Reg) []asm.Reg {
	for round := range 10 {
		if round > 0 {
			key0, key1 = key0.Add(0x9E3779B9), key1.Add(0xBB67AE85)
		}
		a, b := k.Const(asm.U32, 0xD2511F53), k.Const(asm.U32, 0xCD9E8D57)
		c = []asm.Reg{c[2].MulHi(b).Xor(c[1]).Xor(key0), c[2].Mul(b), c[0].MulHi(a).Xor(c[3]).Xor(key1), c[0].Mul(a)}
	}
	return c
}

// inverseNormal is Φ⁻¹(½+q), q = (w+½)·2⁻³² for signed w.
func inverseNormal(k *asm.Kernel, w asm.Reg) asm.Reg {
	q := w.As(asm.S32).To(asm.F64).Add(0.5).Mul(0x1p-32)
	y := k.New(asm.F64)
	k.IfElse(q.Abs().Gt(0.47575), func() { y.Set(normalTail(k, q)) }, func() {
		r := q.Mul(q)
		num := horner(r, k.Const(asm.F64, -3.969683028665376e+01), 2.209460984245205e+02, -2.759285104469687e+02,
			1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239e+00)
		den := horner(r, k.Const(asm.F64, -5.447609879822406e+01), 1.615858368580409e+02, -1.556989798598866e+02,
			6.680131188771972e+01, -1.328068155288572e+01, 1)
		y.Set(q.Mul(num).Div(den))
	})
	return y
}

// normalTail is its value near the ends.
func normalTail(k *asm.Kernel, q asm.Reg) asm.Reg {
	s := logarithm(k, q.Abs().Neg().Add(0.5)).Mul(-2).Sqrt()
	num := horner(s, k.Const(asm.F64, -7.784894002430293e-03), -3.223964580411365e-01, -2.400758277161838e+00,
		-2.549732539343734e+00, 4.374664141464968e+00, 2.938163982698783e+00)
	den := horner(s, k.Const(asm.F64, 7.784695709041462e-03), 3.224671290700398e-01, 2.445134137142996e+00,
		3.754408661907416e+00, 1)
	sign := q.Bits(asm.B64).And(uint64(1 << 63))
	return num.Div(den).Abs().Bits(asm.B64).Or(sign).Bits(asm.F64)
}

// logarithm is ln x of a normal positive x.
func logarithm(k *asm.Kernel, x asm.Reg) asm.Reg {
	b := x.Bits(asm.U64)
	e := k.Var(asm.F64, b.Shr(52).Sub(1022).As(asm.S64).To(asm.F64))
	m := k.Var(asm.F64, b.And(uint64(1<<52-1)).Or(uint64(1022<<52)).Bits(asm.F64))
	k.When(m.Lt(halfRoot), func() {
		k.Emit("add.rn.f64", m, m, m)
		k.Emit("add.rn.f64", e, e, "0dBFF0000000000000")
	})
	f := m.Sub(1)
	s := f.Div(f.Add(2))
	z := s.Mul(s)
	r := z.Mul(horner(z, k.Const(asm.F64, 1.479819860511658591e-01), 1.531383769920937332e-01, 1.818357216161805012e-01,
		2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01))
	h := f.Mul(0.5).Mul(f)
	lo := e.Mul(1.90821492927058770002e-10).Add(s.Mul(h.Add(r)))
	return e.Mul(6.93147180369123816490e-01).Sub(h.Sub(lo).Sub(f))
}

const halfRoot = 0.70710678118654752440 // √½

// horner is p·xⁿ + c[0]·xⁿ⁻¹ + … by Horner's rule with every product and sum rounded.
func horner(x, p asm.Reg, c ...float64) asm.Reg {
	for _, next := range c {
		p = p.Mul(x).Add(next)
	}
	return p
}
