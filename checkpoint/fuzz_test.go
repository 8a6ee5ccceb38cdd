package checkpoint_test

import (
	"os"
	"path/filepath"
	"testing"

	"onestep/checkpoint"
	"onestep/internal/golden"
)

// FuzzRead opens anything: it may refuse, but not panic, and what it accepts can be read. Seeds are the golden files, good and bad, up to
// 100 KB.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"good/*", "bad/*"} {
		paths, err := filepath.Glob(filepath.Join(golden.Dir(f), "ckpt", pattern))
		if err != nil || len(paths) == 0 {
			f.Fatal("no seeds", err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			if len(data) <= 100_000 {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := checkpoint.Read("fuzz", data)
		if err != nil {
			return
		}
		for _, name := range file.Order {
			e, ok := file.Entry(name)
			if !ok {
				t.Fatalf("%q is in the order of the file, but not there", name)
			}
			if _, err := e.Float32s(); err == nil && e.DType != "F64" {
				if _, err := e.Float64s(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
		file.Images()
		file.Statistics("mu", "sigma")
	})
}
