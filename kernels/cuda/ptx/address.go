package ptx

import "fmt"

// memory checks an address: its base, and for a variable that the access stays within it and is aligned.
func (b *body) memory(in *Instruction, spec operandSpec, r raw) (Operand, error) {
	space := in.Space
	if spec.space != Generic {
		space = spec.space
	}
	if r.kind == rawSymbol && r.variable() != nil { // a[i], which needs no brackets
		r = raw{kind: rawAddress, text: r.text, line: r.line, elems: []raw{r}, offset: r.offset}
	}
	if r.kind != rawAddress {
		return Operand{}, fmt.Errorf("want an address in brackets, have %s", r.text)
	}
	o := Operand{Kind: KindAddress, Reg: -1, Imm: uint64(r.offset)}
	if len(r.elems) == 0 {
		if space != Local {
			return o, fmt.Errorf("a constant is an address in .local only, not in %v", space)
		}
		return o, nil
	}
	base := r.elems[0]
	if base.kind != rawSymbol || base.sym.function != nil || base.sym.regs != nil {
		return o, fmt.Errorf("an address is a register or a variable, which %s is not", base.text)
	}
	if v := base.variable(); v != nil {
		o.Var = v
		return o, b.within(in, space, v, r.offset)
	}
	t := b.f.Registers[base.sym.reg].Type
	wide := t.Bits() == 64 || t.Bits() == 32 && space != Generic && space != Global
	if t.Float() || !wide {
		want := ".b64"
		if space != Generic && space != Global {
			want = ".b32 or .b64"
		}
		return o, fmt.Errorf("the address %s is %v, want a register of %s for %v", base.text, t, want, space)
	}
	o.Reg = base.sym.reg
	return o, nil
}

// within checks an access to a variable.
func (b *body) within(in *Instruction, space Space, v *Variable, offset int64) error {
	size := int64(in.accessed())
	generic := space == Generic && (v.Space == Global || v.Space == Shared || v.Space == Local)
	switch {
	case v.Space != space && !generic:
		return fmt.Errorf("%s is a %v variable, the instruction accesses %v", v.Name, v.Space, space)
	case in.Op == "st" && v.Space == Param && b.isParam(v):
		return fmt.Errorf("%s is a parameter, which cannot be written", v.Name)
	case size == 0:
		return nil
	case offset < 0 || v.Size > 0 && offset+size > int64(v.Size):
		return fmt.Errorf("%d bytes at offset %d are outside %s, which has %d bytes", size, offset, v.Name, v.Size)
	case offset%size != 0 || size > int64(v.Align) && int64(v.Align)%size != 0:
		return fmt.Errorf("%d bytes at offset %d of %s, which is aligned to %d, are not aligned", size, offset, v.Name, v.Align)
	}
	return nil
}

func (b *body) isParam(v *Variable) bool {
	for _, p := range b.f.Params {
		if p == v {
			return true
		}
	}
	return false
}

// accessed is how many bytes an instruction accesses at an address, all of which are aligned to that; 0 if it accesses none.
func (in *Instruction) accessed() int {
	switch in.Op {
	case "ld", "ldu", "st":
		return in.Types[0].Bytes() * in.Vector
	case "atom", "red":
		return in.Types[0].Bytes()
	case "mbarrier":
		return 8
	case "cp":
		if in.Has("mbarrier") {
			return 8
		}
		return 4
	case "ldmatrix":
		return 16
	}
	return 0
}
