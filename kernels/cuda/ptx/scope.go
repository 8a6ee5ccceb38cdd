package ptx

import "strconv"

// symbol is what a name stands for. Exactly one of the pointers is set, or reg is ≥ 0, or it is a label.
type symbol struct {
	reg      int   // index into Function.Registers, or −1
	regs     []int // of a vector register: its components
	variable *Variable
	function *Function
	label    bool
	at       int       // of a label: index into Function.Body
	table    []string  // of a label: its .branchtargets
	proto    *Function // of a label: the function's head that .callprototype says, or .calltargets
	line     int       // of the declaration
	used     int       // line of the first call, of a function
	scope    *scope    // of a label with a table
}

// scope is a block { } and what is declared in it.
type scope struct {
	outer *scope
	names map[string]*symbol
}

func newScope(outer *scope) *scope { return &scope{outer, map[string]*symbol{}} }

// find is what a name stands for here, or nil.
func (s *scope) find(name string) *symbol {
	for ; s != nil; s = s.outer {
		if sym := s.names[name]; sym != nil {
			return sym
		}
	}
	return nil
}

// declare adds a name to a block, where it must be new.
func (p *parser) declare(s *scope, name string, line int, sym *symbol) {
	if old := s.names[name]; old != nil {
		p.fail(line, "%s is declared twice, first in line %d", name, old.line)
	}
	if _, special := specials[name]; special {
		p.fail(line, "%s is a special register", name)
	}
	sym.line = line
	s.names[name] = sym
}

// variableSymbol is a symbol for a variable.
func variableSymbol(v *Variable) *symbol { return &symbol{reg: -1, variable: v} }

// unique is a name that nothing else has in the function that is read: what blocks declare anew, and what hides a name of the module, is numbered.
func (p *parser) unique(name string) string {
	u := name
	for n := 2; p.taken[u] || p.globals.names[u] != nil; n++ {
		u = name + "$" + strconv.Itoa(n)
	}
	p.taken[u] = true
	return u
}
