package ptx

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse holds the parser to end with a module or an *Error with a line, whatever it reads, and to print what it reads back.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.ptx")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
	}
	f.Fuzz(func(t *testing.T, src string) {
		m, err := Parse("fuzz.ptx", src)
		var fault *Error
		switch {
		case err == nil:
			if _, err := Parse("printed.ptx", m.String()); err != nil {
				t.Errorf("what was parsed is printed wrong: %v\n%s", err, m)
			}
		case !errors.As(err, &fault) || fault.Line < 1 || m != nil:
			t.Errorf("%v, %v", m, err)
		}
	})
}
