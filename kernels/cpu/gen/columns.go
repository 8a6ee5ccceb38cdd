package main

import . "github.com/mmcloughlin/avo/operand"

// The kernels of this file see their operands as matrices (rows,c) of pixels by channels, and treat channels apart. Coefficients and sums
// are matrices (k,c), one row after another.

// groupNorm are the sums that statistics are made of, and the normalisation.
func (a *asm) groupNorm() {
	a.kernel("columnSums", "sums[c] += the sum of x over rows", "(sums, x *float32, rows, c int)", func(v *vec) {
		sums, x := v.arg("sums"), v.arg("x")
		v.columns([]int{4, 1}, func(k *columns) (row, finish func()) {
			sum := v.zeros(k.width)
			row = func() {
				for u, s := range sum {
					v.VADDPS(k.loaded(k.el(x, u)), s, s)
				}
			}
			return row, func() { k.addAll(sums, sum) }
		})
	})
	a.kernel("gnStats", "with d = x - shift, sums[0] += the sum of d and sums[1] += that of d*d", "(sums, shift, x *float32, rows, c int)", func(v *vec) {
		sums, shift, x := v.arg("sums"), v.arg("shift"), v.arg("x")
		v.columns([]int{v.w / 4, 1}, func(k *columns) (row, finish func()) {
			s := k.loadAll(shift, 1)[0]
			sum, squares := v.zeros(k.width), v.zeros(k.width)
			row = func() {
				for u := range k.width {
					d := k.loaded(k.el(x, u))
					k.ahead(x, u)
					v.VSUBPS(s[u], d, d)
					v.VADDPS(d, sum[u], sum[u])
					v.VFMADD231PS(d, d, squares[u])
				}
			}
			return row, func() { k.addAll(sums, sum, squares) }
		})
	})
	for _, silu := range []bool{false, true} {
		a.kernel("gnApply"+map[bool]string{true: "SiLU"}[silu], "y = act((x - k[0])*k[1] + k[2])", "(y, x, k *float32, rows, c int)", func(v *vec) {
			y, x, coef := v.arg("y"), v.arg("x"), v.arg("k")
			units := []int{v.w / 4, 1}
			if silu {
				units = []int{1}
				v.hoistExp(5)
			}
			v.columns(units, func(k *columns) (row, finish func()) {
				m := k.loadAll(coef, 3)
				row = func() {
					for u := range k.width {
						d := k.loaded(k.el(x, u))
						k.ahead(x, u)
						k.ahead(y, u)
						v.VSUBPS(m[0][u], d, d)
						v.VFMADD213PS(m[2][u], m[1][u], d)
						if silu {
							s, _, _ := v.sigmoid(d)
							v.VMULPS(s, d, d)
						}
						k.store(d, k.el(y, u))
					}
				}
				return row, nil
			})
		})
	}
}

// groupNormBackward are the sums over the gradient, and the gradient at the input.
func (a *asm) groupNormBackward() {
	a.kernel("gnBackSums", "with d = x - k[0], sums[0..2] += the sums of dy, dy*d, d", "(sums, dy, x, k *float32, rows, c int)", func(v *vec) {
		sums, dy, x, coef := v.arg("sums"), v.arg("dy"), v.arg("x"), v.arg("k")
		v.columns([]int{2, 1}, func(k *columns) (row, finish func()) {
			m := k.loadAll(coef, 1)[0]
			s1, s2, s3 := v.zeros(k.width), v.zeros(k.width), v.zeros(k.width)
			row = func() {
				for u := range k.width {
					g, d := k.loaded(k.el(dy, u)), k.loaded(k.el(x, u))
					k.ahead(dy, u)
					k.ahead(x, u)
					v.VSUBPS(m[u], d, d)
					v.VADDPS(g, s1[u], s1[u])
					v.VFMADD231PS(g, d, s2[u])
					v.VADDPS(d, s3[u], s3[u])
				}
			}
			return row, func() { k.addAll(sums, s1, s2, s3) }
		})
	})
	a.kernel("gnBackSumsSiLU", "like gnBackSums for g = dy*silu'(d*k[1] + k[2]) instead of dy; g is kept", "(sums, grad, dy, x, k *float32, rows, c int)", func(v *vec) {
		sums, g, dy, x, coef := v.arg("sums"), v.arg("grad"), v.arg("dy"), v.arg("x"), v.arg("k")
		v.hoistExp(1)
		v.columns([]int{1}, func(k *columns) (row, finish func()) {
			m := k.loadAll(coef, 3)
			var a, b Op = m[1][0], m[2][0]
			s1, s2, s3 := v.zeros(1), v.zeros(1), v.zeros(1)
			row = func() {
				d := k.loaded(k.el(x, 0))
				k.ahead(dy, 0)
				k.ahead(x, 0)
				k.ahead(g, 0)
				v.VSUBPS(m[0][0], d, d)
				v.VADDPS(d, s3[0], s3[0])
				z := v.reg()
				v.VMOVAPS(d, z)
				v.VFMADD213PS(b, a, z)
				slope := v.siluSlope(z)
				v.VMULPS(k.loaded(k.el(dy, 0)), slope, slope)
				k.store(slope, k.el(g, 0))
				v.VADDPS(slope, s1[0], s1[0])
				v.VFMADD231PS(slope, d, s2[0])
			}
			return row, func() { k.addAll(sums, s1, s2, s3) }
		})
	})
	a.kernel("gnBackApply", "dx = g*k[1] + ((x - k[0])*k[2] + k[3])", "(dx, grad, x, k *float32, rows, c int)", func(v *vec) {
		dx, g, x, coef := v.arg("dx"), v.arg("grad"), v.arg("x"), v.arg("k")
		v.columns([]int{2, 1}, func(k *columns) (row, finish func()) {
			m := k.loadAll(coef, 4)
			row = func() {
				for u := range k.width {
					d := k.loaded(k.el(x, u))
					k.ahead(x, u)
					k.ahead(g, u)
					k.ahead(dx, u)
					v.VSUBPS(m[0][u], d, d)
					v.VFMADD213PS(m[3][u], m[2][u], d)
					v.VFMADD231PS(k.loaded(k.el(g, u)), m[1][u], d)
					k.store(d, k.el(dx, u))
				}
			}
			return row, nil
		})
	})
}
