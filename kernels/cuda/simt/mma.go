package simt

import (
	"math"

	"onestep/kernels/cuda/ptx"
)

// mma decodes mma.sync.aligned for the shapes of sm_80 in f16, bf16 and tf32 [ptx, "Warp-Level Matrix Instructions"]. With g = lane/4 and
// t = lane%4, the fragments are, for halves packed in pairs along k:
//
//	A (16×k): register r holds rows g + 8·(r%2), columns 2t + 8·(r/2) and the next;   B (k×8): register r holds rows 2t + 8r and the next, column g
//	C (16×8): c0, c1 at row g, columns 2t and 2t+1; c2, c3 at row g+8
//
// and for tf32, one number a register: A rows g + 8·(r%2), columns t + 4·(r/2); B rows t + 4r, column g.
func (d *decoder) mma() {
	in := d.in
	depth := mmaDepth(in)
	switch ta := in.Types[1]; {
	case ta == ptx.F64:
		d.mmaDouble()
		return
	case ta == ptx.S8 || ta == ptx.U8:
		d.mmaInteger(map[string]int{"m8n8k16": 16, "m16n8k16": 16, "m16n8k32": 32}[in.Mods[2]])
		return
	case in.Has("m8n8k4"):
		d.mmaQuads()
		return
	case depth == 0:
		d.unsupported("this shape")
	}
	out, ta, acc := in.Types[0], in.Types[1], in.Types[3]
	var value func(uint64) float32
	single := false
	switch ta {
	case ptx.F16:
		value = func(x uint64) float32 { return halves[uint16(x)] }
	case ptx.BF16:
		value = func(x uint64) float32 { return bf16(x & 0xffff) }
	case ptx.TF32:
		single = true
		value = func(x uint64) float32 { return math.Float32frombits(uint32(x) &^ 0x1fff) }
	default:
		d.unsupported("matrices of %v", ta)
	}
	rd := d.registers(in.Operands[0])
	sa, sb, sc := d.elements(in.Operands[1]), d.elements(in.Operands[2]), d.elements(in.Operands[3])
	d.out.flops = 2 * 16 * 8 * depth
	d.out.run = func(w *warp, mask uint32) {
		if w.cta.run.o.CountOnly {
			for _, reg := range rd {
				w.define(reg, ^uint32(0))
			}
			return
		}
		var a [16][16]float32
		var b [8][16]float32 // by column
		var c [16][8]float32
		for l := range lanes {
			g, t := l>>2, l&3
			for r := range sa {
				x := sa[r].get(w)[l]
				row := g + 8*(r&1)
				if single {
					a[row][t+4*(r>>1)] = value(x)
				} else {
					col := 2*t + 8*(r>>1)
					a[row][col], a[row][col+1] = value(x), value(x>>16)
				}
			}
			for r := range sb {
				x := sb[r].get(w)[l]
				if single {
					b[g][t+4*r] = value(x)
				} else {
					b[g][2*t+8*r], b[g][2*t+8*r+1] = value(x), value(x>>16)
				}
			}
			if acc == ptx.F32 {
				for r := range sc {
					c[g+8*(r>>1)][2*t+r&1] = toF32(sc[r].get(w)[l])
				}
			} else {
				for r := range sc {
					x := sc[r].get(w)[l]
					c[g+8*r][2*t], c[g+8*r][2*t+1] = halves[uint16(x)], halves[uint16(x>>16)]
				}
			}
		}
		multiplyTile(&c, &a, &b, depth)
		for l := range lanes {
			g, t := l>>2, l&3
			for r, reg := range rd {
				if out == ptx.F32 {
					w.set(reg, l, fromF32(c[g+8*(r>>1)][2*t+r&1]))
				} else {
					w.set(reg, l, uint64(halfNearest(float64(c[g+8*r][2*t])))|uint64(halfNearest(float64(c[g+8*r][2*t+1])))<<16)
				}
			}
		}
		for _, reg := range rd {
			w.define(reg, ^uint32(0))
		}
	}
}

// mmaDepth is the K of an m16n8 shape of floating-point numbers; 0 for other shapes.
func mmaDepth(in *ptx.Instruction) (depth int) {
	k := map[string]int{"m16n8k4": 4, "m16n8k8": 8, "m16n8k16": 16}
	for _, m := range in.Mods {
		if k[m] > 0 {
			depth = k[m]
		}
	}
	return depth
}

// multiplyTile adds the product of a, (16,depth), and b, (8,depth) by column, to c.
func multiplyTile(c *[16][8]float32, a *[16][16]float32, b *[8][16]float32, depth int) {
	for i := range c {
		row := a[i][:depth]
		for j := range c[i] {
			col := b[j][:depth]
			s := c[i][j]
			for n := range row {
				s += row[n] * col[n]
			}
			c[i][j] = s
		}
	}
}

// ldmatrix decodes the load of 8×8 matrices of 16-bit elements: matrix i's rows are at the addresses of lanes 8i to 8i+7.
func (d *decoder) ldmatrix() {
	in := d.in
	rd := d.registers(in.Operands[0])
	trans := in.Has("trans")
	at := d.address(in.Operands[1])
	n := len(rd)
	d.out.run = func(w *warp, mask uint32) {
		addrs := at(w)
		var m [4][8][8]uint16
		for l := range 8 * n {
			if addrs[l]%16 != 0 {
				w.fail(l, "row address %#x is not a multiple of 16", addrs[l])
			}
			p := w.shared(l, addrs[l], 16, read)
			for j := range 8 {
				m[l>>3][l&7][j] = uint16(p[2*j]) | uint16(p[2*j+1])<<8
			}
		}
		w.cta.count.matrix(w, addrs[:8*n])
		for l := range lanes {
			g, t := l>>2, 2*(l&3)
			for i, reg := range rd {
				x, y := m[i][g][t], m[i][g][t+1]
				if trans {
					x, y = m[i][t][g], m[i][t+1][g]
				}
				w.set(reg, l, uint64(x)|uint64(y)<<16)
			}
		}
		for _, reg := range rd {
			w.define(reg, ^uint32(0))
		}
	}
}

// movmatrix decodes the transposition of an 8×8 matrix that lies in one register of a warp.
func (d *decoder) movmatrix() {
	r, a := d.dst(0), d.src(1)
	d.out.run = func(w *warp, mask uint32) {
		var m [8][8]uint64
		x := *a.get(w)
		for l := range lanes {
			m[l>>2][2*(l&3)], m[l>>2][2*(l&3)+1] = x[l]&0xffff, x[l]>>16&0xffff
		}
		for l := range lanes {
			w.set(r, l, m[2*(l&3)][l>>2]|m[2*(l&3)+1][l>>2]<<16)
		}
		w.define(r, ^uint32(0))
	}
}
