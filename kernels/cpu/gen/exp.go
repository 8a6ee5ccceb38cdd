package main

import (
	"math"

	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The exponential: with n = round(x/ln 2) and r = x − n·ln 2, |r| ≤ ln2/2, it is 2ⁿ·p(r) where p(r) = 1 + r + r²·q(r). q has degree
// 4 and is fitted below so that the relative error of p is within 2⁻²⁸; what remains are roundings.
const (
	log2e  = float32(math.Log2E)
	magic  = float32(3 << 22) // adding it rounds to an integer, kept in the low bits
	ln2Hi  = float32(math.Ln2)
	signed = 1 << 31
)

var (
	ln2Lo = float32(math.Ln2 - float64(ln2Hi))
	expQ  = fitExp()
)

// fitExp finds the five coefficients of q, lowest first, by reweighted least squares (Lawson's algorithm), which tends to the
// least maximal error.
func fitExp() (q [5]float32) {
	const points = 801
	weight := make([]float64, points)
	at := make([]float64, points)
	for i := range at {
		at[i] = math.Ln2 / 2 * 1.0001 * math.Cos(math.Pi*(float64(i)+0.5)/points)
		weight[i] = 1
	}
	var c [5]float64
	for range 60 {
		var m [5][6]float64
		for i, r := range at {
			scale := r * r / math.Exp(r) // turns an error of q into a relative one of p
			target := (math.Exp(r) - 1 - r) / (r * r)
			if math.Abs(r) < 1e-3 {
				target = 0.5 + r/6 + r*r/24
			}
			var f [6]float64
			f[0] = 1
			for j := 1; j < 5; j++ {
				f[j] = f[j-1] * r
			}
			f[5] = target
			for a := range 5 {
				for b := range 6 {
					m[a][b] += weight[i] * scale * scale * f[a] * f[b]
				}
			}
		}
		for a := range 5 { // Gauss-Jordan
			for b := range 5 {
				if b == a {
					continue
				}
				k := m[b][a] / m[a][a]
				for j := range 6 {
					m[b][j] -= k * m[a][j]
				}
			}
		}
		for a := range c {
			c[a] = m[a][5] / m[a][a]
		}
		total := 0.0
		for i, r := range at {
			p := 1 + r + r*r*(c[0]+r*(c[1]+r*(c[2]+r*(c[3]+r*c[4]))))
			weight[i] *= math.Abs(p/math.Exp(r) - 1)
			total += weight[i]
		}
		for i := range weight {
			weight[i] *= points / total
		}
	}
	for i := range q {
		q[i] = float32(c[i])
	}
	return q
}

// hoistExp keeps the constants of exp in registers: all of them, or n with AVX2.
func (v *vec) hoistExp(n int) {
	all := bitsOf(1, expQ[0], expQ[1], expQ[2], expQ[3], ln2Hi, ln2Lo, log2e, magic, expQ[4])
	if !v.zmm() {
		all = all[:n]
	}
	v.hoist(all...)
}

// reduce computes p(r) and n for x: t holds x/ln 2 rounded, plus magic.
func (v *vec) reduce(x VecVirtual) (p, t, n VecVirtual) {
	p, t, n = v.reg(), v.reg(), v.reg()
	v.VMOVUPS(v.f32(magic), t)
	v.VFMADD231PS(v.f32(log2e), x, t)
	v.VSUBPS(v.f32(magic), t, n)
	r := v.reg()
	v.VMOVAPS(x, r)
	v.VFNMADD231PS(v.f32(ln2Hi), n, r)
	v.VFNMADD231PS(v.f32(ln2Lo), n, r)
	v.VMOVUPS(v.f32(expQ[4]), p)
	for i := 3; i >= 0; i-- {
		v.VFMADD213PS(v.f32(expQ[i]), r, p)
	}
	v.VFMADD213PS(v.f32(1), r, p)
	v.VFMADD213PS(v.f32(1), r, p)
	return p, t, n
}

// expDown replaces x ≤ 0 (or a little more) by eˣ. Results below 2⁻¹²⁶ are 0 with AVX2 and subnormal with AVX-512.
func (v *vec) expDown(x VecVirtual) {
	if v.zmm() {
		y := v.reg()
		v.VMOVUPS(v.f32(-110), y)
		v.VMAXPS(x, y, y) // a NaN in x wins
		p, _, n := v.reduce(y)
		v.VSCALEFPS(n, p, x)
		return
	}
	big := v.reg()
	v.VCMPPS(U8(5), v.f32(-87.3), x, big) // not less than: NaN passes
	y := v.reg()
	v.VMOVUPS(v.f32(-87.3), y)
	v.VMAXPS(x, y, y)
	p, t, _ := v.reduce(y)
	v.VPSLLD(U8(23), t, t)
	v.VPADDD(t, p, p)
	v.finish(p, big, x)
}

// finish sets x to p where big holds, to 0 elsewhere, and to NaN where x is NaN.
func (v *vec) finish(p, big, x VecVirtual) {
	v.VANDPS(big, p, p)
	v.VCMPPS(U8(3), x, x, x)
	v.VORPS(x, p, x)
}

// expAny replaces x by eˣ over the whole range. With AVX2 results below 2⁻¹²⁵ are 0.
func (v *vec) expAny(x VecVirtual) {
	y := v.reg()
	v.VMOVUPS(v.f32(89), y)
	v.VMINPS(x, y, y)
	if v.zmm() {
		z := v.reg()
		v.VMOVUPS(v.f32(-110), z)
		v.VMAXPS(y, z, z)
		p, _, n := v.reduce(z)
		v.VSCALEFPS(n, p, x)
		return
	}
	big := v.reg()
	v.VCMPPS(U8(5), v.f32(-86.9), x, big)
	z := v.reg()
	v.VMOVUPS(v.f32(-86.9), z)
	v.VMAXPS(y, z, z)
	p, t, _ := v.reduce(z)
	v.VPADDD(v.bits(0xffffffff), t, t) // half of the result, then twice: n may be 128
	v.VPSLLD(U8(23), t, t)
	v.VPADDD(t, p, p)
	v.VADDPS(p, p, p)
	v.finish(p, big, x)
}

// sigmoid computes from x: s = 1/(1+e⁻ˣ), e = e^−|x| and d = 1/(1+e), so that 1−s and s·(1−s) = e·d² keep their precision.
func (v *vec) sigmoid(x VecVirtual) (s, e, d VecVirtual) {
	s, e, d = v.reg(), v.reg(), v.reg()
	v.VORPS(v.bits(signed), x, e)
	v.expDown(e)
	v.VADDPS(v.f32(1), e, d)
	one := v.reg()
	v.VMOVUPS(v.f32(1), one)
	v.VDIVPS(d, one, d) // VRCP14PS and a step of Newton's method take longer on Zen 5
	v.VMULPS(e, d, s)   // where x < 0
	if v.zmm() {
		k := v.K()
		v.VPMOVD2M(x, k)
		v.VBLENDMPS(s, d, k, s)
	} else {
		v.VBLENDVPS(x, s, d, s)
	}
	return s, e, d
}
