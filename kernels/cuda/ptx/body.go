package ptx

import "strings"

// body reads a function's { }.
type body struct {
	*parser
	f     *Function
	scope *scope
	jumps []jump // whose labels are looked up when all are known
}

// jump is a bra, or a brx.idx, and where its label's name is looked up.
type jump struct {
	at    int // index into Function.Body
	label string
	scope *scope
	line  int
}

func (b *body) read() {
	open := b.line()
	b.expect("{")
	b.f.Body = []Instruction{}
	outermost := b.scope
	for depth := 1; depth > 0; {
		switch {
		case b.peek().kind == tokEOF:
			b.fail(b.line(), "the body of %s, which begins in line %d, has no end: } is missing", b.f.Name, open)
		case b.accept("{"):
			if depth++; depth > deepest {
				b.fail(b.line(), "blocks are nested more than %d deep", deepest)
			}
			b.scope = newScope(b.scope)
		case b.accept("}"):
			depth--
			if depth > 0 {
				b.scope = b.scope.outer
			}
		case b.accept(";"): // an empty statement
		default:
			b.statement()
		}
	}
	b.scope = outermost
	for _, j := range b.jumps {
		b.resolve(j)
	}
}

// statement reads a declaration, a label or an instruction.
func (b *body) statement() {
	t := b.peek()
	switch {
	case b.ignored():
	case t.kind == tokDot:
		b.declaration()
	case t.kind == tokName && b.peekAt(1).kind == tokPunct && b.peekAt(1).text == ":":
		b.next()
		b.next()
		b.label(t)
	default:
		b.instruction()
	}
}

func (b *body) declaration() {
	linkage := b.linkage()
	t := b.next()
	switch space := spaceNames[t.text]; {
	case t.text == "reg" && linkage == "":
		b.registers(b.f, b.scope)
	case t.kind == tokDot && (space == Shared || space == Local || space == Param || space == Global || space == Const) && !strings.Contains(t.text, ":"):
		b.local(linkage, space)
	default:
		b.fail(t.line, "unknown directive %v in a function", t)
	}
}

// local reads variables declared in a function. Those in .global and .const are the module's.
func (b *body) local(linkage string, space Space) {
	d := b.declarator(false)
	for first := true; first || b.accept(","); first = false {
		v, dims := b.variable(space, d, linkage == "extern" || space == Global || space == Const)
		v.Extern = linkage == "extern"
		if b.is("=") {
			b.initialiser(v, dims)
		}
		switch {
		case v.Extern && space != Shared && space != Global && space != Const:
			b.fail(v.Line, "a %v variable cannot be .extern: %s", space, v.Name)
		case v.Size == 0 && !v.Extern:
			b.fail(v.Line, "the length of %s is missing", v.Name)
		}
		b.declare(b.scope, v.Name, v.Line, variableSymbol(v))
		v.Name = b.unique(v.Name)
		if space == Global || space == Const {
			b.module.Variables = append(b.module.Variables, v)
		} else {
			b.f.Variables = append(b.f.Variables, v)
		}
	}
	b.expect(";")
}

// label reads what follows "name:"; a table of branch targets or a prototype are named like labels.
func (b *body) label(name token) {
	s := &symbol{reg: -1, label: true, at: len(b.f.Body), scope: b.scope}
	b.parser.declare(b.scope, name.text, name.line, s)
	switch {
	case b.dot("branchtargets"):
		for first := true; first || b.accept(","); first = false {
			s.table = append(s.table, b.ident("a label").text)
		}
		b.expect(";")
	case b.dot("callprototype"):
		s.proto = b.prototype()
	case b.dot("calltargets"):
		s.proto = b.callTargets()
	}
}

// resolve fills in where a jump goes.
func (b *body) resolve(j jump) {
	s := j.scope.find(j.label)
	in := &b.f.Body[j.at]
	switch {
	case s == nil:
		b.fail(j.line, "label %s is not declared", j.label)
	case !s.label || s.proto != nil:
		b.fail(j.line, "%s is no label", j.label)
	case in.Op == "bra" && s.table != nil:
		b.fail(j.line, "%s is a table of labels, for brx.idx", j.label)
	case in.Op == "bra":
		in.Target = s.at
	case s.table == nil:
		b.fail(j.line, "%s is no .branchtargets table", j.label)
	default:
		for _, name := range s.table {
			l := s.scope.find(name)
			if l == nil || !l.label || l.table != nil || l.proto != nil {
				b.fail(s.line, "%s is no label", name)
			}
			in.Targets = append(in.Targets, l.at)
		}
	}
}

