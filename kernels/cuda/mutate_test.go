package cuda

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"onestep/kernels/cuda/ptx"
)

// mutant is one changed instruction of a shipped kernel.
type mutant struct {
	family, entry string
	line          int // of the entry's text, from 1
	nth           int // of the entry's instructions that are written alike, from 1
	kind          string
	before, after string // the instruction; nothing where it is dropped
}

// key names a mutant though lines are added elsewhere.
func (m mutant) key() string {
	return strings.Join([]string{m.family, m.entry, m.kind, m.before, strconv.Itoa(m.nth), m.after}, "\t")
}

func (m mutant) String() string {
	after := m.after
	if after == "" {
		after = "nothing"
	}
	return fmt.Sprintf("%s:%d: %s: %s → %s", m.entry, m.line, m.kind, m.before, after)
}

// instruction is a line of a kernel in parts.
type instruction struct {
	line     int
	text     string // without the tab
	guard    string // "@!%p3 ", or nothing
	opcode   string
	operands []string
}

func (in instruction) with(operands ...string) string {
	return in.guard + in.opcode + " " + strings.Join(operands, ", ") + ";"
}

// replaced is the instruction with another operand.
func (in instruction) replaced(i int, operand string) string {
	to := slices.Clone(in.operands)
	to[i] = operand
	return in.with(to...)
}

// sources is the number of the first operand that is read.
func (in instruction) sources() int {
	if in.is("st", "cp", "bar", "bra") {
		return 0
	}
	return 1
}

// is says whether the opcode starts with one of the words.
func (in instruction) is(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return in.opcode == w || strings.HasPrefix(in.opcode, w+".") })
}

// kernelText is one entry's text, which has one instruction in a line, and its instructions.
type kernelText struct {
	entry, text string
	code        []instruction
}

func readKernel(k *Kernel) kernelText {
	read := kernelText{entry: k.Name, text: k.PTX().Text}
	for i, line := range strings.Split(read.text, "\n") {
		if in, is := readInstruction(line); is {
			in.line = i + 1
			read.code = append(read.code, in)
		}
	}
	return read
}

func readInstruction(line string) (in instruction, is bool) {
	text, is := strings.CutPrefix(line, "\t")
	if !is || text == "" || text[0] == '.' || !strings.HasSuffix(text, ";") {
		return in, false
	}
	in.text = text
	rest := strings.TrimSuffix(text, ";")
	if rest[0] == '@' {
		at := strings.IndexByte(rest, ' ') + 1
		in.guard, rest = rest[:at], rest[at:]
	}
	var list string
	in.opcode, list, _ = strings.Cut(rest, " ")
	for depth, from, i := 0, 0, 0; i <= len(list) && list != ""; i++ {
		switch {
		case i == len(list) || list[i] == ',' && depth == 0:
			in.operands = append(in.operands, strings.TrimSpace(list[from:i]))
			from = i + 1
		case list[i] == '{':
			depth++
		case list[i] == '}':
			depth--
		}
	}
	return in, true
}

// mutations are the kinds of change: to what an instruction may change, given those before it.
var mutations = []struct {
	kind   string
	change func(in instruction, before []instruction) []string
}{
	{"operands swapped", swapOperands},
	{"register replaced", replaceRegister},
	{"barrier or wait dropped", func(in instruction, _ []instruction) []string {
		return choice(in.is("bar", "membar", "fence", "cp.async.commit_group", "cp.async.wait_group", "cp.async.wait_all"), "")
	}},
	{"wait shortened", func(in instruction, _ []instruction) []string {
		if !in.is("cp.async.wait_group") {
			return nil
		}
		return []string{in.with(plus(in.operands[0], 1))}
	}},
	{"store or copy dropped", func(in instruction, _ []instruction) []string {
		return choice(in.is("st", "cp.async.cg", "cp.async.ca"), "")
	}},
	{"predicate negated", func(in instruction, _ []instruction) []string {
		if in.guard == "" {
			return nil
		}
		negated := "@!" + in.guard[1:]
		if in.guard[1] == '!' {
			negated = "@" + in.guard[2:]
		}
		return []string{negated + strings.TrimPrefix(in.text, in.guard)}
	}},
	{"comparison changed", func(in instruction, _ []instruction) []string {
		return exchange(in, "setp", map[string]string{"lt": "le", "le": "lt", "gt": "ge", "ge": "gt", "eq": "ne", "ne": "eq", "neu": "equ"})
	}},
	{"operation changed", func(in instruction, _ []instruction) []string {
		return exchange(in, "", map[string]string{
			"add": "sub", "sub": "add", "min": "max", "max": "min", "and": "or", "or": "and", "xor": "or", "shl": "shr", "shr": "shl", "mul": "add",
			"ex2": "lg2", "lg2": "ex2", "sqrt": "rcp", "rcp": "sqrt", "neg": "abs", "abs": "neg", "div": "mul",
		})
	}},
	{"offset changed", changeOffset},
	{"constant changed", changeConstant},
}

