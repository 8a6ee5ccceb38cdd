package ptx

// call reads {(result),} function {, (arguments)}, with the name of a prototype at the end if the function is a register. The operands are two
// lists, results and arguments, and that register.
func (b *body) call(in *Instruction) {
	results := b.list()
	if results != nil {
		b.expect(",")
	}
	name := b.ident("a function's name")
	s := b.scope.find(name.text)
	switch {
	case s == nil:
		b.fail(name.line, "function %s is not declared", name.text)
	case s.reg >= 0:
		in.Indirect = true
	case s.function == nil || s.function.Kernel:
		b.fail(name.line, "%s is no function that can be called", name.text)
	default:
		in.Callee = s.function
		if s.used == 0 {
			s.used = name.line
		}
	}
	var args []raw
	comma := b.accept(",")
	if comma && (b.is("(") || !in.Indirect) {
		if args = b.list(); args == nil {
			b.fail(b.line(), "want ( before the arguments, have %v", b.peek())
		}
		comma = b.accept(",")
	}
	if in.Indirect {
		if !comma {
			b.fail(in.Line, "a call through a register ends with the name of a .callprototype")
		}
		in.Callee = b.named().prototype(b.parser)
	} else if comma {
		b.fail(in.Line, "a call of a function that is named has no prototype at its end")
	}
	in.Operands = []Operand{
		b.pass(in, "result", results, in.Callee.Returns, true),
		b.pass(in, "argument", args, in.Callee.Params, false),
	}
	if in.Indirect {
		o, err := b.source(operandSpec{role: roleReg}, U64, raw{kind: rawSymbol, text: name.text, line: name.line, sym: s})
		if err != nil {
			b.fail(in.Line, "call: %v", err)
		}
		in.Operands = append(in.Operands, o)
	}
}

// prototype is the head of a function that a label stands for.
func (r raw) prototype(p *parser) *Function {
	if r.sym == nil || r.sym.proto == nil {
		p.fail(r.line, "%s is no .callprototype that is declared before this line", r.text)
	}
	return r.sym.proto
}

// prototype reads what follows .callprototype: (results) _ (parameters), where names do not matter.
func (b *body) prototype() *Function {
	f := &Function{Name: "_", Line: b.line()}
	if b.is("(") {
		if f.Returns = b.unnamed(); len(f.Returns) > 1 {
			b.fail(f.Line, "a function returns at most one value")
		}
	}
	if t := b.next(); t.kind != tokName {
		b.fail(t.line, "want _ for the function's name, have %v", t)
	}
	if b.is("(") {
		f.Params = b.unnamed()
	}
	if b.dot("noreturn") && f.Returns != nil {
		b.fail(f.Line, ".noreturn is for functions that return no value")
	}
	b.expect(";")
	return f
}

// unnamed reads the parameters of a prototype.
func (b *body) unnamed() (list []*Variable) {
	b.expect("(")
	for first := true; !b.accept(")"); first = false {
		if !first {
			b.expect(",")
		}
		t := b.next()
		space := spaceNames[t.text]
		if t.kind != tokDot || space != Param && space != Reg {
			b.fail(t.line, "want .param before each parameter, have %v", t)
		}
		d := b.declarator(false)
		name := b.next()
		if name.kind != tokName {
			b.fail(name.line, "want _ or a parameter's name, have %v", name)
		}
		v, _ := b.sized(name, space, d, false)
		list = append(list, v)
	}
	return list
}

// callTargets reads the functions that may be called, all of which have the same head.
func (b *body) callTargets() (f *Function) {
	for first := true; first || b.accept(","); first = false {
		name := b.ident("a function's name")
		s := b.scope.find(name.text)
		if s == nil || s.function == nil || s.function.Kernel {
			b.fail(name.line, "%s is no function that can be called", name.text)
		}
		if f != nil && !f.SameHead(s.function) {
			b.fail(name.line, "the parameters of %s differ from those of %s", name.text, f.Name)
		}
		f = s.function
	}
	b.expect(";")
	return &Function{Name: "_", Returns: f.Returns, Params: f.Params, Line: f.Line}
}

// list reads a parenthesised list of operands, or nothing: nil.
func (b *body) list() []raw {
	if !b.accept("(") {
		return nil
	}
	list := []raw{}
	for first := true; !b.accept(")"); first = false {
		if !first {
			b.expect(",")
		}
		list = append(list, b.operand(0))
	}
	return list
}

// pass checks what is passed to, or returned from, a function.
func (b *body) pass(in *Instruction, what string, list []raw, formal []*Variable, written bool) Operand {
	if len(list) != len(formal) {
		b.fail(in.Line, "call: %s takes %d %ss, here are %d", in.Callee.Name, len(formal), what, len(list))
	}
	out := Operand{Kind: KindList, Reg: -1}
	for i, r := range list {
		v := formal[i]
		var o Operand
		var err error
		switch {
		case v.Space == Param && r.variable() != nil:
			if a := r.variable(); a.Space != Param || a.Size != v.Size || a.Align < v.Align || r.offset != 0 {
				b.fail(in.Line, "call: %s %d of %s is a .param of %d bytes aligned to %d, %s is a %v of %d aligned to %d", what, i+1, in.Callee.Name,
					v.Size, v.Align, a.Name, a.Space, a.Size, a.Align)
			}
			o = Operand{Kind: KindVariable, Var: r.variable(), Reg: -1}
		case written:
			o, err = b.destination(operandSpec{}, v.Type, r)
		default:
			o, err = b.source(operandSpec{}, v.Type, r)
		}
		if err != nil {
			b.fail(in.Line, "call: %s %d of %s: %v", what, i+1, in.Callee.Name, err)
		}
		out.Elems = append(out.Elems, o)
	}
	return out
}
