package main

import (
	"math"

	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The kernels of this file see their operands as n numbers in a row.

// elementwise are sums and products of numbers in the same places.
func (a *asm) elementwise() {
	a.kernel("axpby", "y = a*x + b*z", "(y, x, z *float32, a, b float32, n int)", func(v *vec) {
		y, x, z, n := v.arg("y"), v.arg("x"), v.arg("z"), v.arg("n")
		a, b := v.scalar("a"), v.scalar("b")
		v.flat(n, 4, func(_ int, at func(Register) Mem) {
			s, t := v.loaded(at(z)), v.loaded(at(x))
			v.VMULPS(b, s, s)
			v.VFMADD231PS(a, t, s)
			v.store(s, at(y))
		})
	})
	a.kernel("scale", "y = a*x", "(y, x *float32, a float32, n int)", func(v *vec) {
		y, x, n, a := v.arg("y"), v.arg("x"), v.arg("n"), v.scalar("a")
		v.flat(n, 4, func(_ int, at func(Register) Mem) {
			t := v.loaded(at(x))
			v.VMULPS(a, t, t)
			v.store(t, at(y))
		})
	})
	a.kernel("mul", "y = x*z", "(y, x, z *float32, n int)", func(v *vec) {
		y, x, z, n := v.arg("y"), v.arg("x"), v.arg("z"), v.arg("n")
		v.flat(n, 4, func(_ int, at func(Register) Mem) {
			s, t := v.loaded(at(z)), v.loaded(at(x))
			v.VMULPS(s, t, t)
			v.store(t, at(y))
		})
	})
	a.kernel("max", "y = max(x, z), NaN if any is", "(y, x, z *float32, n int)", func(v *vec) {
		y, x, z, n := v.arg("y"), v.arg("x"), v.arg("z"), v.arg("n")
		v.flat(n, 4, func(_ int, at func(Register) Mem) {
			s, t := v.loaded(at(z)), v.loaded(at(x))
			v.maxNaN(s, t)
			v.store(t, at(y))
		})
	})
	a.kernel("reluBackward", "dx = dy where y > 0, else 0", "(dx, dy, y *float32, n int)", func(v *vec) {
		dx, dy, y, n := v.arg("dx"), v.arg("dy"), v.arg("y"), v.arg("n")
		zero := v.zero()
		v.flat(n, 4, func(_ int, at func(Register) Mem) {
			s, t := v.loaded(at(y)), v.loaded(at(dy))
			v.keepWhere(14 /* greater */, s, zero, t)
			v.store(t, at(dx))
		})
	})
}

// activations are those that need the exponential.
func (a *asm) activations() {
	a.kernel("exp", "y = exp(x)", "(y, x *float32, n int)", func(v *vec) {
		y, x, n := v.arg("y"), v.arg("x"), v.arg("n")
		v.hoistExp(7)
		v.flat(n, 1, func(_ int, at func(Register) Mem) {
			t := v.loaded(at(x))
			v.expAny(t)
			v.store(t, at(y))
		})
	})
	a.kernel("silu", "y = x*sigmoid(x)", "(y, x *float32, n int)", func(v *vec) {
		y, x, n := v.arg("y"), v.arg("x"), v.arg("n")
		v.hoistExp(7)
		v.flat(n, 1, func(_ int, at func(Register) Mem) {
			t := v.loaded(at(x))
			s, _, _ := v.sigmoid(t)
			v.VMULPS(s, t, t)
			v.store(t, at(y))
		})
	})
	a.kernel("siluBackward", "dx = dy*s*(1 + x*(1-s)), s = sigmoid(x)", "(dx, dy, x *float32, n int)", func(v *vec) {
		dx, dy, x, n := v.arg("dx"), v.arg("dy"), v.arg("x"), v.arg("n")
		v.hoistExp(7)
		v.flat(n, 1, func(_ int, at func(Register) Mem) {
			g := v.siluSlope(v.loaded(at(x)))
			v.VMULPS(v.loaded(at(dy)), g, g)
			v.store(g, at(dx))
		})
	})
}

// attention is softmax and its gradient.
func (a *asm) attention() {
	a.kernel("maximum", "the largest of n numbers", "(x *float32, n int) float32", func(v *vec) {
		x, n := v.arg("x"), v.arg("n")
		low := v.reg()
		v.VMOVUPS(v.f32(float32(math.Inf(-1))), low)
		top := v.regs(4)
		for _, t := range top {
			v.VMOVAPS(low, t)
		}
		v.flat(n, 4, func(u int, at func(Register) Mem) {
			t := v.loaded(at(x))
			v.fillTail(t, low)
			v.VMAXPS(top[u], t, top[u])
		})
		v.VMAXPS(top[1], top[0], top[0])
		v.VMAXPS(top[3], top[2], top[2])
		v.VMAXPS(top[2], top[0], top[0])
		v.Store(v.across(top[0], func(o ...Op) { v.VMAXPS(o...) }), v.ReturnIndex(0))
	})
	a.kernel("expSum", "p = exp(a*p - b), which is at most about 1; the sum of p is returned", "(p *float32, a, b float32, n int) float32", func(v *vec) {
		p, n := v.arg("p"), v.arg("n")
		a, b := v.scalar("a"), v.scalar("b")
		v.hoistExp(7)
		sum := v.zeros(1)
		v.flat(n, 1, func(u int, at func(Register) Mem) {
			t := v.loaded(at(p))
			v.VFMSUB213PS(b, a, t)
			v.expDown(t)
			v.clearTail(t)
			v.VADDPS(t, sum[u], sum[u])
			v.store(t, at(p))
		})
		v.Store(v.sumLanes(v.fold(sum)), v.ReturnIndex(0))
	})
	a.kernel("dot", "the sum of x*y", "(x, y *float32, n int) float32", func(v *vec) {
		x, y, n := v.arg("x"), v.arg("y"), v.arg("n")
		sum := v.zeros(4)
		v.flat(n, 4, func(u int, at func(Register) Mem) {
			v.VFMADD231PS(v.loaded(at(x)), v.loaded(at(y)), sum[u])
		})
		v.Store(v.sumLanes(v.fold(sum)), v.ReturnIndex(0))
	})
	a.kernel("attentionGrad", "ds = a*p*(dp - delta), in place of dp", "(dp, p *float32, a, delta float32, n int)", func(v *vec) {
		dp, p, n := v.arg("dp"), v.arg("p"), v.arg("n")
		a, delta := v.scalar("a"), v.scalar("delta")
		v.flat(n, 2, func(u int, at func(Register) Mem) {
			t := v.loaded(at(dp))
			v.VSUBPS(delta, t, t)
			v.VMULPS(a, t, t)
			v.VMULPS(v.loaded(at(p)), t, t)
			v.store(t, at(dp))
		})
	})
}

func (a *asm) adam() {
	a.kernel("adam", "one step of Adam; adaptive is 0 or 1", "(p, m, v, grad *float32, set *[9]float32, adaptive, n int)", adamKernel)
}

// sums64 are sums in float64.
func (a *asm) sums64() {
	for _, k := range []struct {
		name, doc string
		term      func(v *vec, x, y VecVirtual) VecVirtual
	}{
		{"squares64", "the sum of x*x in float64", func(v *vec, x, _ VecVirtual) VecVirtual { return nil }},
		{"absDifference64", "the sum of |x-y| in float64", func(v *vec, x, y VecVirtual) VecVirtual {
			v.VSUBPS(y, x, x)
			v.VANDPS(v.bits(0x7fffffff), x, x)
			return x
		}},
		{"squareDifference64", "the sum of (x-y)*(x-y) in float64", func(v *vec, x, y VecVirtual) VecVirtual {
			v.VSUBPS(y, x, x)
			return nil
		}},
	} {
		two := k.name != "squares64"
		sig := "(x *float32, n int) float64"
		if two {
			sig = "(x, y *float32, n int) float64"
		}
		a.kernel(k.name, k.doc, sig, func(v *vec) {
			x, n := v.arg("x"), v.arg("n")
			var y Register
			if two {
				y = v.arg("y")
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
						v.VFMADD231PD(d, d, sum[2*u+i])
					} else {
						v.VADDPD(d, sum[2*u+i], sum[2*u+i])
					}
				}
			})
			v.VADDPD(sum[1], sum[0], sum[0])
			v.VADDPD(sum[3], sum[2], sum[2])
			v.VADDPD(sum[2], sum[0], sum[0])
			if v.zmm() {
				t := v.YMM()
				v.VEXTRACTF64X4(U8(1), sum[0], t)
				v.VADDPD(t, sum[0].AsY(), sum[0].AsY())
			}
			a, b := v.XMM(), v.XMM()
			v.VEXTRACTF128(U8(1), sum[0].AsY(), a)
			v.VADDPD(a, sum[0].AsX(), a)
			v.VPERMILPD(U8(1), a, b)
			v.VADDSD(b, a, a)
			v.Store(a, v.ReturnIndex(0))
		})
	}
}

