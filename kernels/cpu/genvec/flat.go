package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// flatKernels are those that see their operands as n numbers in a row.
func flatKernels() {
	kernel("axpby", "y = a*x + b*z", "(y, x, z *float32, a, b float32, n int)", func(v *vec) {
		y, x, z, n := arg("y"), arg("x"), arg("z"), arg("n")
		a, b := v.scalar("a"), v.scalar("b")
		v.flat(n, 4, func(_ int, at func(Register) Mem) {
			s, t := v.loaded(at(z)), v.loaded(at(x))
			VMULPS(b, s, s)
			VFMADD231PS(a, t, s)
			v.store(s, at(y))
		})
	})
	kernel("scale", "y = a*x", "(y, x *float32, a float32, n int)", func(v *vec) {
		y, x, n, a := arg("y"), arg("x"), arg("n"), v.scalar("a")
		v.flat(n, 4, func(_ int, at func(Register) Mem) {
			t := v.loaded(at(x))
			VMULPS(a, t, t)
			v.store(t, at(y))
		})
	})
	kernel("mul", "y = x*z", "(y, x, z *float32, n int)", func(v *vec) {
		y, x, z, n := arg("y"), arg("x"), arg("z"), arg("n")
		v.flat(n, 4, func(_ int, at func(Register) Mem) {
			s, t := v.loaded(at(z)), v.loaded(at(x))
			VMULPS(s, t, t)
			v.store(t, at(y))
		})
	})
	kernel("max", "y = max(x, z), NaN if any is", "(y, x, z *float32, n int)", func(v *vec) {
		y, x, z, n := arg("y"), arg("x"), arg("z"), arg("n")
		v.flat(n, 4, func(_ int, at func(Register) Mem) {
			s, t := v.loaded(at(z)), v.loaded(at(x))
			v.maxNaN(s, t)
			v.store(t, at(y))
		})
	})
	kernel("reluBackward", "dx = dy where y > 0, else 0", "(dx, dy, y *float32, n int)", func(v *vec) {
		dx, dy, y, n := arg("dx"), arg("dy"), arg("y"), arg("n")
		zero := v.zero()
		v.flat(n, 4, func(_ int, at func(Register) Mem) {
			s, t := v.loaded(at(y)), v.loaded(at(dy))
			v.keepWhere(14 /* greater */, s, zero, t)
			v.store(t, at(dx))
		})
	})
	kernel("exp", "y = exp(x)", "(y, x *float32, n int)", func(v *vec) {
		y, x, n := arg("y"), arg("x"), arg("n")
		v.hoistExp(7)
		v.flat(n, 1, func(_ int, at func(Register) Mem) {
			t := v.loaded(at(x))
			v.expAny(t)
			v.store(t, at(y))
		})
	})
	kernel("silu", "y = x*sigmoid(x)", "(y, x *float32, n int)", func(v *vec) {
		y, x, n := arg("y"), arg("x"), arg("n")
		v.hoistExp(7)
		v.flat(n, 1, func(_ int, at func(Register) Mem) {
			t := v.loaded(at(x))
			s, _, _ := v.sigmoid(t)
			VMULPS(s, t, t)
			v.store(t, at(y))
		})
	})
	kernel("siluBackward", "dx = dy*s*(1 + x*(1-s)), s = sigmoid(x)", "(dx, dy, x *float32, n int)", func(v *vec) {
		dx, dy, x, n := arg("dx"), arg("dy"), arg("x"), arg("n")
		v.hoistExp(7)
		v.flat(n, 1, func(_ int, at func(Register) Mem) {
			g := v.siluSlope(v.loaded(at(x)))
			VMULPS(v.loaded(at(dy)), g, g)
			v.store(g, at(dx))
		})
	})

	kernel("maximum", "the largest of n numbers", "(x *float32, n int) float32", func(v *vec) {
		x, n := arg("x"), arg("n")
		low := v.reg()
		VMOVUPS(v.f32(float32(math.Inf(-1))), low)
		top := v.regs(4)
		for _, t := range top {
			VMOVAPS(low, t)
		}
		v.flat(n, 4, func(u int, at func(Register) Mem) {
			t := v.loaded(at(x))
			v.fillTail(t, low)
			VMAXPS(top[u], t, top[u])
		})
		VMAXPS(top[1], top[0], top[0])
		VMAXPS(top[3], top[2], top[2])
		VMAXPS(top[2], top[0], top[0])
		Store(v.across(top[0], func(o ...Op) { VMAXPS(o...) }), ReturnIndex(0))
	})
	kernel("expSum", "p = exp(a*p - b), which is at most about 1; the sum of p is returned", "(p *float32, a, b float32, n int) float32", func(v *vec) {
		p, n := arg("p"), arg("n")
		a, b := v.scalar("a"), v.scalar("b")
		v.hoistExp(7)
		sum := v.zeros(1)
		v.flat(n, 1, func(u int, at func(Register) Mem) {
			t := v.loaded(at(p))
			VFMSUB213PS(b, a, t)
			v.expDown(t)
			v.clearTail(t)
			VADDPS(t, sum[u], sum[u])
			v.store(t, at(p))
		})
		Store(v.sumLanes(v.fold(sum)), ReturnIndex(0))
	})
	kernel("dot", "the sum of x*y", "(x, y *float32, n int) float32", func(v *vec) {
		x, y, n := arg("x"), arg("y"), arg("n")
		sum := v.zeros(4)
		v.flat(n, 4, func(u int, at func(Register) Mem) {
			VFMADD231PS(v.loaded(at(x)), v.loaded(at(y)), sum[u])
		})
		Store(v.sumLanes(v.fold(sum)), ReturnIndex(0))
	})
	kernel("attentionGrad", "ds = a*p*(dp - delta), in place of dp", "(dp, p *float32, a, delta float32, n int)", func(v *vec) {
		dp, p, n := arg("dp"), arg("p"), arg("n")
		a, delta := v.scalar("a"), v.scalar("delta")
		v.flat(n, 2, func(u int, at func(Register) Mem) {
			t := v.loaded(at(dp))
			VSUBPS(delta, t, t)
			VMULPS(a, t, t)
			VMULPS(v.loaded(at(p)), t, t)
			v.store(t, at(dp))
		})
	})

	kernel("adam", "one step of Adam; adaptive is 0 or 1", "(p, m, v, grad *float32, set *[9]float32, adaptive, n int)", adamKernel)

	for _, k := range []struct {
		name, doc string
		term      func(v *vec, x, y VecVirtual) VecVirtual
	}{
		{"squares64", "the sum of x*x in float64", func(v *vec, x, _ VecVirtual) VecVirtual { return nil }},
		{"absDifference64", "the sum of |x-y| in float64", func(v *vec, x, y VecVirtual) VecVirtual {
			VSUBPS(y, x, x)
			VANDPS(v.bits(0x7fffffff), x, x)
			return x
		}},
		{"squareDifference64", "the sum of (x-y)*(x-y) in float64", func(v *vec, x, y VecVirtual) VecVirtual {
			VSUBPS(y, x, x)
			return nil
		}},
	} {
		two := k.name != "squares64"
		sig := "(x *float32, n int) float64"
		if two {
			sig = "(x, y *float32, n int) float64"
		}
		kernel(k.name, k.doc, sig, func(v *vec) {
			x, n := arg("x"), arg("n")
			var y Register
			if two {
				y = arg("y")
			}
			sum := v.zeros(4)
			v.flat(n, 2, func(u int, at func(Register) Mem) {
				t := v.loaded(at(x))
				var s VecVirtual
				if two {
					s = v.loaded(at(y))
				}
				squared := k.term(v, t, s) == nil
				for i, d := range v.toDouble(t) {
					if squared {
						VFMADD231PD(d, d, sum[2*u+i])
					} else {
						VADDPD(d, sum[2*u+i], sum[2*u+i])
					}
				}
			})
			VADDPD(sum[1], sum[0], sum[0])
			VADDPD(sum[3], sum[2], sum[2])
			VADDPD(sum[2], sum[0], sum[0])
			if v.zmm() {
				t := YMM()
				VEXTRACTF64X4(U8(1), sum[0], t)
				VADDPD(t, sum[0].AsY(), sum[0].AsY())
			}
			a, b := XMM(), XMM()
			VEXTRACTF128(U8(1), sum[0].AsY(), a)
			VADDPD(a, sum[0].AsX(), a)
			VPERMILPD(U8(1), a, b)
			VADDSD(b, a, a)
			Store(a, ReturnIndex(0))
		})
	}
	kernel("signDifference", "dx = g*sign(x-y), where sign(0) = 0 and sign(NaN) = NaN", "(dx, x, y *float32, grad float32, n int)", func(v *vec) {
		dx, x, y, n, g := arg("dx"), arg("x"), arg("y"), arg("n"), v.scalar("grad")
		zero := v.zero()
		v.flat(n, 1, func(_ int, at func(Register) Mem) {
			d := v.loaded(at(x))
			VSUBPS(v.loaded(at(y)), d, d)
			up, down, none := v.reg(), v.reg(), v.reg()
			VMOVAPS(g, up)
			v.keepWhere(14 /* greater */, d, zero, up)
			VMOVAPS(g, down)
			v.keepWhere(1 /* less */, d, zero, down)
			VMOVAPS(d, none)
			v.keepWhere(3 /* unordered */, d, d, none)
			VSUBPS(down, up, up)
			VADDPS(none, up, up)
			v.store(up, at(dx))
		})
	})
	kernel("scaleDifference", "dx = g*(x-y)", "(dx, x, y *float32, grad float32, n int)", func(v *vec) {
		dx, x, y, n, g := arg("dx"), arg("x"), arg("y"), arg("n"), v.scalar("grad")
		v.flat(n, 4, func(_ int, at func(Register) Mem) {
			d := v.loaded(at(x))
			VSUBPS(v.loaded(at(y)), d, d)
			VMULPS(g, d, d)
			v.store(d, at(dx))
		})
	})
	kernel("lerpGather", "y[i] = x[lo[i]] + t[i]*(x[hi[i]] - x[lo[i]])", "(y, x *float32, lo, hi *int32, t *float32, n int)", func(v *vec) {
		y, x, lo, hi, t, n := arg("y"), arg("x"), arg("lo"), arg("hi"), arg("t"), arg("n")
		v.flat(n, 1, func(_ int, at func(Register) Mem) {
			a, b := v.gather(x, v.loaded(at(lo))), v.gather(x, v.loaded(at(hi)))
			VSUBPS(a, b, b)
			VFMADD231PS(v.loaded(at(t)), b, a)
			v.store(a, at(y))
		})
	})

	castKernels()
}

