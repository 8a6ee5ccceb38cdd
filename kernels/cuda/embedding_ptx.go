package cuda

import (
	"math"

	"onestep/kernels/cuda/asm"
)

var embeddingPTX = &family{name: "embedding", about: `
cosines and sines of c[n]*omega[k], and the gradient at c.
Forward: grid (n, parts of k), a thread has one k. Backward: a warp has an n; lane l adds k = l, l+32, ... in order, then over lanes in a tree.
The angle is rounded to float32, everything after it is float64: whole quarter turns are taken off by two fused products, the rest are the
polynomials of FreeBSD's k_sin.c and k_cos.c. Error: correctly rounded but for ties within 2^-24 of a half.`}

func init() {
	embeddingPTX.all(func(add func(*Kernel)) {
		add(embeddingKernel())
		add(embeddingBackwardKernel())
	})
}

func embeddingKernel() *Kernel { return embeddingPTX.kernel("embedding_f32", 256, writeEmbedding) }

func embeddingBackwardKernel() *Kernel {
	return embeddingPTX.kernel("embedding_backward_f32", 32, writeEmbeddingBackward)
}

func writeEmbedding(k *asm.Kernel) {
	y, c, omega, n := k.Ptr("y"), k.Ptr("c"), k.Ptr("omega"), k.I32("k")
	cosFrom, sinFrom := k.I32("cos_from"), k.I32("sin_from")
	row, i := k.CTAID(), k.CTAIDY().FMA(k.NTID(), k.TID())
	k.If(i.Lt(n), func() {
		sin, cos := sincos(k, angle(k, c, row, omega, i))
		at := y.Index(row.Mul(n).Shl(1).Add(i), 4)
		k.Store(asm.Global, at.Index(cosFrom, 4), 0, cos.To(asm.F32))
		k.Store(asm.Global, at.Index(sinFrom, 4), 0, sin.To(asm.F32))
	})
}

func writeEmbeddingBackward(k *asm.Kernel) {
	dc, dy := k.Ptr("dc"), k.Ptr("dy")
	c, omega, n := k.Ptr("c"), k.Ptr("omega"), k.I32("k")
	cosFrom, sinFrom := k.I32("cos_from"), k.I32("sin_from")
	row := k.CTAID()
	sum := k.Var(asm.F64, 0)
	k.For(k.TID(), n, 32, func(i asm.Reg) {
		sin, cos := sincos(k, angle(k, c, row, omega, i))
		at := dy.Index(row.Mul(n).Shl(1).Add(i), 4)
		load := func(from asm.Reg) asm.Reg { return k.Load(asm.Global, asm.F32, from, 0).To(asm.F64) }
		slope := load(at.Index(sinFrom, 4)).Mul(cos).Sub(load(at.Index(cosFrom, 4)).Mul(sin))
		sum.Set(load(omega.Index(i, 4)).FMA(slope, sum))
	})
	total := warpSum64(k, sum)
	k.If(k.TID().Eq(0), func() { k.Store(asm.Global, dc.Index(row, 4), 0, total.To(asm.F32)) })
}

// angle is c[row]·ω[i] in float32, widened.
func angle(k *asm.Kernel, c, row, omega, i asm.Reg) asm.Reg {
	return k.Load(asm.Global, asm.F32, c.Index(row, 4), 0).Mul(k.Load(asm.Global, asm.F32, omega.Index(i, 4), 0)).To(asm.F64)
}

// sincos is sine and cosine of a float64 up to 2³⁰ in size, to 2⁻⁵⁰. Infinities give NaN.
func sincos(k *asm.Kernel, x asm.Reg) (sin, cos asm.Reg) {
	turns := k.Op("cvt.rni.s32.f64", asm.S32, x.Mul(2/math.Pi)) // quarters
	t := turns.To(asm.F64)
	const low = 6.12323399573676603587e-17 // π/2 less its float64
	r := t.FMA(-low, t.FMA(-math.Pi/2, x)).Add(x.Sub(x))
	z := r.Mul(r)
	s := polynomial(z, 1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06,
		-1.98412698298579493134e-04, 8.33333333332248946124e-03, -1.66666666666666324348e-01)
	c := polynomial(z, -1.13596475577881948265e-11, 2.08757232129817482790e-09, -2.75573143513906633035e-07,
		2.48015872894767294178e-05, -1.38888888888741095749e-03, 4.16666666666666019037e-02)
	s = r.Mul(z).FMA(s, r)
	c = z.Mul(z).FMA(c, z.FMA(-0.5, k.Const(asm.F64, 1)))
	swap := turns.And(1).Ne(0)
	sin, cos = swap.Select(asm.F64, c, s), swap.Select(asm.F64, s, c)
	negative := func(x, quarter asm.Reg) asm.Reg { return quarter.And(2).Ne(0).Select(asm.F64, x.Neg(), x) }
	return negative(sin, turns), negative(cos, turns.Add(1))
}

// polynomial is c[0]·xⁿ + … + c[n] by Horner's rule.
func polynomial(x asm.Reg, c ...float64) asm.Reg {
	p := x.FMA(c[0], c[1])
	for _, next := range c[2:] {
		p = p.FMA(x, next)
	}
	return p
}
