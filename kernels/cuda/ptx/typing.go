package ptx

import (
	"fmt"
	"math"
)

// fits says whether a register may stand where an instruction wants a type (PTX ISA, "Operand Type Checking"): the widths agree, and either is
// untyped bits, or both are integers, or the formats are the same. wider allows registers that are wider than the type.
func fits(reg, want Type, wider bool) bool {
	rw, ww := reg.Bits(), want.Bits()
	switch {
	case reg == Pred || want == Pred:
		return reg == want
	case rw < ww || rw > ww && !wider:
		return false
	case want.raw() || reg.raw():
		return true
	case reg == F16x2 && !want.Float(): // the assembler takes it for .b32
		return true
	case want.Float() || reg.Float():
		return reg == want
	}
	return true
}

// destination checks a register that is written.
func (b *body) destination(spec operandSpec, t Type, r raw) (Operand, error) {
	if r.kind == rawSink && spec.sink {
		return Operand{Kind: KindSink, Reg: -1}, nil
	}
	if r.kind != rawSymbol || r.sym.reg < 0 {
		return Operand{}, fmt.Errorf("want a register%s that is written, have %s", of(t), r.text)
	}
	return b.register(spec, t, r)
}

func of(t Type) string {
	if t == NoType {
		return ""
	}
	return " of " + t.String()
}

func (b *body) register(spec operandSpec, t Type, r raw) (Operand, error) {
	reg := b.f.Registers[r.sym.reg]
	if !fits(reg.Type, t, spec.wider) {
		than := ""
		if spec.wider {
			than = " or wider"
		}
		return Operand{}, fmt.Errorf("%s is %v, want a register that fits %v: %s%s", r.text, reg.Type, t, wanted(t), than)
	}
	return Operand{Kind: KindReg, Reg: r.sym.reg}, nil
}

// wanted names the types of registers that fit.
func wanted(t Type) string {
	switch {
	case t == Pred:
		return ".pred"
	case t == BF16 || t == BF16x2 || t == TF32:
		return fmt.Sprintf(".b%d", t.Bits())
	case t.Float():
		return fmt.Sprintf("%v or .b%d", t, t.Bits())
	case t.raw():
		return fmt.Sprintf("any type of %d bits", t.Bits())
	}
	return fmt.Sprintf(".b%d, .u%d or .s%d", t.Bits(), t.Bits(), t.Bits())
}

// source checks a register or an immediate that is read.
func (b *body) source(spec operandSpec, t Type, r raw) (Operand, error) {
	switch {
	case r.kind == rawSymbol && r.sym.reg >= 0:
		return b.register(spec, t, r)
	case r.kind == rawConstant && spec.role != roleReg:
		if w := t.Bits(); !r.c.float && t != Pred && !t.Float() && w < 64 { // constants have 64 bits, and are cut where they are used [ptx, "Integer Constants"]
			return Operand{Kind: KindImm, Imm: r.c.bits & (1<<w - 1), Reg: -1}, nil
		}
		bits, err := immediate(r.c, t)
		return Operand{Kind: KindImm, Imm: bits, Reg: -1}, err
	case r.kind == rawSpecial && spec.name == "s": // of cvt
		return b.specialRegister(t, r)
	case r.kind == rawSpecial:
		return Operand{}, fmt.Errorf("special registers are read by mov only, not %s here", r.text)
	case r.kind == rawSink:
		return Operand{}, fmt.Errorf("_ can only be written")
	case r.variable() != nil:
		return Operand{}, fmt.Errorf("%s is a variable: move its address into a register, or read it with ld%v", r.text, r.variable().Space)
	}
	return Operand{}, fmt.Errorf("want a register or constant%s, have %s", of(t), r.text)
}

// immediate is a constant in the bits of a type.
func immediate(c constant, t Type) (uint64, error) {
	w := t.Bits()
	switch {
	case t == Pred:
		if c.float || c.bits > 1 && int64(c.bits) != -1 {
			return 0, fmt.Errorf("a predicate is 0 or 1, not %v", c)
		}
		return c.bits & 1, nil
	case c.float && (t == F32 || t == B32 && c.single):
		if c.single {
			return uint64(c.bits32), nil
		}
		return uint64(math.Float32bits(float32(c.f()))), nil
	case c.float && (t == F64 || t == B64 && !c.single):
		return c.bits, nil
	case c.float:
		return 0, fmt.Errorf("%v is a float, want an integer constant for %v", c, t)
	case t.Float():
		return 0, fmt.Errorf("%v is an integer, want a float constant like 0f3F800000 for %v", c, t)
	case w >= 64:
		return c.bits, nil
	}
	v := int64(c.bits)
	if c.unsigned && v < 0 || v < -1<<(w-1) || v > 1<<w-1 {
		return 0, fmt.Errorf("%v does not fit %v: it has %d bits", c, t, w)
	}
	return c.bits & (1<<w - 1), nil
}

