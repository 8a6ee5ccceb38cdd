package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The kernels of this file combine neighbouring pixels, all channels alike, or the channels of one pixel.

// taps are weighted sums of up to four pixels.
func (a *asm) taps() {
	for taps := 1; taps <= 4; taps++ {
		a.kernel(fmt.Sprintf("taps%d", taps), "y[q*ys+i] = the sum over j of w[j]*x[q*xs+j*xt+i], for rows q and c numbers i; strides in elements",
			"(y, x *float32, ys, xs, xt int, w *[4]float32, rows, c int)", func(v *vec) {
				y, x, w := v.arg("y"), v.arg("x"), v.arg("w")
				ys, xs, xt := v.arg("ys"), v.arg("xs"), v.arg("xt")
				for _, r := range []Register{ys, xs, xt} {
					v.SHLQ(U8(2), r)
				}
				k := v.regs(taps)
				for j := range k {
					v.VBROADCASTSS(Mem{Base: w, Disp: 4 * j}, k[j])
				}
				v.columns([]int{4, 1}, func(col *columns) (row, finish func()) {
					at := col.pointers([]Register{y, x}, []Register{ys, xs})
					row = func() {
						p := v.GP64()
						v.MOVQ(at.ptr[1], p)
						sum := make([]VecVirtual, col.width)
						for j := range taps {
							for u := range col.width {
								m := Mem{Base: p, Disp: 4 * v.w * u}
								if j == 0 {
									sum[u] = v.loaded(m)
									v.VMULPS(k[0], sum[u], sum[u])
								} else if v.masked {
									v.VFMADD231PS(v.loaded(m), k[j], sum[u])
								} else {
									v.VFMADD231PS(m, k[j], sum[u])
								}
							}
							if j+1 < taps {
								v.ADDQ(xt, p)
							}
						}
						for u := range col.width {
							v.store(sum[u], Mem{Base: at.ptr[0], Disp: 4 * v.w * u})
						}
						at.next()
					}
					return row, nil
				})
			})
	}
}

// pools halve images or double them.
func (a *asm) pools() {
	a.kernel("pool2", "y[q] = f*(x0[2q] + x0[2q+1] + x1[2q] + x1[2q+1]) for rows pixels q of c channels", "(y, x0, x1 *float32, f float32, rows, c int)", func(v *vec) {
		f := v.scalar("f")
		v.pairs([]string{"y"}, []string{"x0", "x1"}, func(one, two func(i, right, u int) Mem, u int) {
			a, b := v.loaded(two(0, 0, u)), v.loaded(two(1, 0, u))
			v.VADDPS(v.loaded(two(0, 1, u)), a, a)
			v.VADDPS(v.loaded(two(1, 1, u)), b, b)
			v.VADDPS(b, a, a)
			v.VMULPS(f, a, a)
			v.store(a, one(0, 0, u))
		})
	})
	a.kernel("maxPool2", "y[q] = max(x0[2q], x0[2q+1], x1[2q], x1[2q+1]) for rows pixels q of c channels, NaN if any is", "(y, x0, x1 *float32, rows, c int)", func(v *vec) {
		v.pairs([]string{"y"}, []string{"x0", "x1"}, func(one, two func(i, right, u int) Mem, u int) {
			a, b, c, d := v.loaded(two(0, 0, u)), v.loaded(two(0, 1, u)), v.loaded(two(1, 0, u)), v.loaded(two(1, 1, u))
			v.maxNaN(b, a)
			v.maxNaN(d, c)
			v.maxNaN(c, a)
			v.store(a, one(0, 0, u))
		})
	})
	a.kernel("dup2", "y0[2q] = y0[2q+1] = y1[2q] = y1[2q+1] = f*x[q] for rows pixels q of c channels", "(x, y0, y1 *float32, f float32, rows, c int)", func(v *vec) {
		f := v.scalar("f")
		v.pairs([]string{"x"}, []string{"y0", "y1"}, func(one, two func(i, right, u int) Mem, u int) {
			a := v.loaded(one(0, 0, u))
			v.VMULPS(f, a, a)
			for i := range 2 {
				for right := range 2 {
					v.store(a, two(i, right, u))
				}
			}
		})
	})
}

