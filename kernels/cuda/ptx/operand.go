package ptx

import (
	"fmt"
	"math"
)

// raw is an operand as it is written, before the instruction gives it a type.
type raw struct {
	text    string // its first word, for messages
	line    int
	kind    rawKind
	sym     *symbol // of rawSymbol, and the base of an address
	special string  // the name of a special register
	c       constant
	elems   []raw // of a vector or a pair; of an address: the base, if it is no name
	offset  int64
	negated bool
}

type rawKind uint8

const (
	rawName     rawKind = iota // not declared: a label, perhaps
	rawSymbol                  // a register or variable
	rawConstant                // a number
	rawSpecial                 // %tid.x
	rawSink                    // _
	rawVector                  // {…}
	rawPair                    // p|q
	rawAddress                 // […]
)

// variable is the variable that is named, or nil.
func (r raw) variable() *Variable {
	if r.kind == rawSymbol {
		return r.sym.variable
	}
	return nil
}

// operand reads one operand.
func (b *body) operand(depth int) raw {
	t := b.peek()
	r := raw{text: t.text, line: t.line}
	switch {
	case t.kind == tokName && t.text == "_":
		b.next()
		r.kind = rawSink
		return b.pair(r, depth)
	case t.kind == tokName && t.text != "WARP_SZ":
		return b.pair(b.named(), depth)
	case b.is("{") || b.is("!") && b.peekAt(1).kind == tokName && b.peekAt(1).text != "WARP_SZ":
		if depth > 1 {
			b.fail(t.line, "an operand is nested too deep here: %v", t)
		}
		b.next()
		if t.text == "!" {
			r = b.operand(depth + 1)
			r.negated = true
			return r
		}
		r.kind = rawVector
		for first := true; first || b.accept(","); first = false {
			r.elems = append(r.elems, b.operand(depth+1))
		}
		b.expect("}")
		return r
	case b.is("["):
		return b.address()
	}
	r.kind, r.c = rawConstant, b.expression()
	r.text = r.c.String()
	return r
}

// pair reads what may follow the first of p|q.
func (b *body) pair(r raw, depth int) raw {
	if !b.is("|") || depth > 0 {
		return r
	}
	b.next()
	return raw{kind: rawPair, text: r.text + "|" + b.peek().text, line: r.line, elems: []raw{r, b.operand(depth + 1)}}
}

// named reads a name: a register, one component of a vector register, a special register, a variable with an offset, or a label.
func (b *body) named() raw {
	t := b.next()
	r := raw{text: t.text, line: t.line, sym: b.scope.find(t.text)}
	switch {
	case r.sym == nil:
		full := t.text
		if b.peek().kind == tokDot {
			full += "." + b.peek().text
		}
		if _, ok := specials[full]; !ok {
			return r
		}
		if full != t.text {
			b.next()
		}
		r.kind, r.special, r.text = rawSpecial, full, full
	case r.sym.label:
	case r.sym.function != nil:
		r.kind = rawSymbol
	case r.sym.regs != nil && b.peek().kind == tokDot:
		part := b.next()
		i := map[string]int{"x": 0, "y": 1, "z": 2, "w": 3, "r": 0, "g": 1, "b": 2, "a": 3}
		k, ok := i[part.text]
		if !ok || k >= len(r.sym.regs) {
			b.fail(part.line, "%s has %d components, .%s is none of them", t.text, len(r.sym.regs), part.text)
		}
		r.kind, r.sym = rawSymbol, &symbol{reg: r.sym.regs[k]}
	default:
		r.kind = rawSymbol
	}
	if v := r.variable(); v != nil && b.accept("+") {
		r.offset = b.offset()
	} else if v != nil && b.is("[") && b.tokens[b.at-2].text != "[" { // within brackets, an index has no place
		r = b.element(r, v)
	}
	return r
}

