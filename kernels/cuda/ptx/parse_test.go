package ptx

import (
	"os"
	"path/filepath"
	"testing"
)

// TestParseFiles parses whole files, and holds what they declare to what they say.
func TestParseFiles(t *testing.T) {
	for name, want := range map[string]struct{ body, registers, params, shared int }{
		"saxpy.ptx": {20, 2 + 6 + 5 + 8, 28, 0}, "softmax.ptx": {110, 8 + 42 + 46 + 35, 24, 0}, "transpose.ptx": {103, 15 + 34 + 9 + 31, 24, 4224},
	} {
		src, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(name, string(src))
		if err != nil {
			t.Error(err)
			continue
		}
		f := m.Functions[0]
		shared := 0
		for _, v := range f.Variables {
			shared += v.Size
		}
		if len(f.Body) != want.body || len(f.Registers) != want.registers || f.ParamSize != want.params || shared != want.shared {
			t.Errorf("%s: %d instructions, %d registers, %d bytes of parameters, %d of shared memory; want %v", name, len(f.Body), len(f.Registers),
				f.ParamSize, shared, want)
		}
	}
}
