package tensor

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLazy writes arrays that are made when they are written: the same bytes, and one at a time.
func TestLazy(t *testing.T) {
	dir := t.TempDir()
	x, y := []float32{1, -2, 3.5}, []float32{0.25, 65504}
	made := 0
	lazy := func(v []float32) func() []float32 {
		return func() []float32 { made++; return v }
	}
	for _, write := range []func(string, map[string]string, []Named) error{WriteSafeTensors, WriteSealed} {
		a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		if err := write(a, nil, []Named{F32Tensor("x", x, 3), F16Tensor("y", y, 2, 1)}); err != nil {
			t.Fatal(err)
		}
		if err := write(b, nil, []Named{LazyF16("y", lazy(y), 2, 1), LazyF32("x", lazy(x), 3)}); err != nil {
			t.Fatal(err)
		}
		one, err := os.ReadFile(a)
		if err != nil {
			t.Fatal(err)
		}
		if two, err := os.ReadFile(b); err != nil || !bytes.Equal(one, two) {
			t.Errorf("other bytes, %v", err)
		}
	}
	if made < 4 {
		t.Errorf("made %d times", made)
	}
	path := filepath.Join(dir, "short")
	err := WriteSafeTensors(path, nil, []Named{LazyF32("x", lazy(x), 4)})
	if err == nil || !strings.Contains(err.Error(), "x: 12 bytes for F32 [4], want 16") {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was left that is not whole")
	}
}
