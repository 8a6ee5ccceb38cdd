package ptx

import (
	"slices"
	"strings"
)

// spelling is an opcode with its modifiers, as an instruction of the file has it, and the forms that allow it.
type spelling struct {
	mods   []string
	types  []Type
	space  Space
	vector int
	hint   bool
	forms  []*form
}

// spell finds the forms that an opcode with modifiers may be.
func (p *parser) spell(line int, op string, mods []string) *spelling {
	forms := p.table.forms[op]
	if len(forms) == 0 {
		if why, known := refused[op]; known {
			p.fail(line, "%s is not supported: %s", op, why)
		}
		p.fail(line, "unknown instruction %s", op)
	}
	s := &spelling{mods: mods, vector: 1}
	furthest, expected := -1, []string{}
	var lacking *need
	for _, f := range forms {
		at, want, lack, ok := f.match(mods, p)
		switch {
		case ok && lack == nil:
			s.forms = append(s.forms, f)
		case ok:
			lacking = lack
		case at > furthest:
			furthest, expected = at, want
		case at == furthest:
			expected = append(expected, want...)
		}
	}
	if len(s.forms) == 0 {
		p.failSpelling(line, op, mods, furthest, expected, lacking)
	}
	for _, m := range mods {
		if t, ok := typeNames[m]; ok {
			s.types = append(s.types, t)
		}
		if space, ok := spaceNames[m]; ok && s.space == Generic {
			s.space = space
		}
		switch m {
		case "v2", "v4":
			s.vector = int(m[1] - '0')
		case "L2::cache_hint":
			s.hint = true
		}
	}
	return s
}

// failSpelling says which modifier is wrong, and what would be right there.
func (p *parser) failSpelling(line int, op string, mods []string, at int, expected []string, lacking *need) {
	written := strings.Join(append([]string{op}, mods...), ".")
	if lacking != nil {
		p.fail(line, "%s needs .target sm_%d and .version %v or later; this file has %s and %v", written, lacking.target, lacking.isa,
			p.module.Target, p.module.Version)
	}
	for _, r := range refusedForms {
		if strings.HasPrefix(written, r.start) && (r.word == "" || slices.Contains(mods, r.word)) {
			p.fail(line, "%s is not supported: %s", written, r.why)
		}
	}
	slices.Sort(expected)
	expected = slices.Compact(expected)
	right := ""
	for i, w := range expected {
		if i == 24 {
			right += ", …"
			break
		}
		if i > 0 {
			right += ", "
		}
		if w == "" {
			right += "no modifier"
		} else {
			right += "." + w
		}
	}
	so := strings.Join(append([]string{op}, mods[:min(max(at, 0), len(mods))]...), ".")
	switch {
	case at >= len(mods):
		p.fail(line, "%s is not complete; after it may stand %s", written, right)
	case !p.table.words[mods[at]] && !p.table.words[strings.ToLower(mods[at])]:
		p.fail(line, "%s: unknown modifier .%s; after %s may stand %s", written, mods[at], so, right)
	}
	p.fail(line, "%s: .%s is not allowed after %s, where may stand %s", written, mods[at], so, right)
}

// match says whether modifiers are a form's, and if not, how far they are and what would go on. Optional parts are taken greedily, with a way
// back, since the same word may follow.
func (f *form) match(mods []string, p *parser) (at int, want []string, lack *need, ok bool) {
	if f.need.lacks(p) {
		lack = &f.need
	}
	m := matcher{f: f, mods: mods, p: p}
	ok = m.from(0, 0)
	if m.lack != nil {
		lack = m.lack
	}
	return m.at, m.want, lack, ok
}

func (n need) lacks(p *parser) bool { return p.target < n.target || p.module.Version.Before(n.isa) }

type matcher struct {
	f    *form
	mods []string
	p    *parser
	at   int      // the furthest modifier reached
	want []string // what could stand there
	lack *need
}

// from matches the modifiers from i with the parts from k.
func (m *matcher) from(k, i int) bool {
	if i > m.at {
		m.at, m.want = i, nil
	}
	if k == len(m.f.parts) {
		if i < len(m.mods) && i == m.at {
			m.want = append(m.want, "")
		}
		return i == len(m.mods)
	}
	part := &m.f.parts[k]
	for w := range part.words {
		word := &part.words[w]
		if i == m.at && !word.need.lacks(m.p) && !m.f.need.lacks(m.p) {
			m.want = append(m.want, word.text)
		}
		if i < len(m.mods) && m.mods[i] == word.text {
			before := m.lack
			if word.need.lacks(m.p) {
				m.lack = &word.need
			}
			if m.from(k+1, i+1) {
				return true
			}
			m.lack = before
		}
	}
	return part.optional && m.from(k+1, i)
}