// differences are the gradients of the distances whose sums are above.
func (a *asm) differences() {
	a.kernel("signDifference", "dx = g*sign(x-y), where sign(0) = 0 and sign(NaN) = NaN", "(dx, x, y *float32, grad float32, n int)", func(v *vec) {
		dx, x, y, n, g := v.arg("dx"), v.arg("x"), v.arg("y"), v.arg("n"), v.scalar("grad")
		zero := v.zero()
		v.flat(n, 1, func(_ int, at func(Register) Mem) {
			d := v.loaded(at(x))
			v.VSUBPS(v.loaded(at(y)), d, d)
			up, down, none := v.reg(), v.reg(), v.reg()
			v.VMOVAPS(g, up)
			v.keepWhere(14 /* greater */, d, zero, up)
			v.VMOVAPS(g, down)
			v.keepWhere(1 /* less */, d, zero, down)
			v.VMOVAPS(d, none)
			v.keepWhere(3 /* unordered */, d, d, none)
			v.VSUBPS(down, up, up)
			v.VADDPS(none, up, up)
			v.store(up, at(dx))
		})
	})
	a.kernel("scaleDifference", "dx = g*(x-y)", "(dx, x, y *float32, grad float32, n int)", func(v *vec) {
		dx, x, y, n, g := v.arg("dx"), v.arg("x"), v.arg("y"), v.arg("n"), v.scalar("grad")
		v.flat(n, 4, func(_ int, at func(Register) Mem) {
			d := v.loaded(at(x))
			v.VSUBPS(v.loaded(at(y)), d, d)
			v.VMULPS(g, d, d)
			v.store(d, at(dx))
		})
	})
}

