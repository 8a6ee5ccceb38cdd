package ptx

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// parser reads one file. Its methods end with a panic of *Error, through fail, at the first fault.
type parser struct {
	name, src string
	tokens    []token
	at        int
	module    *Module
	target    int // 80 for sm_80
	globals   *scope
	table     *formTable
	spellings map[string]*spelling
	taken     map[string]bool // names in the function that is read
	aliases   []alias
}

// Parse reads and checks a PTX file. name is for messages. The error is an [*Error] with the line of the first fault.
func Parse(name, src string) (m *Module, err error) {
	p := &parser{name: name, src: src, globals: newScope(nil), table: instructionSet(), spellings: map[string]*spelling{},
		module: &Module{Name: name, AddressSize: 64}}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *Error:
			m, err = nil, e
		default:
			panic(e)
		}
	}()
	p.tokens = lex(src, p.fail)
	p.file()
	return p.module, nil
}

func (p *parser) fail(line int, format string, a ...any) {
	panic(&Error{File: p.name, Line: line, Msg: fmt.Sprintf(format, a...)})
}

func (p *parser) peek() token { return p.tokens[p.at] }

// peekAt is the i-th token after the next one.
func (p *parser) peekAt(i int) token { return p.tokens[min(p.at+i, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokEOF {
		p.at++
	}
	return t
}

func (p *parser) line() int { return p.peek().line }

// is says whether the next token is this punctuation.
func (p *parser) is(punct string) bool { return p.peek().kind == tokPunct && p.peek().text == punct }

func (p *parser) accept(punct string) bool {
	if p.is(punct) {
		p.next()
		return true
	}
	return false
}

// expect reads a punctuation mark. One that is missing is reported where the token before it ends.
func (p *parser) expect(punct string) {
	if p.accept(punct) {
		return
	}
	line, before := p.line(), ""
	if p.at > 0 {
		last := p.tokens[p.at-1]
		before = fmt.Sprintf(" after %v", last)
		if punct == ";" {
			line = last.line
		}
	}
	p.fail(line, "want %s%s, have %v", punct, before, p.peek())
}

// dot accepts a directive, or a modifier, by name.
func (p *parser) dot(name string) bool {
	if t := p.peek(); t.kind == tokDot && t.text == name {
		p.next()
		return true
	}
	return false
}

func (p *parser) ident(what string) token {
	t := p.next()
	if t.kind != tokName || t.text == "_" {
		p.fail(t.line, "want %s, have %v", what, t)
	}
	return t
}

// count reads a constant expression that is a whole number within bounds.
func (p *parser) count(what string, least, most int64) int {
	line := p.line()
	c := p.expression()
	if v := int64(c.bits); c.float || c.unsigned && v < 0 || v < least || v > most {
		p.fail(line, "%s is %v, want %d to %d", what, c, least, most)
	}
	return int(c.bits)
}

func (p *parser) file() {
	p.header()
	for p.peek().kind != tokEOF {
		p.statement()
	}
	p.resolveAliases()
	for _, s := range slices.SortedFunc(maps.Values(p.globals.names), func(a, b *symbol) int { return a.line - b.line }) {
		if f := s.function; f != nil && f.Body == nil && !f.Extern && s.used > 0 {
			p.fail(s.used, "function %s is called, but has no body (its declaration in line %d is not .extern)", f.Name, f.Line)
		}
	}
}

// targets are the known architectures and the first PTX ISA that has them.
var targets = map[int]Version{
	50: {4, 0}, 52: {4, 1}, 53: {4, 1}, 60: {5, 0}, 61: {5, 0}, 62: {5, 0}, 70: {6, 0}, 72: {6, 1}, 75: {6, 3}, 80: {7, 0}, 86: {7, 1}, 87: {7, 4}, 88: {9, 0},
	89: {7, 8}, 90: {7, 8}, 100: {8, 6}, 101: {8, 6}, 103: {8, 8}, 110: {9, 0}, 120: {8, 7}, 121: {8, 8},
}

// Before says whether v is older than w.
func (v Version) Before(w Version) bool {
	return v.Major < w.Major || v.Major == w.Major && v.Minor < w.Minor
}

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// header reads .version, .target and .address_size.
func (p *parser) header() {
	if !p.dot("version") {
		p.fail(p.line(), "a PTX file begins with .version, for instance .version 7.0; have %v", p.peek())
	}
	t := p.next()
	major, minor, ok := strings.Cut(t.text, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if t.kind != tokNumber || !ok || err1 != nil || err2 != nil {
		p.fail(t.line, "want a version like 7.0, have %v", t)
	}
	v := Version{a, b}
	if v.Before(Version{4, 0}) || !v.Before(Version{10, 0}) {
		p.fail(t.line, "PTX ISA %v is not supported, want 4.0 to 9.x", v)
	}
	p.module.Version = v
	if !p.dot("target") {
		p.fail(p.line(), "want .target after .version, have %v", p.peek())
	}
	p.targetLine()
	if p.dot("address_size") {
		line := p.line()
		if n := p.expression(); n.bits != 64 || n.float {
			p.fail(line, ".address_size is %v, want 64", n)
		}
	}
}

func (p *parser) targetLine() {
	for first := true; first || p.accept(","); first = false {
		t := p.ident("a target like sm_80")
		arch, isArch := strings.CutPrefix(t.text, "sm_")
		switch {
		case isArch && first:
			number := strings.TrimRight(arch, "af") // a: with what only this architecture has; f: what its family has
			p.target, _ = strconv.Atoi(number)
			since, known := targets[p.target]
			if suffix := arch[len(number):]; !known || len(suffix) > 1 || suffix == "a" && p.target < 90 || suffix == "f" && p.target < 100 {
				p.fail(t.line, "target %s is not supported, want one of sm_50 to sm_121, for instance sm_80", t.text)
			}
			if p.module.Version.Before(since) {
				p.fail(t.line, "target %s needs .version %v or later, this file has %v", t.text, since, p.module.Version)
			}
			p.module.Target = t.text
		case !first && (t.text == "debug" || t.text == "texmode_independent" || t.text == "texmode_unified" || t.text == "map_f64_to_f32"):
		default:
			p.fail(t.line, "unknown target %s, want for instance sm_80", t.text)
		}
	}
}

// statement reads one declaration at module level.
func (p *parser) statement() {
	linkage := p.linkage()
	t := p.peek()
	if p.ignored() {
		return
	}
	if t.kind != tokDot {
		p.fail(t.line, "want a directive at module level, for instance .entry, .func or .global; have %v", t)
	}
	switch t.text {
	case "entry":
		p.next()
		p.entry(linkage)
	case "func":
		p.next()
		p.function(linkage)
	case "global", "const", "shared":
		p.next()
		p.moduleVariable(linkage, spaceNames[t.text])
	case "local", "param", "reg":
		p.fail(t.line, ".%s cannot be declared at module level, only within a function", t.text)
	case "tex":
		p.fail(t.line, "textures are not supported")
	case "alias":
		p.next()
		p.alias()
	case "version", "target", "address_size":
		p.fail(t.line, ".%s is given a second time, or not at the beginning of the file", t.text)
	default:
		p.fail(t.line, "unknown directive .%s at module level", t.text)
	}
}

// linkage reads .extern, .visible, .weak or .common, if there is one.
func (p *parser) linkage() string {
	for _, l := range []string{"extern", "visible", "weak", "common"} {
		if p.dot(l) {
			return l
		}
	}
	return ""
}

// ignored skips what only debuggers and optimisers read: .file, .loc, .section, .pragma, @@DWARF.
func (p *parser) ignored() bool {
	t := p.peek()
	switch {
	case t.kind == tokDot && (t.text == "file" || t.text == "loc"), t.kind == tokPunct && t.text == "@@": // they end with their line
		for p.peek().line == t.line && p.peek().kind != tokEOF {
			p.next()
		}
	case t.kind == tokDot && t.text == "pragma":
		p.next()
		for first := true; first || p.accept(","); first = false {
			if s := p.next(); s.kind != tokString {
				p.fail(s.line, "want a string after .pragma, have %v", s)
			}
		}
		p.expect(";")
	case t.kind == tokDot && t.text == "section":
		p.next()
		if name := p.next(); name.kind != tokDot && name.kind != tokName {
			p.fail(name.line, "want a section's name, have %v", name)
		}
		p.expect("{")
		for !p.accept("}") {
			if s := p.next(); s.kind == tokEOF {
				p.fail(t.line, "this section has no end: } is missing")
			}
		}
	default:
		return false
	}
	return true
}
