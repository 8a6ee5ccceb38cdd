package ptx

import "slices"

// entry reads a kernel, after .entry.
func (p *parser) entry(linkage string) {
	name := p.ident("the kernel's name")
	f := &Function{Name: name.text, Kernel: true, Line: name.line}
	p.taken = map[string]bool{f.Name: true}
	s := newScope(p.globals)
	if p.is("(") {
		f.Params = p.parameters(f, s, Param)
	}
	p.layout(f)
	p.tuning(f)
	p.define(f, s, linkage)
}

// function reads a device function, after .func.
func (p *parser) function(linkage string) {
	f := &Function{}
	p.taken = map[string]bool{}
	s := newScope(p.globals)
	p.tuning(f) // .noreturn may stand here too
	if p.is("(") {
		f.Returns = p.parameters(f, s, Generic)
		if len(f.Returns) > 1 {
			p.fail(p.line(), "a function returns at most one value")
		}
	}
	name := p.ident("the function's name")
	f.Name, f.Line = name.text, name.line
	f.ReturnRegs = f.bound(f.Returns)
	if p.is("(") {
		f.Params = p.parameters(f, s, Generic)
	}
	f.ParamRegs = f.bound(f.Params)
	p.layout(f)
	p.tuning(f)
	p.define(f, s, linkage)
}

// bound are the registers that parameters are, or −1.
func (f *Function) bound(vars []*Variable) []int {
	regs := make([]int, len(vars))
	for i, v := range vars {
		regs[i] = -1
		if v.Space == Reg {
			regs[i] = slices.IndexFunc(f.Registers, func(r Register) bool { return r.Name == v.Name })
		}
	}
	return regs
}

// parameters reads a parenthesised list; of a kernel all are .param (space Param), of a function they may be .reg too (space Generic).
func (p *parser) parameters(f *Function, s *scope, space Space) (list []*Variable) {
	p.expect("(")
	for first := true; !p.accept(")"); first = false {
		if !first {
			p.expect(",")
		}
		t := p.next()
		switch {
		case t.kind == tokDot && t.text == "param":
			d := p.declarator(space == Param)
			v, _ := p.variable(Param, d, false)
			p.declare(s, v.Name, v.Line, variableSymbol(v))
			v.Name = p.unique(v.Name)
			list = append(list, v)
		case t.kind == tokDot && t.text == "reg" && space == Generic:
			d := p.declarator(false)
			name := p.ident("a register's name")
			if d.vector > 1 || d.typ == Pred {
				p.fail(t.line, "a parameter in a register is a scalar, and no predicate")
			}
			p.register(f, s, name.text, name.line, d)
			list = append(list, &Variable{Name: f.Registers[len(f.Registers)-1].Name, Space: Reg, Type: d.typ, Vector: 1, Size: d.typ.Bytes(), Align: d.align, Line: name.line})
		default:
			p.fail(t.line, "want .param before each parameter, have %v", t)
		}
	}
	return list
}

// layout gives parameters their offsets, each aligned to its own alignment, in order.
func (p *parser) layout(f *Function) {
	for _, v := range f.Params {
		if v.Space == Param {
			f.ParamSize = roundUp(f.ParamSize, v.Align)
			v.Offset = f.ParamSize
			f.ParamSize += v.Size
		}
	}
	limit := 4096
	if p.target >= 70 && !p.module.Version.Before(Version{8, 1}) {
		limit = 32764
	}
	if f.Kernel && f.ParamSize > limit {
		p.fail(f.Line, "the parameters of %s take %d bytes, the limit is %d", f.Name, f.ParamSize, limit)
	}
}