// lerpGather is one row of a bilinear interpolation.
func (a *asm) lerpGather() {
	a.kernel("lerpGather", "y[i] = x[lo[i]] + t[i]*(x[hi[i]] - x[lo[i]])", "(y, x *float32, lo, hi *int32, t *float32, n int)", func(v *vec) {
		y, x, lo, hi, t, n := v.arg("y"), v.arg("x"), v.arg("lo"), v.arg("hi"), v.arg("t"), v.arg("n")
		v.flat(n, 1, func(_ int, at func(Register) Mem) {
			a, b := v.gather(x, v.loaded(at(lo))), v.gather(x, v.loaded(at(hi)))
			v.VSUBPS(a, b, b)
			v.VFMADD231PS(v.loaded(at(t)), b, a)
			v.store(a, at(y))
		})
	})
}

// keepWhere zeroes r except where the comparison a ? b holds.
func (v *vec) keepWhere(comparison uint8, a, b, r VecVirtual) {
	if v.zmm() {
		k := v.K()
		v.VCMPPS(U8(comparison), b, a, k)
		v.VMOVAPS_Z(r, k, r)
		return
	}
	m := v.reg()
	v.VCMPPS(U8(comparison), b, a, m)
	v.VANDPS(m, r, r)
}

// siluSlope is s·(1 + x·(1−s)) = s + x·e·d².
func (v *vec) siluSlope(x VecVirtual) VecVirtual {
	s, e, d := v.sigmoid(x)
	v.VMULPS(d, e, e)
	v.VMULPS(d, e, e)
	v.VFMADD231PS(x, e, s)
	return s
}

// toDouble widens the two halves of t.
func (v *vec) toDouble(t VecVirtual) []VecVirtual {
	lo, hi := v.reg(), v.reg()
	if v.zmm() {
		h := v.YMM()
		v.VEXTRACTF64X4(U8(1), t, h)
		v.VCVTPS2PD(t.AsY(), lo)
		v.VCVTPS2PD(h, hi)
	} else {
		h := v.XMM()
		v.VEXTRACTF128(U8(1), t, h)
		v.VCVTPS2PD(t.AsX(), lo)
		v.VCVTPS2PD(h, hi)
	}
	return []VecVirtual{lo, hi}
}

