package simt

import (
	"slices"

	"onestep/kernels/cuda/ptx"
)

// named is an address as an operand names it: a register or a variable, and an offset.
type named struct {
	reg    int
	v      *ptx.Variable
	offset uint64
}

func placeOf(o ptx.Operand) named { return named{o.Reg, o.Var, o.Imm} }

// guesses are the registers from which a compare-and-swap's expectation comes, by its address.
type guesses map[named]map[int]bool

// swapped finds the guesses of a function's compare-and-swaps.
func swapped(f *ptx.Function) guesses {
	found := guesses{}
	for i := range f.Body {
		if in := &f.Body[i]; in.Op == "atom" && in.Has("cas") {
			at := placeOf(in.Operands[1])
			if found[at] == nil {
				found[at] = map[int]bool{}
			}
			addRegisters(found[at], in.Operands[2])
		}
	}
	for _, from := range found {
		for n := -1; n < len(from); { // until nothing is added
			n = len(from)
			for i := range f.Body {
				if in := &f.Body[i]; len(in.Operands) > 1 && in.Op != "st" && in.Op != "ld" && in.Op != "atom" && sets(in.Operands[0], from) {
					for _, o := range in.Operands[1:] {
						addRegisters(from, o)
					}
				}
			}
		}
	}
	return found
}

// holds says whether a load's results are among the guesses of a compare-and-swap at its address. Where values go through a stack frame, as
// without optimisation, any load from there may be.
func (g guesses) holds(load *ptx.Instruction, framed bool) bool {
	from := g[placeOf(load.Operands[1])]
	return from != nil && (framed || sets(load.Operands[0], from))
}

// sets says whether an operand has one of the registers.
func sets(o ptx.Operand, registers map[int]bool) bool {
	return slices.ContainsFunc(registersOf(o), func(r int) bool { return registers[r] })
}

func addRegisters(to map[int]bool, o ptx.Operand) {
	for _, r := range registersOf(o) {
		to[r] = true
	}
}

// registersOf lists the registers of an operand and of its elements.
func registersOf(o ptx.Operand) (list []int) {
	if o.Kind == ptx.KindReg {
		list = append(list, o.Reg)
	}
	for _, e := range o.Elems {
		list = append(list, registersOf(e)...)
	}
	return list
}