// keepWhere zeroes r except where the comparison a ? b holds.
func (v *vec) keepWhere(comparison uint8, a, b, r VecVirtual) {
	if v.zmm() {
		k := K()
		VCMPPS(U8(comparison), b, a, k)
		VMOVAPS_Z(r, k, r)
		return
	}
	m := v.reg()
	VCMPPS(U8(comparison), b, a, m)
	VANDPS(m, r, r)
}

// siluSlope is s·(1 + x·(1−s)) = s + x·e·d².
func (v *vec) siluSlope(x VecVirtual) VecVirtual {
	s, e, d := v.sigmoid(x)
	VMULPS(d, e, e)
	VMULPS(d, e, e)
	VFMADD231PS(x, e, s)
	return s
}

// toDouble widens the two halves of t.
func (v *vec) toDouble(t VecVirtual) []VecVirtual {
	lo, hi := v.reg(), v.reg()
	if v.zmm() {
		h := YMM()
		VEXTRACTF64X4(U8(1), t, h)
		VCVTPS2PD(t.AsY(), lo)
		VCVTPS2PD(h, hi)
	} else {
		h := XMM()
		VEXTRACTF128(U8(1), t, h)
		VCVTPS2PD(t.AsX(), lo)
		VCVTPS2PD(h, hi)
	}
	return []VecVirtual{lo, hi}
}

