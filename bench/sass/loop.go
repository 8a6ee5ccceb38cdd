package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// loop is the make-up of a kernel's main loop in machine code: the innermost loop with the most HMMA or, if it has none, FFMA.
type loop struct {
	total      int
	hmma, ffma int
	ldsmHalves int            // an LDSM.x4 is two
	async      map[string]int // LDGSTS by width in bits
	local      int            // LDL and STL
}

// describe is the loop in the table's last column; empty for kernels that do not multiply matrices.
func (l loop) describe() string {
	if l.hmma == 0 && l.ffma < 32 {
		return ""
	}
	unit, n := "HMMA", l.hmma
	if n == 0 {
		unit, n = "FFMA", l.ffma
	}
	s := fmt.Sprintf("%d of %d %s (%.0f %%)", n, l.total, unit, 100*float64(n)/float64(l.total))
	if l.ldsmHalves > 0 {
		s += fmt.Sprintf(", %.2g per LDSM.x4", float64(n)/(float64(l.ldsmHalves)/2))
	}
	for _, width := range []string{"128", "64", "32"} {
		if l.async[width] > 0 {
			s += fmt.Sprintf(", %d LDGSTS.%s", l.async[width], width)
		}
	}
	return s
}

var (
	functionLine = regexp.MustCompile(`^\.text\.(\w+):`)
	labelLine    = regexp.MustCompile(`^(\.L_x_\d+):`)
	codeLine     = regexp.MustCompile(`^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)(.*)`)
	targetText   = regexp.MustCompile("`\\((\\.L_x_\\d+)\\)")
)

// loops disassembles machine code and finds every kernel's main loop.
func (a assembler) loops(cubin string) (map[string]loop, error) {
	out, err := exec.Command(a.nvdisasm, "-c", cubin).Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", a.nvdisasm, cubin, err)
	}
	found := map[string]loop{}
	var name string
	var code []string // of the function so far
	labels := map[string]int{}
	var last int // where the innermost loop found last began
	for _, line := range strings.Split(string(out), "\n") {
		if m := functionLine.FindStringSubmatch(line); m != nil {
			name, code, labels, last = m[1], nil, map[string]int{}, -1
			continue
		}
		if m := labelLine.FindStringSubmatch(line); m != nil {
			labels[m[1]] = len(code)
			continue
		}
		m := codeLine.FindStringSubmatch(line)
		if m == nil || name == "" {
			continue
		}
		code = append(code, m[1])
		if !strings.HasPrefix(m[1], "BRA") {
			continue
		}
		t := targetText.FindStringSubmatch(m[2])
		if t == nil {
			continue
		}
		// A branch back closes a loop; it is innermost if no loop was closed since its first instruction.
		if top, back := labels[t[1]]; back && top > last && top < len(code)-1 {
			last = top
			l := count(code[top:])
			if best := found[name]; l.hmma > best.hmma || l.hmma == best.hmma && l.ffma > best.ffma {
				l.local += best.local
				found[name] = l
			}
		}
	}
	return found, nil
}

func count(code []string) loop {
	l := loop{total: len(code), async: map[string]int{}}
	for _, op := range code {
		parts := strings.Split(op, ".")
		switch parts[0] {
		case "HMMA":
			l.hmma++
		case "FFMA":
			l.ffma++
		case "LDSM":
			l.ldsmHalves += map[string]int{"4": 2, "2": 1}[parts[len(parts)-1]]
		case "LDGSTS":
			width := "32"
			for _, p := range parts {
				if p == "128" || p == "64" {
					width = p
				}
			}
			l.async[width]++
		case "LDL", "STL":
			l.local++
		}
	}
	return l
}
