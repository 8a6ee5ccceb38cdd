package asm

import (
	"regexp"
	"slices"
	"strings"
)

var register = regexp.MustCompile(`%[a-z]+\d+`)

// effects are what instructions begin with that do more than write registers.
var effects = regexp.MustCompile(`^(st|cp|bar|bra|ret|red|atom|membar|fence)\b`)

// live is a kernel's lines without those that only write registers on which nothing depends: parameters that a variant does not use, and what
// is worked out for a part that it does not have.
func live(body []string) []string {
	reads, writers := make([][]string, len(body)), map[string][]int{}
	needed := make([]bool, len(body))
	var todo []int
	need := func(i int) {
		if !needed[i] {
			needed[i] = true
			todo = append(todo, i)
		}
	}
	for i, line := range body {
		to, from := registersOf(line)
		reads[i] = from
		for _, r := range to {
			writers[r] = append(writers[r], i)
		}
		if len(to) == 0 {
			need(i)
		}
	}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, r := range reads[i] {
			for _, w := range writers[r] {
				need(w)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(body), func(string) bool {
		is := needed[0]
		needed = needed[1:]
		return !is
	})
}

// registersOf is what a line writes, if that is all it does, and what it reads.
func registersOf(line string) (to, from []string) {
	text := strings.TrimSpace(line)
	if strings.HasPrefix(text, "@") {
		guard, rest, _ := strings.Cut(text, " ")
		from, text = register.FindAllString(guard, -1), rest
	}
	if strings.HasPrefix(text, "//") {
		return nil, nil
	}
	if effects.MatchString(text) || strings.HasSuffix(text, ":") {
		return nil, append(from, register.FindAllString(text, -1)...)
	}
	_, operands, _ := strings.Cut(text, " ")
	end := strings.IndexAny(operands, ",;")
	if strings.HasPrefix(operands, "{") {
		end = strings.IndexByte(operands, '}')
	}
	return register.FindAllString(operands[:end], -1), append(from, register.FindAllString(operands[end:], -1)...)
}