// gather reads x at the indices in i; lanes beyond the end read x[0].
func (v *vec) gather(x Register, i VecVirtual) VecVirtual {
	r, m := v.zero(), Mem{Base: x, Index: i, Scale: 4}
	if v.zmm() {
		k := K()
		KXNORW(k, k, k)
		VGATHERDPS(m, k, r)
		return r
	}
	ones := v.reg()
	VPCMPEQD(ones, ones, ones)
	VGATHERDPS(ones, m, r)
	return r
}

// adamKernel: set holds gradScale, decay, β₁, 1−β₁, β₂, 1−β₂, step, eps and is read in this order.
func adamKernel(v *vec) {
	p, m, vv, g, set := arg("p"), arg("m"), arg("v"), arg("grad"), arg("set")
	adaptive, n := arg("adaptive"), arg("n")
	k := make([]Op, 8)
	for i := range k {
		if !v.zmm() && i < 2 { // registers are short
			continue
		}
		r := v.reg()
		VBROADCASTSS(Mem{Base: set, Disp: 4 * i}, r)
		k[i] = r
	}
	step := func(adaptive bool) func(int, func(Register) Mem) {
		return func(_ int, at func(Register) Mem) {
			theta, grad := v.loaded(at(p)), v.loaded(at(g))
			c := [2]Op{k[0], k[1]}
			for i := range c {
				if c[i] == nil {
					r := v.reg()
					VBROADCASTSS(Mem{Base: set, Disp: 4 * i}, r)
					c[i] = r
				}
			}
			VMULPS(c[0], grad, grad)
			VFMADD231PS(c[1], theta, grad)
			first, second := v.loaded(at(m)), v.loaded(at(vv))
			VMULPS(k[2], first, first)
			VFMADD231PS(k[3], grad, first)
			VMULPS(grad, grad, grad)
			VMULPS(k[4], second, second)
			VFMADD231PS(k[5], grad, second)
			v.store(first, at(m))
			v.store(second, at(vv))
			VMULPS(k[6], first, first)
			if adaptive {
				VSQRTPS(second, second)
				VADDPS(k[7], second, second)
				VDIVPS(second, first, first)
			}
			VSUBPS(first, theta, theta)
			v.store(theta, at(p))
		}
	}
	i := GP64()
	XORQ(i, i)
	TESTQ(adaptive, adaptive)
	JZ(LabelRef("plain"))
	v.flatFrom(i, n, 1, "adaptive", step(true))
	JMP(LabelRef("end"))
	Label("plain")
	v.flatFrom(i, n, 1, "plain", step(false))
	Label("end")
}

// castKernels convert a multiple of 8 numbers; F16C serves AVX-512 as well, since memory is what they wait for.
func castKernels() {
	begin("widen", "y = x, from half to float32; n is a multiple of 8", "(y *float32, x *uint16, n int)", 8)
	y, x, n := arg("y"), arg("x"), arg("n")
	Label("loop")
	r := YMM()
	VCVTPH2PS(Mem{Base: x}, r)
	VMOVUPS(r, Mem{Base: y})
	ADDQ(U8(16), x)
	ADDQ(U8(32), y)
	SUBQ(U8(8), n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
	begin("narrow", "y = x, rounded from float32 to half; n is a multiple of 8", "(y *uint16, x *float32, n int)", 8)
	y, x, n = arg("y"), arg("x"), arg("n")
	Label("loop")
	r = YMM()
	VMOVUPS(Mem{Base: x}, r)
	VCVTPS2PH(U8(0), r, Mem{Base: y})
	ADDQ(U8(32), x)
	ADDQ(U8(16), y)
	SUBQ(U8(8), n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