// specialRegister checks a special register as a source of mov and cvt. One of 32 bits may be read as 16.
func (b *body) specialRegister(t Type, r raw) (Operand, error) {
	s := specials[r.special]
	if t.Float() || t.Bits() != s.typ.Bits() && !(s.typ == U32 && t.Bits() == 16) && !(s.id == GridID && t.Bits() == 32) {
		return Operand{}, fmt.Errorf("%s is %v, the instruction reads %v", r.text, s.typ, t)
	}
	return Operand{Kind: KindSpecial, Special: s.id, Reg: -1}, nil
}

// move checks the source of mov.
func (b *body) move(t Type, r raw) (Operand, error) {
	v := r.variable()
	switch {
	case r.kind == rawSpecial:
		return b.specialRegister(t, r)
	case r.kind == rawSymbol && r.sym.function != nil && !r.sym.function.Kernel && t.Bits() == 64 && !t.Float():
		return Operand{Kind: KindFunction, Func: r.sym.function, Reg: -1}, nil
	case r.kind == rawSymbol && r.sym.function != nil:
		return Operand{}, fmt.Errorf("%s is a function: the address of a .func that is no kernel, 64 bits, may be moved", r.text)
	case v == nil:
		return b.source(operandSpec{}, t, r)
	case t.Float() || t.Bits() < 32:
		return Operand{}, fmt.Errorf("the address of %s does not fit %v, want .u64", v.Name, t)
	case t.Bits() == 32 && (v.Space == Global || v.Space == Const):
		return Operand{}, fmt.Errorf("the address of the %v variable %s has 64 bits, not 32", v.Space, v.Name)
	}
	return Operand{Kind: KindVariable, Var: v, Imm: uint64(r.offset), Reg: -1}, nil
}

// symbolAddress checks the source of cvta: a register, or a variable in the space that is written.
func (b *body) symbolAddress(in *Instruction, t Type, r raw) (Operand, error) {
	v := r.variable()
	switch {
	case v == nil:
		return b.source(operandSpec{}, t, r)
	case v.Space != in.Space:
		return Operand{}, fmt.Errorf("%s is a %v variable, the instruction names %v", v.Name, v.Space, in.Space)
	}
	return Operand{Kind: KindVariable, Var: v, Imm: uint64(r.offset), Reg: -1}, nil
}

// vector checks {a,b,…}. Without a number of elements it is one that mov packs or unpacks: as many as make the type.
func (b *body) vector(spec operandSpec, t Type, r raw) (Operand, error) {
	elems := r.elems
	if r.kind == rawSymbol && r.sym.regs != nil {
		for _, reg := range r.sym.regs {
			elems = append(elems, raw{kind: rawSymbol, text: r.text, line: r.line, sym: &symbol{reg: reg}})
		}
	} else if r.kind != rawVector {
		return Operand{}, fmt.Errorf("want registers in braces, have %s", r.text)
	}
	switch n := len(elems); {
	case spec.n == 0 && (n != 2 && n != 4 || t.Bits()/n < 8):
		return Operand{}, fmt.Errorf("%v is made of 2 or 4 parts, here are %d", t, n)
	case spec.n == 0:
		t = map[int]Type{8: B8, 16: B16, 32: B32}[t.Bits()/n]
	case spec.n != n:
		return Operand{}, fmt.Errorf("want %d elements in braces, have %d", spec.n, n)
	}
	o := Operand{Kind: KindVector, Reg: -1}
	sinks, class := 0, NoType
	for _, e := range elems {
		one := Operand{Kind: KindSink, Reg: -1}
		var err error
		if e.kind == rawName {
			return o, fmt.Errorf("%s is not declared", e.text)
		}
		if e.kind == rawSink && (spec.role == roleLoad || spec.role == roleVecDst && spec.n == 0) {
			sinks++
		} else {
			one, err = b.element1(spec, t, e)
		}
		if err != nil {
			return o, err
		}
		if one.Kind == KindReg {
			reg := b.f.Registers[one.Reg].Type
			if class != NoType && !fits(reg, class, true) && !fits(class, reg, true) {
				return o, fmt.Errorf("%s is %v, another element %v", e.text, reg, class)
			}
			if class == NoType || class.raw() {
				class = reg
			}
		}
		o.Elems = append(o.Elems, one)
	}
	if sinks == len(elems) {
		return o, fmt.Errorf("all results are _")
	}
	return o, nil
}
