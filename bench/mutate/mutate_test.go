package main

import (
	"bytes"
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// changed are the changes that [TestChanges] wants of its file.
const changed = `
6: comparison negated: < → >=
6: boundary moved: < → <=
6: number changed: 0 → (0 + 1)
6: number changed: 0 → (0 - 1)
7: result zeroed: fmt.Errorf("%d", 1) → *new(error)
9: boolean changed: false → true
10: statement left out: close(nil)
10: check left out: err != nil → false && err != nil
10: comparison negated: != → ==
12: operator swapped: && → ||
12: operator left out: !
12: branch left out: continue → {}
14: operator swapped: += → -=
14: statement left out: n += 2
14: number changed: 2 → (2 + 1)
14: number changed: 2 → (2 - 1)
15: assignment left out: err → _
17: result zeroed: n*n → *new(int)
17: operator swapped: * → /
20: result changed: f != nil → !(f != nil)
20: comparison negated: != → ==
`

func TestChanges(t *testing.T) {
	const text = `package p

const a = 1 + 2

func f(n int, ok bool) (int, error) {
	if n < 0 {
		return 0, fmt.Errorf("%d", 1)
	}
	err, ok := error(nil), false
	if close(nil); err != nil {
		for range make([]int, n, n+1) {
			if ok && !ok { continue }
		}
		n += 2
		err = nil
	}
	return n*n, nil
}

var g = func() bool { return f != nil }

func (x X) String() string { return "" + "!" }
`
	src := &source{name: "p.go", text: text}
	changes, err := changesOf(src)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for i, c := range changes {
		c.id = i
		got = append(got, strings.TrimPrefix(c.String(), "p.go:"))
	}
	want = strings.Split(strings.Trim(changed, "\n"), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("changes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	all, spans := planted(src, changes)
	if _, err := format.Source([]byte(all)); err != nil {
		t.Errorf("%v in\n%s", err, all)
	}
	lines := strings.Split(all, "\n")
	for _, s := range spans {
		if copied := strings.Join(lines[s.first-1:s.last], "\n"); strings.Count(copied, "mutateIs(") != 1 || !strings.Contains(copied, s.change.after) {
			t.Errorf("%s in lines %d to %d:\n%s", s.change, s.first, s.last, copied)
		}
	}
}

// TestMutate tries all changes to a module of its own: those that its test should notice are noticed, an endless loop and a crash among them, those
// that it cannot are not, and nothing is written to the module.
func TestMutate(t *testing.T) {
	if testing.Short() {
		t.Skip("part of the longer tests")
	}
	files := map[string]string{
		"go.mod": "module m\n\ngo 1.26\n",
		"p.go": `package m

func Half(n int) (half int, odd bool) {
	for ; n > 1; half++ {
		n -= 2 // without it, there is no end
	}
	return half, n == 1
}

func unseen(n int) int {
	return n % 3
}
`,
		"p_test.go": `package m

import "testing"

func TestHalf(t *testing.T) {
	if half, odd := Half(8); half != 4 || odd {
		t.Error(half, odd)
	}
}
`,
	}
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var out bytes.Buffer
	if err := run(options{packages: []string{"."}, want: 0.5, grace: 2 * time.Second}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"19 places in 1 packages, 19 drawn by seed 0", "12 of 19 noticed, 63.2 %; 0 excused",
		"SURVIVED  p.go:11: number changed: 3 → (3 + 1)", "SURVIVED  p.go:11: number changed: 3 → (3 - 1)", "SURVIVED  p.go:11: operator swapped: % → *",
		"SURVIVED  p.go:11: result zeroed: n % 3 → *new(int)",
		"SURVIVED  p.go:4: boundary moved: > → >=", // 8, which is tested, is even
		"SURVIVED  p.go:4: number changed: 1 → (1 - 1)", "SURVIVED  p.go:7: number changed: 1 → (1 + 1)",
		"noticed   p.go:4: number changed: 1 → (1 + 1): by m.TestHalf",
		"noticed   p.go:5: number changed: 2 → (2 - 1): by m.TestHalf",
		"noticed   p.go:7: result changed: n == 1 → !(n == 1): by m.TestHalf",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no line %q", want)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
	if left, err := os.ReadDir("."); err != nil || len(left) != len(files) {
		t.Errorf("the module has %v, %v", left, err)
	}
}

// TestEquivalent sees that what is excused is there: a line of code as the list has it, with the passage in it.
func TestEquivalent(t *testing.T) {
	excuses, err := readExcuses(equivalent)
	if err != nil {
		t.Fatal(err)
	}
	for key := range excuses {
		parts := strings.Split(key, "\t")
		changes, err := os.ReadFile(filepath.Join("../..", parts[0]))
		if err != nil {
			t.Error(err)
			continue
		}
		list, err := changesOf(&source{name: parts[0], text: string(changes)})
		if err != nil {
			t.Error(err)
		}
		if !slices.ContainsFunc(list, func(c *change) bool { return c.key() == key }) {
			t.Errorf("equivalent.tsv: %q: no such change", key)
		}
	}
}