func choice(is bool, text string) []string {
	if is {
		return []string{text}
	}
	return nil
}

func plus(number string, n int) string {
	x, err := strconv.Atoi(number)
	if err != nil {
		panic(err)
	}
	return strconv.Itoa(x + n)
}

// exchange changes one word of an opcode: that after a first word or, if there is none, the first.
func exchange(in instruction, first string, words map[string]string) []string {
	if first != "" && !in.is(first) {
		return nil
	}
	head := strings.TrimPrefix(in.opcode, first+".")
	word, tail, _ := strings.Cut(head, ".")
	to, is := words[word]
	if !is {
		return nil
	}
	out := in
	out.opcode = strings.TrimSuffix(in.opcode, head) + strings.TrimSuffix(to+"."+tail, ".")
	return []string{out.with(in.operands...)}
}

// swapOperands exchanges neighbours among the sources of what does not commute, and among the registers of a vector or fragment.
func swapOperands(in instruction, _ []instruction) (to []string) {
	for i, o := range in.operands {
		if i > 0 && i+1 < len(in.operands) && (i > 1 && in.is("fma", "mad") || in.is("sub", "div", "rem", "shl", "shr", "selp", "setp") && !in.is("setp.eq", "setp.ne")) {
			swapped := slices.Clone(in.operands)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			to = append(to, in.with(swapped...))
		}
		list, is := strings.CutPrefix(o, "{")
		if !is {
			continue
		}
		each := strings.Split(strings.TrimSuffix(list, "}"), ", ")
		for j := range len(each) - 1 {
			swapped := slices.Clone(each)
			swapped[j], swapped[j+1] = each[j+1], each[j]
			to = append(to, in.replaced(i, "{"+strings.Join(swapped, ", ")+"}"))
		}
	}
	return to
}

var anyRegister = regexp.MustCompile(`%([a-z]+)\d+`)

// replaceRegister reads another register of the same kind, of the ten instructions before.
func replaceRegister(in instruction, before []instruction) (to []string) {
	near := map[string][]string{}
	for _, b := range before[max(0, len(before)-10):] {
		for _, m := range anyRegister.FindAllStringSubmatch(b.text, -1) {
			if !slices.Contains(near[m[1]], m[0]) {
				near[m[1]] = append(near[m[1]], m[0])
			}
		}
	}
	for i := in.sources(); i < len(in.operands); i++ {
		for _, at := range anyRegister.FindAllStringSubmatchIndex(in.operands[i], -1) {
			o := in.operands[i]
			for _, r := range near[o[at[2]:at[3]]] {
				to = append(to, in.replaced(i, o[:at[0]]+r+o[at[1]:]))
			}
		}
	}
	return to
}

var (
	offset   = regexp.MustCompile(`\+(-?\d+)\]$`)
	typeBits = regexp.MustCompile(`\.[a-z](\d+)$`)
	vector   = regexp.MustCompile(`\.v([24])\.`)
)

// changeOffset moves an access by its width.
func changeOffset(in instruction, _ []instruction) (to []string) {
	width := 16 // of copies and matrices
	if !in.is("cp", "ldmatrix") {
		if m := typeBits.FindStringSubmatch(in.opcode); m != nil {
			bits, _ := strconv.Atoi(m[1])
			width = bits / 8
		}
		if m := vector.FindStringSubmatch(in.opcode); m != nil {
			lanes, _ := strconv.Atoi(m[1])
			width *= lanes
		}
	}
	for i, o := range in.operands {
		if m := offset.FindStringSubmatch(o); m != nil {
			for _, by := range []int{-width, width} {
				to = append(to, in.replaced(i, strings.TrimSuffix(o, m[0])+"+"+plus(m[1], by)+"]"))
			}
		}
	}
	return to
}

