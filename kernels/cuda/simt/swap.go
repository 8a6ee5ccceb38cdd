package simt

import "onestep/kernels/cuda/ptx"

// named is an address as an operand names it: a register or a variable, and an offset.
type named struct {
	reg    int
	v      *ptx.Variable
	offset uint64
}

func placeOf(o ptx.Operand) named { return named{o.Reg, o.Var, o.Imm} }

// swapped are the addresses of a function's compare-and-swaps.
func swapped(f *ptx.Function) map[named]bool {
	places := map[named]bool{}
	for i := range f.Body {
		if in := &f.Body[i]; in.Op == "atom" && in.Has("cas") {
			places[placeOf(in.Operands[1])] = true
		}
	}
	return places
}
