package main

import "onestep/kernels/cuda/ptx/build"

// arithmetic is how a block multiplies.
type arithmetic uint8

const (
	ffma   arithmetic = iota // float32, one product at a time
	tf32                     // tensor cores on float32 rounded to TF32
	tensor                   // tensor cores on halves
)

// tile is how a product is cut. A block makes m×n of C from slices of A and B that are 64 bytes deep in k, of which a ring of stages is in
// shared memory; every warp makes wm×wn of it.
type tile struct {
	arithmetic
	name         string
	m, n, wm, wn int
	stages       int
	blocks       int // resident on a multiprocessor, that the assembler is to keep registers for; 0: as it likes
}

func (t tile) size() int       { return map[arithmetic]int{ffma: 4, tf32: 4, tensor: 2}[t.arithmetic] } // bytes of an operand's element
func (t tile) k() int          { return 64 / t.size() }                                                 // elements of a slice
func (t tile) chunk() int      { return 16 / t.size() }                                                 // elements copied at a time
func (t tile) threads() int    { return t.m / t.wm * (t.n / t.wn) * 32 }
func (t tile) stageBytes() int { return (t.m + t.n) * 64 }

// layout is how an operand's slice lies in shared memory. Its rows are either those of A (columns of B), 64 bytes of k each, or the k, with the
// elements of A's column (B's row) in each. Against bank conflicts, bits 4 to 6 of an address are xored with a number linear in the row's bits.
type layout struct {
	rows, rowBytes    int
	shift, mask, left int // the number is (row>>shift & mask) << left
}

// alongK is the layout of an operand whose k are neighbours in memory. Eight neighbouring rows are read at a time by ldmatrix; by ffma, every
// fourth row.
func (t tile) alongK(rows int) layout {
	if t.arithmetic == ffma {
		return layout{rows, 64, 2, 7, 0}
	}
	return layout{rows, 64, 1, 3, 0}
}

// acrossK is the layout of an operand with neighbours that differ in m or n. Eight k are read at a time by ldmatrix.trans; by the loads of
// TF32's fragments, four k with eight elements each; by ffma, one.
func (t tile) acrossK(length int) layout {
	l := layout{rows: t.k(), rowBytes: length * t.size()}
	switch {
	case t.arithmetic == tf32:
		l.mask, l.left = 3, 1
	case t.arithmetic == tensor:
		l.mask = min(l.rowBytes/16, 8) - 1
		for per := 128 / l.rowBytes; per > 1; per /= 2 {
			l.shift++
		}
	}
	return l
}

// at is the address of a row and a byte in it, where both are only known to the thread.
func (l layout) at(base, row, bytes build.Reg) build.Reg {
	linear := row.FMA(l.rowBytes, bytes)
	if l.mask > 0 {
		linear = linear.Xor(row.Shr(l.shift).And(l.mask).Shl(4 + l.left))
	}
	return base.Add(linear)
}

// step is how an address from at changes with rows and bytes more: first xored with one number, then another is added. None of the added bits
// may be set in the numbers given to at.
func (l layout) step(rows, bytes int) (xor, add int) {
	linear := rows*l.rowBytes + bytes
	return linear&0x70 ^ (rows>>l.shift&l.mask)<<(4+l.left), linear &^ 0x7f
}

// xored is r with bits changed.
func xored(r build.Reg, bits int) build.Reg {
	if bits == 0 {
		return r
	}
	return r.Xor(bits)
}

// divider divides numbers below 2³¹ by a number d > 0 that the host knows: ⌊x/d⌋ = (⌊x·mul/2³²⌋ + x) >> shift, for shift = ⌈log₂ d⌉ and
// mul = ⌈2³²·(2^shift − d)/d⌉ (Granlund and Montgomery,
// Division by Invariant Integers using Multiplication, 1994).
type divider struct{ by, mul, shift build.Reg }

func newDivider(k *build.Kernel, name string) divider {
	return divider{k.I32(name), k.I32(name + "_mul"), k.I32(name + "_shift")}
}

// split is the quotient and the remainder.
func (d divider) split(x build.Reg) (quotient, remainder build.Reg) {
	q := d.quotient(x)
	return q, x.Sub(q.Mul(d.by))
}

func (d divider) quotient(x build.Reg) build.Reg {
	u := x.As(build.U32)
	return u.MulHi(d.mul).Add(u).Shr(d.shift).As(build.S32)
}