func (a *asm) maxPoolBackward() {
	a.kernel("maxPool2Backward", "dy[q] goes to the first of the four pixels of x that is greater than those before it", "(dy, x0, x1, dx0, dx1 *float32, rows, c int)", func(v *vec) {
		v.pairs([]string{"dy"}, []string{"x0", "x1", "dx0", "dx1"}, func(one, two func(i, right, u int) Mem, u int) {
			// from the last to the first pixel: what is not greater than the best before it gets nothing
			dy := v.loaded(one(0, 0, u))
			var x, g [4]VecVirtual
			top := v.reg()
			for i := range 4 {
				x[i] = v.loaded(two(i/2, i%2, u))
			}
			v.VMOVAPS(x[0], top)
			for i := 1; i < 4; i++ { // g[i] = dy where x[i] > top, and then the ones before it lose theirs
				if v.zmm() {
					k := v.K()
					v.VCMPPS(U8(14), top, x[i], k)
					g[i] = v.reg()
					v.VMOVAPS_Z(dy, k, g[i])
					v.VMOVAPS(x[i], k, top)
					v.KNOTW(k, k)
					for j := 1; j < i; j++ {
						v.VMOVAPS_Z(g[j], k, g[j])
					}
					if i == 1 {
						g[0] = v.reg()
						v.VMOVAPS_Z(dy, k, g[0])
					} else {
						v.VMOVAPS_Z(g[0], k, g[0])
					}
					continue
				}
				m := v.reg()
				v.VCMPPS(U8(14), top, x[i], m)
				v.VBLENDVPS(m, x[i], top, top)
				g[i] = v.reg()
				v.VANDPS(dy, m, g[i])
				for j := 1; j < i; j++ {
					v.VANDNPS(g[j], m, g[j])
				}
				if i == 1 {
					g[0] = v.reg()
					v.VANDNPS(dy, m, g[0])
				} else {
					v.VANDNPS(g[0], m, g[0])
				}
			}
			for i := range 4 {
				v.store(g[i], two(2+i/2, i%2, u))
			}
		})
	})
}

// features are the sums over channels that LPIPS is made of.
func (a *asm) features() {
	v4 := func(name, doc, sig string, vectors []string, out bool, setup func(v *vec, k Register) any, term func(v *vec, s any, x []VecVirtual) VecVirtual) {
		a.kernel(name, doc, sig, func(v *vec) { v.eachRow(vectors, out, setup, term) })
	}
	v4("rowSquares", "s[p] = the sum of x*x over the c channels of row p", "(s, x *float32, rows, c int)", []string{"x"}, false,
		nil, func(v *vec, _ any, x []VecVirtual) VecVirtual { v.VMULPS(x[0], x[0], x[0]); return x[0] })
	norms := func(n int) func(v *vec, k Register) any {
		return func(v *vec, k Register) any {
			s := v.regs(n)
			for i := range s {
				v.VBROADCASTSS(Mem{Base: k, Disp: 4 * i}, s[i])
			}
			return s
		}
	}
	difference := func(v *vec, s any, x []VecVirtual) (d VecVirtual) { // x·k0 − y·k1, each product rounded: equal features give 0
		k := s.([]VecVirtual)
		d = v.reg()
		v.VMULPS(k[1], x[1], x[1])
		v.VMULPS(k[0], x[0], d)
		v.VSUBPS(x[1], d, d)
		return d
	}
	v4("lpipsDistance", "s[p] = the sum over channels of w*(x*k[p,0] - y*k[p,1])**2; k has rows of 4", "(s, x, y, w, k *float32, rows, c int)", []string{"x", "y", "w"}, false,
		norms(2), func(v *vec, s any, x []VecVirtual) VecVirtual {
			d := difference(v, s, x)
			v.VMULPS(d, d, d)
			v.VMULPS(x[2], d, d)
			return d
		})
	v4("lpipsDot", "s[p] = the sum over channels of w*(x*k[p,0] - y*k[p,1])*x; k has rows of 4", "(s, x, y, w, k *float32, rows, c int)", []string{"x", "y", "w"}, false,
		norms(2), func(v *vec, s any, x []VecVirtual) VecVirtual {
			d := difference(v, s, x)
			v.VMULPS(x[0], d, d)
			v.VMULPS(x[2], d, d)
			return d
		})
	v4("lpipsGrad", "s[p,c] = k[p,2]*w*(x*k[p,0] - y*k[p,1]) - k[p,3]*x; k has rows of 4", "(s, x, y, w, k *float32, rows, c int)", []string{"x", "y", "w"}, true,
		norms(4), func(v *vec, s any, x []VecVirtual) VecVirtual {
			d := difference(v, s, x)
			k := s.([]VecVirtual)
			v.VMULPS(x[2], d, d)
			v.VMULPS(k[3], x[0], x[0])
			v.VFMSUB213PS(x[0], k[2], d)
			return d
		})
}

