package ptx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The instruction set is a table of forms, a line each (instructions.go). A line is a spelling, and the operands:
//
//	fma.RND[.ftz][.sat].f32      d, a, b, c
//
// In the spelling a word after a dot stands for itself, a|b for either, a name in capitals for a set of words ([sets]), and brackets for what
// may be left away. A word with @ needs a target and an ISA: L2::cache_hint@80/7.4. The same after a space at the end of the line holds for
// the whole form. Modifiers in parentheses may stand in any order, as compilers write them.
//
// Operands are what [operandSpec] says.
type form struct {
	op       string
	parts    []part
	operands []operandSpec
	need     need
	text     string // of the operands, for messages
}

// part is one modifier: the words it may be.
type part struct {
	words    []word1
	optional bool
}

type word1 struct {
	text string
	need need
}

// need is the least target and ISA; zeros: any.
type need struct {
	target int
	isa    Version
}

// role is what an operand is for.
type role uint8

const (
	roleDst     role = iota // d: a register that is written; _d: or _
	roleDstPred             // d|p: the same, with an optional predicate after a bar; _|p
	rolePred                // p: a predicate that is written
	rolePreds               // p|q: one or two predicates that are written
	roleSrc                 // a, b, c, …: a register or an immediate
	roleReg                 // a register only: r
	roleGuard               // !c: a predicate, perhaps negated, or an immediate 0 or 1
	roleImm                 // #n=0..255: an immediate within bounds, which registers of other roles may have too
	roleAddr                // [a]: an address in the instruction's space; [a:global]: in another
	roleVecDst              // {d*4}: registers that are written, in braces
	roleVecSrc              // {a*4}
	roleLoad                // d…: as many destinations as .v2 or .v4 says, one without
	roleStore               // a…
	roleMove                // x: what mov reads: a register, an immediate, a special register or an address
	roleSymbol              // &a: a register, or the address of a variable in the instruction's space
	roleLabel               // @l
	roleHint                // hint: a cache policy, there if .L2::cache_hint is
)

// operandSpec is one operand of a form: a role and a type, which is the instruction's first unless another is written: a:1 is its second, a:b32
// a fixed one, a:wide twice as wide as the first. A tilde says that a register may be wider than the type; a question mark that the operand
// may be left away.
type operandSpec struct {
	role     role
	name     string
	index    int  // of the type among the instruction's types
	fixed    Type // or NoType
	wide     bool
	wider    bool
	optional bool
	n        int  // of roleVecDst and roleVecSrc
	bounded  bool // an immediate is from least to most
	least    int64
	most     int64
	sink     bool  // may be _
	space    Space // of roleAddr, if another than the instruction's
}

// formTable is the compiled instruction set.
type formTable struct {
	forms map[string][]*form
	words map[string]bool // all modifiers there are
}

// instructionSet compiles the table, once.
var instructionSet = sync.OnceValue(func() *formTable {
	t := &formTable{forms: map[string][]*form{}, words: map[string]bool{}}
	for line := range strings.Lines(instructions) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " //")
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		for _, line := range orders(line) {
			f := compileForm(line)
			t.forms[f.op] = append(t.forms[f.op], f)
			for _, p := range f.parts {
				for _, w := range p.words {
					t.words[w.text] = true
				}
			}
		}
	}
	return t
})

// orders writes a line out in all orders of the modifiers in parentheses.
func orders(line string) (lines []string) {
	before, rest, ok := strings.Cut(line, "(")
	if !ok {
		return []string{line}
	}
	inner, after, _ := strings.Cut(rest, ")")
	var parts []string
	for inner != "" {
		end := strings.IndexAny(inner[1:], ".[") + 1
		if inner[0] == '[' {
			end = strings.IndexByte(inner, ']') + 1
		} else if end == 0 {
			end = len(inner)
		}
		parts, inner = append(parts, inner[:end]), inner[end:]
	}
	var permute func(done string, left []string)
	permute = func(done string, left []string) {
		if len(left) == 0 {
			lines = append(lines, before+done+after)
		}
		for i, p := range left {
			permute(done+p, slices.Concat(left[:i:i], left[i+1:]))
		}
	}
	permute("", parts)
	return lines
}

