package ptx

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Limits that keep a mistyped number from filling the memory.
const (
	maxRegisters = 1 << 18 // of a function
	maxSize      = 1 << 40 // bytes of a variable
	maxInit      = 1 << 26 // bytes of a variable with an initialiser
)

// declarator is a type, an alignment and vector width, before the name.
type declarator struct {
	typ           Type
	vector, align int
}

// declarator reads {.align N} {.vN} .type, in any order. With pointers, the attributes of a kernel's parameter too.
func (p *parser) declarator(pointers bool) declarator {
	d := declarator{vector: 1}
	line := p.line()
	explicit := 0
	for p.peek().kind == tokDot {
		t := p.next()
		typ, isType := typeNames[t.text]
		switch {
		case t.text == "align":
			a := p.count("the alignment", 1, 1<<20)
			if a&(a-1) != 0 {
				p.fail(t.line, "an alignment is a power of two, not %d", a)
			}
			explicit = a
		case t.text == "v2" || t.text == "v4":
			d.vector = int(t.text[1] - '0')
		case isType && d.typ == NoType:
			d.typ = typ
		case pointers && t.text == "ptr":
			for p.dot("global") || p.dot("shared") || p.dot("const") || p.dot("local") {
			}
			if p.dot("align") {
				p.count("the alignment", 1, 1<<30)
			}
		case t.text == "attribute":
			p.expect("(")
			for !p.accept(")") {
				if s := p.next(); s.kind == tokEOF || s.text == ";" {
					p.fail(t.line, "want ) after .attribute")
				}
			}
		case t.text == "texref" || t.text == "samplerref" || t.text == "surfref":
			p.fail(t.line, "textures and surfaces are not supported")
		default:
			p.fail(t.line, ".%s has no place in a declaration; want a type, for instance .b32", t.text)
		}
	}
	switch {
	case d.typ == NoType:
		p.fail(line, "this declaration has no type; want for instance .b32 before the name, have %v", p.peek())
	case d.typ == BF16 || d.typ == BF16x2 || d.typ == TF32:
		p.fail(line, "%v is the type of instructions only; declare .b%d", d.typ, d.typ.Bits())
	case d.typ.Bits()*d.vector > 128:
		p.fail(line, "a vector has at most 128 bits, not .v%d%v", d.vector, d.typ)
	}
	d.align = max(explicit, 0)
	if explicit == 0 {
		d.align = max(1, d.typ.Bytes()*d.vector)
	}
	return d
}

// variable reads a name and its dimensions, after a declarator. open says that the first dimension may be left away.
func (p *parser) variable(space Space, d declarator, open bool) (v *Variable, dims []int) {
	return p.sized(p.ident("a name"), space, d, open)
}

// sized is variable after the name.
func (p *parser) sized(name token, space Space, d declarator, open bool) (v *Variable, dims []int) {
	if d.typ == Pred {
		p.fail(name.line, "a variable in memory cannot be .pred: %s", name.text)
	}
	if d.typ == F16x2 && space == Param {
		p.fail(name.line, "a parameter cannot be .f16x2: declare %s as .b32", name.text)
	}
	v = &Variable{Name: name.text, Space: space, Type: d.typ, Vector: d.vector, Align: d.align, Line: name.line}
	size := d.typ.Bytes() * d.vector
	if natural := size; d.align < natural && d.align < d.typ.Bytes() {
		p.fail(name.line, "%s is aligned to %d bytes, its elements of type %v need %d", v.Name, d.align, d.typ, d.typ.Bytes())
	}
	for p.accept("[") {
		n := 0
		if !p.is("]") {
			n = p.count("an array's length", 1, maxSize)
		} else if !open || len(dims) > 0 {
			p.fail(name.line, "the length of %s is missing", v.Name)
		}
		p.expect("]")
		if n > 0 && size > maxSize/n || len(dims) > 32 {
			p.fail(name.line, "%s is too large", v.Name)
		}
		dims = append(dims, n)
		size *= n
	}
	v.Size = size
	return v, dims
}