// maxNaN sets a to max(a,b), or NaN if either is.
func (v *vec) maxNaN(b, a VecVirtual) {
	t := v.reg()
	v.VMAXPS(b, a, t) // b if either is NaN
	if v.zmm() {
		k := v.K()
		v.VCMPPS(U8(3), a, a, k)
		v.VMOVAPS(a, k, t)
		v.VMOVAPS(t, a)
		return
	}
	m := v.reg()
	v.VCMPPS(U8(3), a, a, m)
	v.VBLENDVPS(m, a, t, a)
}

// stepped is a set of pointers that move by strides of their own.
type stepped struct {
	*asm
	ptr, step []Register
}

// pointers starts at the present channel.
func (k *columns) pointers(bases, strides []Register) *stepped {
	s := &stepped{asm: k.asm, step: strides}
	for _, b := range bases {
		p := k.GP64()
		k.LEAQ(Mem{Base: b, Index: k.off, Scale: 1}, p)
		s.ptr = append(s.ptr, p)
	}
	return s
}

func (s *stepped) next() {
	for i, p := range s.ptr {
		s.ADDQ(s.step[i], p)
	}
}

// pairs walks over rows pixels of the matrices ones and pairs of pixels of the matrices twos.
func (v *vec) pairs(ones, twos []string, body func(one, two func(i, right, u int) Mem, u int)) {
	double := v.GP64()
	v.columns([]int{2, 1}, func(k *columns) (row, finish func()) {
		v.MOVQ(k.stride, double)
		v.ADDQ(double, double)
		var bases, steps []Register
		for i, n := range append(append([]string(nil), ones...), twos...) {
			bases = append(bases, v.arg(n)) // once more each time: registers are short
			if i < len(ones) {
				steps = append(steps, k.stride)
			} else {
				steps = append(steps, double)
			}
		}
		s := k.pointers(bases, steps)
		row = func() {
			for u := range k.width {
				body(func(i, _, u int) Mem { return Mem{Base: s.ptr[i], Disp: 4 * v.w * u} },
					func(i, right, u int) Mem {
						m := Mem{Base: s.ptr[len(ones)+i], Disp: 4 * v.w * u}
						if right == 1 {
							m.Index, m.Scale = k.stride, 1
						}
						return m
					}, u)
			}
			s.next()
		}
		return row, nil
	})
}

// eachRow walks over rows, and over the channels of each: term is summed over channels into s[p], or stored in s[p,c] if out. The
// vectors are matrices (rows,c) but w, which is (c), the same for every row. k has 4 numbers a row, which setup loads.
func (v *vec) eachRow(names []string, out bool, setup func(v *vec, k Register) any, term func(v *vec, s any, x []VecVirtual) VecVirtual) {
	s := v.arg("s")
	var bases []Register
	for _, n := range names {
		bases = append(bases, v.arg(n))
	}
	var k Register
	if setup != nil {
		k = v.arg("k")
	}
	rows, c := v.arg("rows"), v.arg("c")
	stride := v.GP64()
	v.MOVQ(c, stride)
	v.SHLQ(U8(2), stride)
	v.Label("row")
	var set any
	if setup != nil {
		set = setup(v, k)
		v.ADDQ(U8(16), k)
	}
	unroll := 2
	if v.zmm() {
		unroll = 4
	}
	if out {
		unroll = 1
	}
	var sum []VecVirtual
	if !out {
		sum = v.zeros(unroll)
	}
	i, n := v.GP64(), v.GP64()
	v.XORQ(i, i)
	v.MOVQ(c, n)
	v.flatFrom(i, n, unroll, "", func(u int, at func(Register) Mem) {
		var x []VecVirtual
		for _, b := range bases {
			x = append(x, v.loaded(at(b)))
		}
		t := term(v, set, x)
		if out {
			v.store(t, at(s))
		} else {
			v.VADDPS(t, sum[u], sum[u])
		}
	})
	if out {
		v.ADDQ(stride, s)
	} else {
		v.VMOVSS(v.sumLanes(v.fold(sum)), Mem{Base: s})
		v.ADDQ(U8(4), s)
	}
	for j, b := range bases {
		if names[j] != "w" {
			v.ADDQ(stride, b)
		}
	}
	v.DECQ(rows)
	v.JNZ(LabelRef("row"))
}
