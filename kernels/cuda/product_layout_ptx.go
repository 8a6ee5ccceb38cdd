package cuda

import "onestep/kernels/cuda/asm"

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
	l := layout{rows: t.slice(), rowBytes: length * t.typ().Size()}
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
func (l layout) at(base, row, bytes asm.Reg) asm.Reg {
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
func xored(r asm.Reg, bits int) asm.Reg {
	if bits == 0 {
		return r
	}
	return r.Xor(bits)
}