// moduleVariable reads .global, .const or .shared declarations.
func (p *parser) moduleVariable(linkage string, space Space) {
	d := p.declarator(false)
	for first := true; first || p.accept(","); first = false {
		v, dims := p.variable(space, d, true)
		v.Extern = linkage == "extern"
		if p.is("=") {
			p.initialiser(v, dims)
		}
		switch {
		case linkage == "common" && space != Global:
			p.fail(v.Line, ".common is for .global variables, not %v", space)
		case v.Size == 0 && !v.Extern:
			p.fail(v.Line, "the length of %s is missing; only .extern arrays may leave it away", v.Name)
		case v.Extern && v.Init != nil:
			p.fail(v.Line, "an .extern variable has no initialiser: %s", v.Name)
		}
		if old := p.globals.names[v.Name]; old != nil && old.variable != nil && (old.variable.Extern || v.Extern) && old.variable.Space == v.Space {
			p.redeclare(old.variable, v)
			continue
		}
		p.declare(p.globals, v.Name, v.Line, variableSymbol(v))
		p.module.Variables = append(p.module.Variables, v)
	}
	p.expect(";")
}

// redeclare joins an extern declaration and the definition of the same variable.
func (p *parser) redeclare(old, v *Variable) {
	if old.Type != v.Type || old.Vector != v.Vector || old.Size != v.Size && old.Size != 0 && v.Size != 0 {
		p.fail(v.Line, "%s is declared differently in line %d", v.Name, old.Line)
	}
	if !v.Extern {
		*old = *v
	}
}

// initialiser reads = value, or = {values}, and fills Init. Missing elements are zero.
func (p *parser) initialiser(v *Variable, dims []int) {
	eq := p.next()
	if v.Space != Global && v.Space != Const {
		p.fail(eq.line, "a %v variable cannot have an initialiser: %s", v.Space, v.Name)
	}
	if v.Vector > 1 {
		dims = append(dims, v.Vector)
	}
	if len(dims) > 0 && dims[0] == 0 {
		dims[0] = p.elements()
		v.Size = dims[0] * v.Type.Bytes() * v.Vector
		for _, n := range dims[1:] {
			v.Size *= n
		}
		if v.Vector > 1 {
			v.Size /= v.Vector
		}
	}
	if v.Size > maxInit {
		p.fail(eq.line, "%s with its initialiser is too large: %d bytes", v.Name, v.Size)
	}
	v.Init = make([]byte, v.Size)
	if len(dims) == 0 {
		braced := p.accept("{")
		p.initElement(v, 0)
		if braced {
			p.expect("}")
		}
		return
	}
	p.initList(v, dims, 0)
}

// elements counts the elements of the braces that follow, for an array without a length, and reads nothing.
func (p *parser) elements() int {
	n, depth := 1, 0
	for i := 0; ; i++ {
		t := p.peekAt(i)
		switch {
		case t.kind == tokEOF || t.text == ";":
			return n
		case t.kind != tokPunct:
		case t.text == "{" || t.text == "(":
			depth++
		case t.text == "}" || t.text == ")":
			if depth--; depth <= 0 {
				return n
			}
		case t.text == "," && depth == 1:
			n++
		}
	}
}

// initList reads a braced list for the first of dims, at an offset in bytes.
func (p *parser) initList(v *Variable, dims []int, at int) {
	line := p.line()
	p.expect("{")
	step := v.Type.Bytes()
	for _, n := range dims[1:] {
		step *= n
	}
	i := 0
	for ; !p.accept("}"); i++ {
		if i > 0 {
			p.expect(",")
		}
		switch {
		case i >= dims[0]:
			p.fail(line, "%s has %d elements here, its initialiser has more", v.Name, dims[0])
		case len(dims) > 1 && p.is("{"):
			p.initList(v, dims[1:], at+i*step)
		case len(dims) > 1:
			p.fail(line, "want { for each of the %d dimensions of %s, have %v", len(dims), v.Name, p.peek())
		default:
			p.initElement(v, at+i*step)
		}
	}
	if v.Vector > 1 && len(dims) == 1 && i < v.Vector {
		p.fail(line, "a vector has %d elements, here are %d", v.Vector, i)
	}
}