// element reads a[i] of an array: the address of that element.
func (b *body) element(r raw, v *Variable) raw {
	b.expect("[")
	i := b.offset()
	b.expect("]")
	r.offset = i * int64(v.Type.Bytes()*v.Vector)
	return r
}

// offset reads a constant that is added to an address.
func (b *body) offset() int64 {
	line := b.line()
	c := b.expression()
	v := int64(c.bits)
	if c.float || v < math.MinInt32 || v > math.MaxUint32 {
		b.fail(line, "an offset is a whole number of 32 bits, not %v", c)
	}
	if v > math.MaxInt32 { // 4294967292 is −4
		v -= 1 << 32
	}
	return v
}

// address reads [name], [name+offset] or [constant].
func (b *body) address() raw {
	open := b.next()
	r := raw{kind: rawAddress, text: "[" + b.peek().text + "]", line: open.line}
	if t := b.peek(); t.kind == tokName && t.text != "WARP_SZ" {
		base := b.named()
		if base.kind == rawName {
			b.fail(base.line, "%s is not declared", base.text)
		}
		r.offset = base.offset
		if base.kind == rawSymbol && base.sym.reg >= 0 && b.accept("+") {
			r.offset = b.offset()
		}
		r.elems = []raw{base}
	} else {
		r.offset = b.offset()
	}
	if b.is("-") {
		b.fail(b.line(), "a negative offset is written +-: [%s+-4]", r.elems[0].text)
	}
	if b.is("+") && b.peekAt(1).kind == tokName {
		b.fail(b.line(), "an address is a register or a variable plus a constant; %s is no constant", b.peekAt(1).text)
	}
	b.expect("]")
	return r
}

// bind gives raw operands the roles and types of a form; n is how many fitted before an error.
func (b *body) bind(in *Instruction, s *spelling, f *form, raws []raw) (list []Operand, n int, err error) {
	specs := f.specs(s, len(raws))
	if specs == nil {
		text := f.text
		if text == "" {
			text = "none"
		}
		return nil, 0, fmt.Errorf("there are %d operands, want: %s", len(raws), text)
	}
	for i, spec := range specs {
		o, err := b.bindOne(in, s, spec, raws[i])
		if err != nil {
			return nil, i + 1, fmt.Errorf("operand %d: %w", i+1, err)
		}
		list = append(list, o)
	}
	return list, len(list), in.rules(list)
}

// specs are the operands of a form as so many are written, or nil.
func (f *form) specs(s *spelling, n int) []operandSpec {
	var all, needed []operandSpec
	for _, o := range f.operands {
		if o.role == roleHint && !s.hint {
			continue
		}
		all = append(all, o)
		if !o.optional {
			needed = append(needed, o)
		}
	}
	switch n {
	case len(all):
		if all == nil {
			return []operandSpec{}
		}
		return all
	case len(needed):
		if needed == nil {
			return []operandSpec{}
		}
		return needed
	}
	return nil
}

// typ is the type of an operand.
func (s *spelling) typ(o operandSpec) Type {
	switch {
	case o.fixed != NoType:
		return o.fixed
	case o.index >= len(s.types):
		return NoType
	case o.wide:
		return widened[s.types[o.index]]
	}
	return s.types[o.index]
}

var widened = map[Type]Type{S16: S32, U16: U32, S32: S64, U32: U64}

