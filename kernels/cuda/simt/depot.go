package simt

import "onestep/kernels/cuda/ptx"

// depot knows how a function computes the addresses of its stack frame. A compiler's frame may be read before it is written: structs are
// copied with their padding, and without optimisation the word around a bit-field is read to write that for the first time. An element of an
// array that an index names, whose value is no operand of bitwise operations, is neither.
type depot struct {
	sums    map[int]bool // registers that are sums of two
	bitwise map[int]bool // registers that bitwise operations read
}

func newDepot(f *ptx.Function) *depot {
	d := &depot{map[int]bool{}, map[int]bool{}}
	for i := range f.Body {
		in := &f.Body[i]
		switch in.Op {
		case "add":
			if in.Operands[1].Kind == ptx.KindReg && in.Operands[2].Kind == ptx.KindReg {
				addRegisters(d.sums, in.Operands[0])
			}
		case "and", "or", "xor", "lop3", "bfi", "prmt", "shl", "shr", "bfe", "cvt":
			for _, o := range in.Operands[1:] {
				addRegisters(d.bitwise, o)
			}
		}
	}
	return d
}

// element says whether a load is of an array's element, which must have a value.
func (d *depot) element(load *ptx.Instruction) bool {
	at := load.Operands[1]
	return at.Kind == ptx.KindAddress && at.Reg >= 0 && at.Imm == 0 && d.sums[at.Reg] && !sets(load.Operands[0], d.bitwise)
}
