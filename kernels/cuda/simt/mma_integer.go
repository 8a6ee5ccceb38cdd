package simt

import (
	"math"
	"math/big"

	"onestep/kernels/cuda/ptx"
)

// mmaInteger decodes products of bytes with sums of 32 bits. With g = lane/4 and t = lane%4, register r holds in A row g + 8·(r%2), columns
// 4t + 16·(r/2) and the next three; in B rows 4t + 16r and the next three, column g; C is as with halves.
func (d *decoder) mmaInteger(k int) {
	in := d.in
	sa, sb := signed(in.Types[1]), signed(in.Types[2])
	sat := in.Has("satfinite")
	rd := d.registers(in.Operands[0])
	va, vb, vc := d.elements(in.Operands[1]), d.elements(in.Operands[2]), d.elements(in.Operands[3])
	m := 8 * len(rd) / 2
	d.out.flops = 2 * m * 8 * k
	d.out.run = func(w *warp, _ uint32) {
		var a [16][32]int64
		var b [8][32]int64 // by column
		for l := range lanes {
			g, t := l>>2, l&3
			for i := range 4 {
				for r := range va {
					a[g+8*(r&1)][4*t+16*(r>>1)+i] = int64(extend(va[r].get(w)[l]>>(8*i), 8, sa))
				}
				for r := range vb {
					b[g][4*t+16*r+i] = int64(extend(vb[r].get(w)[l]>>(8*i), 8, sb))
				}
			}
		}
		var out [4][lanes]uint64
		for l := range lanes {
			for r := range rd {
				row, col := l>>2+8*(r>>1), 2*(l&3)+r&1
				sum := int64(int32(vc[r].get(w)[l]))
				for i := range k {
					sum += a[row][i] * b[col][i]
				}
				if sat {
					sum = min(max(sum, math.MinInt32), math.MaxInt32)
				}
				out[r][l] = uint64(uint32(sum))
			}
		}
		w.setAll(rd, out[:])
	}
}

// mmaDouble decodes the product of float64 matrices, 8×4 by 4×8: A holds row g, column t; B row t, column g; C row g, columns 2t and 2t+1.
// The sum is made in the order of k, each step with one rounding.
func (d *decoder) mmaDouble() {
	in := d.in
	mode := d.rounding()
	rd := d.registers(in.Operands[0])
	va, vb, vc := d.elements(in.Operands[1]), d.elements(in.Operands[2]), d.elements(in.Operands[3])
	d.out.flops = 2 * 8 * 8 * 4
	d.out.run = func(w *warp, _ uint32) {
		a, b := va[0].get(w), vb[0].get(w)
		var out [2][lanes]uint64
		for l := range lanes {
			for r := range rd {
				sum := toF64(vc[r].get(w)[l])
				for k := range 4 {
					sum = fma64(toF64(a[l&^3|k]), toF64(b[(2*(l&3)+r)*4+k]), sum, mode)
				}
				out[r][l] = fromF64(sum)
			}
		}
		w.setAll(rd, out[:])
	}
}

// fma64 is a·b + c with one rounding.
func fma64(a, b, c float64, mode rounding) float64 {
	q := math.FMA(a, b, c)
	if mode == nearest || a-a != 0 || b-b != 0 || c-c != 0 {
		return q
	}
	z := new(big.Float).SetPrec(4500).Mul(big.NewFloat(a), big.NewFloat(b))
	switch z.Add(z, big.NewFloat(c)); {
	case z.Sign() == 0 && mode == down:
		return zeroDown(a*b, c)
	case z.Sign() == 0:
		return q
	}
	return formatF64.round(z, mode)
}

// mmaQuads decodes m8n8k4 of halves: four products of 8×4 by 4×8, each made by four lanes and the four that are 16 further on
// [ptx, "Matrix Fragments for mma.m8n8k4 with .f16"]. With t = lane%4 and h = 4 in the upper half of the warp, a lane's element i is, of a
// matrix whose lines it holds whole, (t+h, i); of the other kind, (i%4 + h, t). Half-precision C has row t+h, columns i; float32 C has row
// (t&1) + (i&2) + h, column (i&4) + (t&2) + (i&1).
func (d *decoder) mmaQuads() {
	in := d.in
	columns := func(i int) bool { return in.Mods[i] == "col" }
	aCol, bCol := columns(3), columns(4)
	out, acc := in.Types[0], in.Types[3]
	rd := d.registers(in.Operands[0])
	va, vb, vc := d.elements(in.Operands[1]), d.elements(in.Operands[2]), d.elements(in.Operands[3])
	at := func(t ptx.Type, l, i int) (row, col int) {
		q, h := l&3, l>>4*4
		if t == ptx.F32 {
			return q&1 + i&2 + h, i&4 + q&2 + i&1
		}
		return q + h, i
	}
	d.out.flops = 4 * 2 * 8 * 8 * 4
	half := func(v []source, w *warp, l, i int) float32 { return halves[uint16(v[i/2].get(w)[l]>>(16*(i&1)))] }
	d.out.run = func(w *warp, _ uint32) {
		var a, b [4][8][4]float32 // b by column
		var c [4][8][8]float32
		for l := range lanes {
			quad, q, h := l>>2&3, l&3, l>>4*4
			for i := range 4 {
				if aCol {
					a[quad][i+h][q] = half(va, w, l, i)
				} else {
					a[quad][q+h][i] = half(va, w, l, i)
				}
				if bCol {
					b[quad][q+h][i] = half(vb, w, l, i)
				} else {
					b[quad][i+h][q] = half(vb, w, l, i)
				}
			}
			for i := range 8 {
				row, col := at(acc, l, i)
				if acc == ptx.F32 {
					c[quad][row][col] = toF32(vc[i].get(w)[l])
				} else {
					c[quad][row][col] = half(vc, w, l, i)
				}
			}
		}
		var to [8][lanes]uint64
		for l := range lanes {
			quad := l >> 2 & 3
			for i := range 8 {
				row, col := at(out, l, i)
				sum := c[quad][row][col]
				for k := range 4 {
					sum += a[quad][row][k] * b[quad][col][k]
				}
				if out == ptx.F32 {
					to[i][l] = fromF32(sum)
				} else {
					to[i/2][l] |= uint64(halfNearest(float64(sum))) << (16 * (i & 1))
				}
			}
		}
		w.setAll(rd, to[:len(rd)])
	}
}

// setAll writes registers of the whole warp.
func (w *warp) setAll(regs []int, values [][lanes]uint64) {
	for i, r := range regs {
		*w.reg(r) = values[i]
		w.define(r, ^uint32(0))
	}
}
