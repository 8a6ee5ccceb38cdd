package checkpoint_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"

	"onestep/checkpoint"
	"onestep/internal/golden"
	"onestep/tensor"
)

// TestWriteTorch writes the tensors of every good file as a state dict and reads it back: the same names in the same order, and the same bytes.
func TestWriteTorch(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(golden.Dir(t), "ckpt", "good", "*.pt"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, path := range paths {
		in, err := checkpoint.Open(path)
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
		if err := checkpoint.WriteTorch(out, map[string]string{"config": "{}"}, arrays); err != nil {
			t.Fatal(err)
		}
		back, err := checkpoint.Open(out)
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

// TestWriteTorchRefuses names the file and the tensor, and leaves what was there.
func TestWriteTorchRefuses(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.pt")
	for says, list := range map[string][]tensor.Named{
		"x: PyTorch has no tensors of U32": {{Name: "x", DType: "U32"}},
		"x: name is given twice":           {{Name: "x", DType: "U8", Shape: []int{0}}, {Name: "x", DType: "U8", Shape: []int{0}}},
		`"\xff": not valid UTF-8`:          {{Name: "\xff", DType: "U8", Shape: []int{0}}},
	} {
		if err := checkpoint.WriteTorch(out, nil, list); err == nil || err.Error() != out+": "+says {
			t.Errorf("%v, want %s", err, says)
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(out), "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
