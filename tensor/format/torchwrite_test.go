package format_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onestep/nn/golden"
	"onestep/tensor"
	"onestep/tensor/format"
)

// TestWriteTorch writes the tensors of every good file as a state dict and reads it back: the same names in the same order, and the same bytes.
func TestWriteTorch(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(golden.Dir(t), "ckpt", "good", "*.pt"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, path := range paths {
		in, err := format.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		var arrays []tensor.Named
		for _, name := range in.Order {
			e, _ := in.Entry(name)
			arrays = append(arrays, tensor.Named{Name: name, DType: e.DType, Shape: e.Shape, Data: e.Data})
		}
		out := filepath.Join(t.TempDir(), "out.pt")
		if err := format.WriteTorch(out, map[string]string{"config": "{}"}, arrays); err != nil {
			t.Fatal(err)
		}
		back, err := format.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		defer back.Close()
		if back.Metadata["config"] != "{}" {
			t.Errorf("%s: metadata %v", path, back.Metadata)
		}
		if !slices.Equal(back.Order, in.Order) {
			t.Errorf("%s: order %v, want %v", path, back.Order, in.Order)
		}
		for _, a := range arrays {
			e, ok := back.Entry(a.Name)
			if !ok || e.DType != a.DType || !slices.Equal(e.Shape, a.Shape) || !bytes.Equal(e.Data, a.Data) {
				t.Errorf("%s: %s came back as %s %v", path, a.Name, e.DType, e.Shape)
			}
		}
	}
}

// TestWriteLazily: arrays that are made when they are written give the files of those that are there, and a wrong size leaves none.
func TestWriteLazily(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6}
	plain := tensor.F32Tensor("x", x, 2, 3)
	lazy := tensor.LazyF32("x", func() []float32 { return x }, 2, 3)
	short := tensor.LazyF32("x", func() []float32 { return x[:5] }, 2, 3)
	for name, write := range map[string]func(string, []tensor.Named) error{
		"x.pt":  func(path string, list []tensor.Named) error { return format.WriteTorch(path, nil, list) },
		"x.npz": format.WriteNPZ,
	} {
		var files [][]byte
		for _, a := range []tensor.Named{plain, lazy} {
			path := filepath.Join(t.TempDir(), name)
			if err := write(path, []tensor.Named{a}); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, b)
		}
		if !bytes.Equal(files[0], files[1]) {
			t.Errorf("%s: %d bytes, made when written %d others", name, len(files[0]), len(files[1]))
		}
		path := filepath.Join(t.TempDir(), name)
		if err := write(path, []tensor.Named{short}); err == nil || !strings.Contains(err.Error(), "x: 20 bytes for F32 [2 3], want 24") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a file is left", name)
		}
	}
}

// TestWriteTorchRefuses names the file and the tensor, and leaves what was there.
func TestWriteTorchRefuses(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.pt")
	for says, list := range map[string][]tensor.Named{
		"x: PyTorch has no tensors of U32": {{Name: "x", DType: "U32"}},
		"x: name is given twice":           {{Name: "x", DType: "U8", Shape: []int{0}}, {Name: "x", DType: "U8", Shape: []int{0}}},
		`"\xff": not valid UTF-8`:          {{Name: "\xff", DType: "U8", Shape: []int{0}}},
	} {
		if err := format.WriteTorch(out, nil, list); err == nil || err.Error() != out+": "+says {
			t.Errorf("%v, want %s", err, says)
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(out), "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