// instruction reads {@{!}p} opcode{.modifiers} operands;
func (b *body) instruction() {
	in := Instruction{Guard: -1, Target: -1, Vector: 1, Line: b.line()}
	if b.accept("@") {
		in.Not = b.accept("!")
		t := b.ident("a predicate register")
		s := b.scope.find(t.text)
		if s == nil {
			b.fail(t.line, "%s is not declared", t.text)
		}
		if s.reg < 0 || b.f.Registers[s.reg].Type != Pred {
			b.fail(t.line, "a guard is a .pred register, which %s is not", t.text)
		}
		in.Guard = s.reg
	}
	op := b.next()
	if op.kind != tokName || op.text == "_" {
		b.fail(op.line, "want an instruction, have %v", op)
	}
	if strings.ContainsAny(op.text, "%$") {
		b.fail(op.line, "want an instruction, have %s; a label is followed by a colon", op.text)
	}
	in.Op = op.text
	first := b.at
	for b.peek().kind == tokDot {
		b.next()
	}
	switch in.Op {
	case "call":
		b.modifiers(&in, first, "uni")
		b.call(&in)
	case "brx":
		b.modifiers(&in, first, "idx", "uni")
		b.brx(&in)
	default:
		b.ordinary(&in, op, first)
	}
	b.expect(";")
	b.f.Body = append(b.f.Body, in)
}

// modifiers are the tokens since first, each of which may be left away: call{.uni}, brx.idx{.uni}.
func (b *body) modifiers(in *Instruction, first int, allowed ...string) {
	for _, t := range b.tokens[first:b.at] {
		for len(allowed) > 0 && allowed[0] != t.text {
			allowed = allowed[1:]
		}
		if len(allowed) == 0 {
			b.fail(t.line, "%s: .%s is not allowed here", in.Op, t.text)
		}
		allowed = allowed[1:]
		in.Mods = append(in.Mods, t.text)
	}
}

// ordinary reads an instruction of the table: its operands, as the first of its forms that fits takes them.
func (b *body) ordinary(in *Instruction, op token, first int) {
	s := b.spelling(op, first)
	in.Mods, in.Types, in.Space, in.Vector = s.mods, s.types, s.space, s.vector
	var raws []raw
	for first := true; !b.is(";") && !b.is("}") && b.peek().kind != tokEOF && (first || b.accept(",")); first = false {
		raws = append(raws, b.operand(0))
	}
	if !b.is(";") {
		b.expect(";")
	}
	best, message := -1, ""
	for _, f := range s.forms {
		operands, n, err := b.bind(in, s, f, raws)
		if err == nil {
			in.Operands = operands
			if in.Op == "bra" {
				b.jumps = append(b.jumps, jump{len(b.f.Body), raws[0].text, b.scope, in.Line})
				in.Operands = nil
			}
			return
		}
		if n > best {
			best, message = n, err.Error()
		}
	}
	b.fail(in.Line, "%s: %s", in.Spelling(), message)
}

// spelling looks up the modifiers since first, once for each that the file has.
func (b *body) spelling(op token, first int) *spelling {
	last := b.tokens[b.at-1]
	text := b.src[op.start:last.end]
	if s := b.spellings[text]; s != nil {
		return s
	}
	mods := make([]string, 0, b.at-first)
	for _, t := range b.tokens[first:b.at] {
		mods = append(mods, t.text)
	}
	s := b.spell(op.line, op.text, mods)
	b.spellings[text] = s
	return s
}

// brx reads brx.idx index, table.
func (b *body) brx(in *Instruction) {
	if len(in.Mods) == 0 || in.Mods[0] != "idx" {
		b.fail(in.Line, "want brx.idx")
	}
	index := b.operand(0)
	o, err := b.source(operandSpec{role: roleReg}, U32, index)
	if err != nil {
		b.fail(in.Line, "brx.idx: %v", err)
	}
	in.Operands = []Operand{o}
	b.expect(",")
	t := b.ident("a .branchtargets table")
	if b.scope.find(t.text) == nil {
		b.fail(t.line, "the table %s is not declared before this line", t.text)
	}
	b.jumps = append(b.jumps, jump{len(b.f.Body), t.text, b.scope, t.line})
}
