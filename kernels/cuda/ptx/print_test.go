package ptx

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestPrint prints modules, and parses what is printed: it is the same but for lines.
func TestPrint(t *testing.T) {
	files, err := filepath.Glob("testdata/*.ptx")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		again(t, name, string(src))
	}
}

// again parses a source, prints it, and parses that.
func again(t *testing.T, name, src string) {
	t.Helper()
	m, err := Parse(name, src)
	if err != nil {
		t.Error(err)
		return
	}
	text := m.String()
	n, err := Parse(name, text)
	if err != nil {
		t.Errorf("%v\n%s", err, text)
		return
	}
	blank(m)
	blank(n)
	if !reflect.DeepEqual(m, n) {
		t.Errorf("%s: printed and parsed, it differs:\n%s", name, text)
	}
}

// blank forgets all lines.
func blank(m *Module) {
	variables := func(lists ...[]*Variable) {
		for _, list := range lists {
			for _, v := range list {
				v.Line = 0
			}
		}
	}
	variables(m.Variables)
	for _, f := range append(m.callees(), m.Functions...) {
		f.Line = 0
		variables(f.Params, f.Returns, f.Variables)
		for i := range f.Body {
			f.Body[i].Line = 0
			if p := f.Body[i].Callee; f.Body[i].Indirect {
				p.Line = 0
				variables(p.Params, p.Returns)
			}
		}
	}
}