// gather reads x at the indices in i; lanes beyond the end read x[0].
func (v *vec) gather(x Register, i VecVirtual) VecVirtual {
	r, m := v.zero(), Mem{Base: x, Index: i, Scale: 4}
	if v.zmm() {
		k := v.K()
		v.KXNORW(k, k, k)
		v.VGATHERDPS(m, k, r)
		return r
	}
	ones := v.reg()
	v.VPCMPEQD(ones, ones, ones)
	v.VGATHERDPS(ones, m, r)
	return r
}

// adamKernel: set holds gradScale, decay, β₁, 1−β₁, β₂, 1−β₂, step, eps and is read in this order.
func adamKernel(v *vec) {
	p, m, vv, g, set := v.arg("p"), v.arg("m"), v.arg("v"), v.arg("grad"), v.arg("set")
	adaptive, n := v.arg("adaptive"), v.arg("n")
	k := make([]Op, 8)
	for i := range k {
		if !v.zmm() && i < 2 { // registers are short
			continue
		}
		r := v.reg()
		v.VBROADCASTSS(Mem{Base: set, Disp: 4 * i}, r)
		k[i] = r
	}
	step := func(adaptive bool) func(int, func(Register) Mem) {
		return func(_ int, at func(Register) Mem) {
			theta, grad := v.loaded(at(p)), v.loaded(at(g))
			c := [2]Op{k[0], k[1]}
			for i := range c {
				if c[i] == nil {
					r := v.reg()
					v.VBROADCASTSS(Mem{Base: set, Disp: 4 * i}, r)
					c[i] = r
				}
			}
			v.VMULPS(c[0], grad, grad)
			v.VFMADD231PS(c[1], theta, grad)
			first, second := v.loaded(at(m)), v.loaded(at(vv))
			v.VMULPS(k[2], first, first)
			v.VFMADD231PS(k[3], grad, first)
			v.VMULPS(grad, grad, grad)
			v.VMULPS(k[4], second, second)
			v.VFMADD231PS(k[5], grad, second)
			v.store(first, at(m))
			v.store(second, at(vv))
			v.VMULPS(k[6], first, first)
			if adaptive {
				v.VSQRTPS(second, second)
				v.VADDPS(k[7], second, second)
				v.VDIVPS(second, first, first)
			}
			v.VSUBPS(first, theta, theta)
			v.store(theta, at(p))
		}
	}
	i := v.GP64()
	v.XORQ(i, i)
	v.TESTQ(adaptive, adaptive)
	v.JZ(LabelRef("plain"))
	v.flatFrom(i, n, 1, "adaptive", step(true))
	v.JMP(LabelRef("end"))
	v.Label("plain")
	v.flatFrom(i, n, 1, "plain", step(false))
	v.Label("end")
}

// casts convert a multiple of 8 numbers; F16C serves AVX-512 as well, since memory is what they wait for.
func (a *asm) casts() {
	a.begin("widen", "y = x, from half to float32; n is a multiple of 8", "(y *float32, x *uint16, n int)", 8)
	y, x, n := a.arg("y"), a.arg("x"), a.arg("n")
	a.Label("loop")
	r := a.YMM()
	a.VCVTPH2PS(Mem{Base: x}, r)
	a.VMOVUPS(r, Mem{Base: y})
	a.ADDQ(U8(16), x)
	a.ADDQ(U8(32), y)
	a.SUBQ(U8(8), n)
	a.JNZ(LabelRef("loop"))
	a.VZEROUPPER()
	a.RET()
	a.begin("narrow", "y = x, rounded from float32 to half; n is a multiple of 8", "(y *uint16, x *float32, n int)", 8)
	y, x, n = a.arg("y"), a.arg("x"), a.arg("n")
	a.Label("loop")
	r = a.YMM()
	a.VMOVUPS(Mem{Base: x}, r)
	a.VCVTPS2PH(U8(0), r, Mem{Base: y})
	a.ADDQ(U8(32), x)
	a.ADDQ(U8(16), y)
	a.SUBQ(U8(8), n)
	a.JNZ(LabelRef("loop"))
	a.VZEROUPPER()
	a.RET()
}