func compileForm(line string) *form {
	head, rest, _ := strings.Cut(line, " ")
	f := &form{text: strings.TrimSpace(rest)}
	if i := strings.LastIndex(f.text, "@"); i >= 0 && (i == 0 || f.text[i-1] == ' ') && digit(f.text[i+1]) {
		f.need = compileNeed(f.text[i+1:])
		f.text = strings.TrimSpace(f.text[:i])
	}
	f.op, head = splitHead(head)
	for head != "" {
		var p part
		var words string
		if head[0] == '[' {
			end := strings.IndexByte(head, ']')
			words, head, p.optional = head[2:end], head[end+1:], true
		} else {
			end := strings.IndexAny(head[1:], ".[") // a version's dot follows a slash
			for end >= 0 && strings.Contains(lastWord(head[1:end+1]), "/") && head[end+1] == '.' {
				more := strings.IndexAny(head[end+2:], ".[")
				if more < 0 {
					end = -1
					break
				}
				end += more + 1
			}
			if end < 0 {
				end = len(head) - 1
			}
			words, head = head[1:end+1], head[end+1:]
		}
		for _, w := range strings.Split(words, "|") {
			p.words = append(p.words, compileWords(w)...)
		}
		f.parts = append(f.parts, p)
	}
	if f.text != "" {
		for _, s := range strings.Split(f.text, ",") {
			f.operands = append(f.operands, compileOperand(strings.TrimSpace(s)))
		}
	}
	return f
}

func lastWord(s string) string { return s[strings.LastIndex(s, "|")+1:] }

// splitHead cuts the opcode from its modifiers.
func splitHead(head string) (op, rest string) {
	if i := strings.IndexAny(head, ".["); i >= 0 {
		return head[:i], head[i:]
	}
	return head, ""
}

func compileWords(w string) (words []word1) {
	w, version, _ := strings.Cut(w, "@")
	var n need
	if version != "" {
		n = compileNeed(version)
	}
	if set, ok := sets[w]; ok {
		for _, s := range strings.Fields(set) {
			words = append(words, word1{s, n})
		}
		return words
	}
	return []word1{{w, n}}
}

// compileNeed reads 80/7.4.
func compileNeed(s string) need {
	var n need
	if _, err := fmt.Sscanf(s, "%d/%d.%d", &n.target, &n.isa.Major, &n.isa.Minor); err != nil {
		panic("ptx: table of instructions: " + s)
	}
	return n
}

func compileOperand(s string) operandSpec {
	var o operandSpec
	s, o.optional = strings.CutSuffix(s, "?")
	s, o.wider = strings.CutSuffix(s, "~")
	if name, bounds, ok := strings.Cut(s, "="); ok {
		s, o.bounded = name, true
		if _, err := fmt.Sscanf(bounds, "%d..%d", &o.least, &o.most); err != nil {
			panic("ptx: table of instructions: " + s)
		}
	}
	inner := strings.Trim(s, "[]{}!#@&")
	name, typ, hasType := strings.Cut(inner, ":")
	o.name = name
	if hasType {
		if i, err := strconv.Atoi(typ); err == nil {
			o.index = i
		} else if space, ok := spaceNames[typ]; ok {
			o.space = space
		} else if o.wide = typ == "wide"; !o.wide {
			if o.fixed, ok = typeNames[typ]; !ok {
				panic("ptx: table of instructions: " + s)
			}
		}
	}
	base, count, counted := strings.Cut(name, "*")
	switch {
	case s[0] == '#':
		o.role = roleImm
	case s[0] == '[':
		o.role = roleAddr
	case s[0] == '{' && counted:
		o.n, _ = strconv.Atoi(count)
		o.name = base
		if o.role = roleVecSrc; base == "d" {
			o.role = roleVecDst
		}
	case s[0] == '!':
		o.role = roleGuard
	case s[0] == '&':
		o.role = roleSymbol
	case s[0] == '@':
		o.role = roleLabel
	case name == "d|p":
		o.role = roleDstPred
	case name == "p|q":
		o.role = rolePreds
	case name == "p":
		o.role = rolePred
	case name == "_|p":
		o.role, o.sink = roleDstPred, true
	case name == "d":
		o.role = roleDst
	case name == "_d":
		o.role, o.sink = roleDst, true
	case name == "d…":
		o.role = roleLoad
	case name == "a…":
		o.role = roleStore
	case name == "r":
		o.role = roleReg
	case name == "x":
		o.role = roleMove
	case name == "hint":
		o.role, o.fixed = roleHint, U64
	default:
		o.role = roleSrc
	}
	return o
}