var (
	integer = regexp.MustCompile(`^-?\d+$`)
	float   = regexp.MustCompile(`^0([fd])([0-9A-Fa-f]+)$`)
)

// changeConstant adds or takes away 1, or makes a floating-point number half as large again, about, and 0 a 1.
func changeConstant(in instruction, _ []instruction) (to []string) {
	if in.is("bar", "cp.async.wait_group") {
		return nil // another barrier is as good
	}
	for i, o := range in.operands {
		switch {
		case integer.MatchString(o):
			to = append(to, in.replaced(i, plus(o, 1)), in.replaced(i, plus(o, -1)))
		case float.MatchString(o):
			m := float.FindStringSubmatch(o)
			bits, top := 32, uint64(1)<<22
			if m[1] == "d" {
				bits, top = 64, 1<<51
			}
			x, err := strconv.ParseUint(m[2], 16, bits)
			if err != nil {
				panic(err)
			}
			if x == 0 {
				top = map[int]uint64{32: 0x3F800000, 64: 0x3FF0000000000000}[bits]
			}
			to = append(to, in.replaced(i, fmt.Sprintf("0%s%0*X", m[1], bits/4, x^top)))
		}
	}
	return to
}

// mutantMaker draws mutants of all kernels.
type mutantMaker struct {
	seed     uint64
	families []string
	kernels  map[string][]kernelText // by family
	taken    map[string]bool
}

func newMutantMaker(seed uint64) *mutantMaker {
	g := &mutantMaker{seed: seed, kernels: map[string][]kernelText{}, taken: map[string]bool{}}
	for _, f := range families {
		g.families = append(g.families, f.name)
		for _, k := range f.kernels() {
			g.kernels[f.name] = append(g.kernels[f.name], readKernel(k))
		}
	}
	return g
}

// draw makes the i-th mutant, which is none of those before: for even i of each family in turn, for odd i of any kernel.
func (g *mutantMaker) draw(i int) mutant {
	r := rand.New(rand.NewPCG(g.seed, uint64(i)))
	for {
		family := g.families[i/2%len(g.families)]
		k := g.kernels[family][r.IntN(len(g.kernels[family]))]
		if i%2 == 1 {
			family, k = g.anyKernel(r)
		}
		if m, is := g.mutate(r, family, k); is && !g.taken[m.key()] && parses(m, k.text) {
			g.taken[m.key()] = true
			return m
		}
	}
}

func (g *mutantMaker) anyKernel(r *rand.Rand) (string, kernelText) {
	count := 0
	for _, f := range g.families {
		count += len(g.kernels[f])
	}
	n := r.IntN(count)
	for _, f := range g.families {
		if n < len(g.kernels[f]) {
			return f, g.kernels[f][n]
		}
		n -= len(g.kernels[f])
	}
	panic("there are fewer kernels than were counted")
}

// mutate changes a kernel in a way of which all kinds are equally likely, if the one that is drawn fits any of its instructions.
func (g *mutantMaker) mutate(r *rand.Rand, family string, k kernelText) (m mutant, is bool) {
	kind := mutations[r.IntN(len(mutations))]
	order := r.Perm(len(k.code))
	for _, at := range order {
		in := k.code[at]
		to := slices.DeleteFunc(kind.change(in, k.code[:at]), func(s string) bool { return s == in.text })
		if len(to) == 0 {
			continue
		}
		m = mutant{family: family, entry: k.entry, line: in.line, kind: kind.kind, before: in.text, after: to[r.IntN(len(to))]}
		for _, other := range k.code[:at+1] {
			if other.text == in.text {
				m.nth++
			}
		}
		return m, true
	}
	return m, false
}

// parses says whether a mutant is a kernel at all.
func parses(m mutant, text string) bool {
	_, err := ptx.Parse(m.entry+".ptx", m.plant(text))
	return err == nil
}

// plant is a text with the mutant in place of what was.
func (m mutant) plant(text string) string {
	lines := strings.Split(text, "\n")
	lines[m.line-1] = "\t" + m.after
	return strings.Join(lines, "\n")
}