// tuning reads the performance directives between a function's head and its body.
func (p *parser) tuning(f *Function) {
	for p.peek().kind == tokDot {
		t := p.peek()
		if p.ignored() {
			continue
		}
		p.next()
		switch t.text {
		case "maxntid", "reqntid":
			n := &f.MaxNTid
			if t.text == "reqntid" {
				n = &f.ReqNTid
			}
			*n = [3]int{1, 1, 1}
			for i := 0; i == 0 || i < 3 && p.accept(","); i++ {
				n[i] = p.count("."+t.text, 1, 1<<16)
			}
			if threads := n[0] * n[1] * n[2]; threads > 1024 {
				p.fail(t.line, ".%s asks for %d threads a block, the limit is 1024", t.text, threads)
			}
		case "maxnctapersm":
			p.count(".maxnctapersm", 1, 1<<10)
		case "minnctapersm":
			f.MinCTAs = p.count("."+t.text, 1, 1<<10)
		case "maxnreg":
			f.MaxRegs = p.count(".maxnreg", 1, 255)
		case "noreturn":
			if f.Kernel || len(f.Returns) > 0 {
				p.fail(t.line, ".noreturn is for functions that return no value")
			}
			continue
		case "reqnctapercluster", "explicitcluster", "maxclusterrank", "blocksareclusters":
			p.fail(t.line, ".%s: clusters are not supported, they need sm_90", t.text)
		default:
			p.fail(t.line, "unknown directive .%s between a function's head and its body", t.text)
		}
		if !f.Kernel {
			p.fail(t.line, ".%s is for kernels, not for functions", t.text)
		}
	}
}

// alias is a second name of a function, which is a declaration until the file is read.
type alias struct {
	name, of *Function
	line     int
}

// alias reads what follows .alias: a function that is declared, and the one that it is.
func (p *parser) alias() {
	read := func() *Function {
		name := p.ident("a function's name")
		s := p.globals.find(name.text)
		if s == nil || s.function == nil || s.function.Kernel {
			p.fail(name.line, "%s is no function that is declared", name.text)
		}
		return s.function
	}
	line := p.line()
	name := read()
	p.expect(",")
	of := read()
	p.expect(";")
	if p.module.Version.Before(Version{6, 3}) {
		p.fail(line, ".alias needs .version 6.3 or later")
	}
	if name.Body != nil || !name.SameHead(of) {
		p.fail(line, "%s has a body, or other parameters than %s", name.Name, of.Name)
	}
	p.aliases = append(p.aliases, alias{name, of, line})
}

// resolveAliases gives every alias the body of its function, so that calls of it find it.
func (p *parser) resolveAliases() {
	for _, a := range p.aliases {
		if a.of.Body == nil {
			p.fail(a.line, "%s has no body, and so no alias", a.of.Name)
		}
		name := a.name.Name
		*a.name = *a.of
		a.name.Name = name
		p.module.Functions = append(p.module.Functions, a.name)
	}
}

// define reads a body, or the semicolon of a declaration.
func (p *parser) define(f *Function, s *scope, linkage string) {
	old := p.globals.names[f.Name]
	if old != nil && (old.function == nil || old.function.Kernel != f.Kernel || old.function.Body != nil && p.is("{")) {
		p.fail(f.Line, "%s is declared twice, first in line %d", f.Name, old.line)
	}
	if old != nil && !old.function.declares(f) {
		p.fail(f.Line, "the parameters of %s differ from its declaration in line %d", f.Name, old.line)
	}
	if old == nil {
		p.declare(p.globals, f.Name, f.Line, &symbol{reg: -1, function: f})
	}
	if p.accept(";") {
		f.Extern = linkage == "extern"
		return
	}
	if linkage == "extern" {
		p.fail(f.Line, "%s is .extern, but has a body", f.Name)
	}
	if old != nil { // what calls it already points to the declaration
		*old.function = *f
		f = old.function
	}
	b := &body{parser: p, f: f, scope: s}
	b.read()
	p.module.Functions = append(p.module.Functions, f)
}

// declares says whether two declarations of a function agree, to the types as they are written.
func (f *Function) declares(g *Function) bool {
	same := func(a, b *Variable) bool { return a.Type == b.Type }
	return f.SameHead(g) && slices.EqualFunc(f.Params, g.Params, same) && slices.EqualFunc(f.Returns, g.Returns, same)
}

// SameHead says whether a prototype is a function's: what is passed is alike.
func (f *Function) SameHead(g *Function) bool {
	same := func(a, b *Variable) bool {
		return a.Space == b.Space && a.Type.Bits() == b.Type.Bits() && a.Size == b.Size && a.Align == b.Align
	}
	return slices.EqualFunc(f.Params, g.Params, same) && slices.EqualFunc(f.Returns, g.Returns, same)
}