// initElement reads one value: a constant, name, name+offset or generic(name)+offset.
func (p *parser) initElement(v *Variable, at int) {
	t := p.peek()
	if t.kind == tokName && t.text != "WARP_SZ" {
		v.Refs = append(v.Refs, p.initRef(v, at))
		return
	}
	c := p.expression()
	bits, err := immediate(c, v.Type)
	if err != nil {
		p.fail(t.line, "initialiser of %s: %v", v.Name, err)
	}
	switch v.Type.Bytes() {
	case 1:
		v.Init[at] = byte(bits)
	case 2:
		binary.LittleEndian.PutUint16(v.Init[at:], uint16(bits))
	case 4:
		binary.LittleEndian.PutUint32(v.Init[at:], uint32(bits))
	default: // the upper half of .b128 stays zero
		binary.LittleEndian.PutUint64(v.Init[at:], bits)
	}
}

func (p *parser) initRef(v *Variable, at int) InitRef {
	t := p.next()
	generic := t.text == "generic" && p.accept("(")
	name := t
	if generic {
		name = p.ident("a variable's name")
		p.expect(")")
	}
	s := p.globals.find(name.text)
	switch {
	case name.text == "mask" && p.is("("):
		p.fail(name.line, "mask() in initialisers is not supported")
	case s == nil:
		p.fail(name.line, "%s is not declared", name.text)
	case s.variable == nil && (s.function == nil || s.function.Kernel):
		p.fail(name.line, "%s is no variable, and no function that can be called", name.text)
	case v.Type.Bytes() != 8 || v.Type.Float():
		p.fail(name.line, "an address has 64 bits, the elements of %s are %v", v.Name, v.Type)
	case s.function != nil:
		return InitRef{At: at, Func: s.function, Generic: generic}
	case s.variable.Space != Global && s.variable.Space != Const:
		p.fail(name.line, "the address of a %v variable is not known when %s is initialised", s.variable.Space, v.Name)
	}
	ref := InitRef{At: at, Var: s.variable, Generic: generic}
	if p.is("+") || p.is("-") {
		minus := p.next().text == "-"
		ref.Offset = int64(p.expression().bits)
		if minus {
			ref.Offset = -ref.Offset
		}
	}
	return ref
}

// registers reads a .reg declaration of a function.
func (p *parser) registers(f *Function, s *scope) {
	d := p.declarator(false)
	if d.typ == Pred && d.vector > 1 {
		p.fail(p.line(), "there are no vectors of predicates")
	}
	for first := true; first || p.accept(","); first = false {
		name := p.ident("a register's name")
		if !p.accept("<") {
			p.register(f, s, name.text, name.line, d)
			continue
		}
		n := p.at
		c := p.factor(0) // no operators: > ends the number
		if c.float || c.unsigned || int64(c.bits) < 1 || c.bits > maxRegisters {
			p.fail(name.line, "%s<%v>: want a number of registers from 1 to %d", name.text, p.tokens[n], maxRegisters)
		}
		p.expect(">")
		for i := range int(c.bits) {
			p.register(f, s, name.text+strconv.Itoa(i), name.line, d)
		}
	}
	p.expect(";")
}

// register declares one register, or the two or four of a vector, which are named v_x, v_y, v_z and v_w.
func (p *parser) register(f *Function, s *scope, name string, line int, d declarator) {
	sym := &symbol{reg: -1}
	for i := range d.vector {
		part := name
		if d.vector > 1 {
			part += "_" + "xyzw"[i:i+1]
		}
		if len(f.Registers) >= maxRegisters {
			p.fail(line, "%s has more than %d registers", f.Name, maxRegisters)
		}
		f.Registers = append(f.Registers, Register{p.unique(part), d.typ})
		if d.vector == 1 {
			sym.reg = len(f.Registers) - 1
		} else {
			sym.regs = append(sym.regs, len(f.Registers)-1)
		}
	}
	p.declare(s, name, line, sym)
}

// roundUp is n rounded up to a multiple of a power of two.
func roundUp(n, align int) int {
	if n > math.MaxInt-align {
		return n
	}
	return (n + align - 1) &^ (align - 1)
}
