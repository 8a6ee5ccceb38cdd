package format_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onestep/tensor"
	"onestep/tensor/format"
)

// Only the arrays that are asked for are read: damage to others, and files that are no arrays, go unseen.
func TestOpenArrays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npz")
	if err := format.WriteNPZ(path, []tensor.Named{tensor.F64Tensor("mu", []float64{1, 2}, 2), tensor.F32Tensor("arr_0", []float32{1234.5}, 1)}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data := tensor.F32Tensor("", []float32{1234.5}, 1).Data
	if bytes.Count(b, data) != 1 {
		t.Fatal("the array's bytes are not in the file once")
	}
	if err := os.WriteFile(path, bytes.Replace(b, data, []byte{1, 2, 3, 4}, 1), 0o666); err != nil {
		t.Fatal(err)
	}
	f, all, err := format.OpenArrays(path, "mu", "sigma")
	if err != nil {
		t.Fatal(err)
	}
	e, ok := f.Entry("mu")
	if x, err := e.Float64s(); !ok || err != nil || !slices.Equal(x, []float64{1, 2}) || !slices.Equal(f.Names(), []string{"mu"}) || !slices.Equal(all, []string{"mu", "arr_0"}) {
		t.Errorf("mu %v, %v; names %v of %v", x, err, f.Names(), all)
	}
	if _, _, err := format.OpenArrays(path, "arr_0"); err == nil || !strings.Contains(err.Error(), "arr_0.npy: the checksum is wrong") {
		t.Errorf("a damaged array that is asked for: %v", err)
	}
	other := filepath.Join(t.TempDir(), "x.pt")
	if err := os.WriteFile(other, []byte("no archive"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := format.OpenArrays(other, "mu"); err == nil || !strings.Contains(err.Error(), "not NumPy's archive") {
		t.Errorf("another file: %v", err)
	}
}