func (b *body) bindOne(in *Instruction, s *spelling, spec operandSpec, r raw) (Operand, error) {
	t := s.typ(spec)
	if r.kind == rawName && spec.role != roleLabel {
		return Operand{}, fmt.Errorf("%s is not declared", r.text)
	}
	if r.negated && spec.role != roleGuard {
		return Operand{}, fmt.Errorf("!%s: only predicates that an instruction reads may be negated", r.text)
	}
	switch spec.role {
	case roleDst:
		return b.destination(spec, t, r)
	case roleDstPred:
		if r.kind != rawPair {
			return b.destination(spec, t, r)
		}
		return b.pairOf(spec, t, r)
	case rolePred:
		return b.destination(spec, Pred, r)
	case rolePreds:
		switch {
		case r.kind == rawPair:
			return b.pairOf(spec, Pred, r)
		case t == F16x2 || t == BF16x2:
			return Operand{}, fmt.Errorf("want two predicates, p|q, of a comparison of two halves; have %s", r.text)
		}
		return b.destination(spec, Pred, r)
	case roleGuard:
		o, err := b.source(spec, Pred, r)
		o.Negated = r.negated
		return o, err
	case roleImm:
		return b.constant(spec, r)
	case roleAddr:
		return b.memory(in, spec, r)
	case roleVecDst, roleVecSrc:
		return b.vector(spec, t, r)
	case roleLoad, roleStore:
		if in.Vector == 1 {
			if r.kind == rawVector && len(r.elems) == 1 { // as Triton writes it
				r = r.elems[0]
			}
			if r.kind == rawName {
				return Operand{}, fmt.Errorf("%s is not declared", r.text)
			}
			return b.element1(spec, t, r)
		}
		if bits := in.Vector * t.Bits(); bits > 128 {
			return Operand{}, fmt.Errorf(".v%d%v has %d bits, at most 128 are accessed at once", in.Vector, t, bits)
		}
		spec.n = in.Vector
		return b.vector(spec, t, r)
	case roleMove:
		return b.move(t, r)
	case roleSymbol:
		return b.symbolAddress(in, t, r)
	case roleLabel:
		if r.kind != rawName && (r.sym == nil || !r.sym.label) {
			return Operand{}, fmt.Errorf("want a label, have %s", r.text)
		}
		return Operand{Kind: KindLabel, Reg: -1}, nil
	}
	return b.bounded(spec, t, r)
}

// element1 is one element of what is loaded or stored.
func (b *body) element1(spec operandSpec, t Type, r raw) (Operand, error) {
	if spec.role == roleLoad || spec.role == roleVecDst {
		return b.destination(spec, t, r)
	}
	return b.source(spec, t, r)
}

// pairOf is d|p, or p|q; either may be a sink.
func (b *body) pairOf(spec operandSpec, t Type, r raw) (Operand, error) {
	o := Operand{Kind: KindPair, Reg: -1}
	for i, t := range []Type{t, Pred} {
		e := Operand{Kind: KindSink, Reg: -1}
		var err error
		if r.elems[i].kind != rawSink || i == 0 && !spec.sink && spec.role == roleDstPred {
			e, err = b.destination(spec, t, r.elems[i])
		}
		if err != nil {
			return o, err
		}
		o.Elems = append(o.Elems, e)
	}
	if o.Elems[0].Kind == KindSink && o.Elems[1].Kind == KindSink {
		return o, fmt.Errorf("of two results one may be _, not both")
	}
	return o, nil
}

// constant checks an immediate that no register may replace.
func (b *body) constant(spec operandSpec, r raw) (Operand, error) {
	if r.kind != rawConstant || r.c.float {
		return Operand{}, fmt.Errorf("want a whole number as a constant for %s, have %s", spec.name, r.text)
	}
	return Operand{Kind: KindImm, Imm: r.c.bits, Reg: -1}, spec.check(r.c)
}

// bounded checks a source: an immediate is within the form's bounds.
func (b *body) bounded(spec operandSpec, t Type, r raw) (Operand, error) {
	if spec.bounded && r.kind == rawConstant {
		if err := spec.check(r.c); err != nil {
			return Operand{}, err
		}
	}
	return b.source(spec, t, r)
}

// check holds a constant to the bounds of a form.
func (o operandSpec) check(c constant) error {
	if v := int64(c.bits); v >= o.least && v <= o.most && !(c.unsigned && v < 0) {
		return nil
	}
	if o.least == o.most {
		return fmt.Errorf("%s is %v, want %d", o.name, c, o.least)
	}
	return fmt.Errorf("%s is %v, want %d to %d", o.name, c, o.least, o.most)
}
