package format_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onestep/nn/golden"
	"onestep/tensor"
	"onestep/tensor/format"
)

// TestOpenPart picks parts out of nested dictionaries, by key and by the start of names, in files of several formats.
func TestOpenPart(t *testing.T) {
	dir := t.TempDir()
	a, b, c := tensor.F32Tensor("w", []float32{1, 2}, 2), tensor.F32Tensor("w", []float32{3}, 1), tensor.I64Tensor("n", []int64{4})
	nested := filepath.Join(dir, "nested.pt")
	err := format.WriteTorchTree(nested, nil, format.Dict{
		{"net", format.Ordered{{"x.w", a}}}, {"ema", format.Ordered{{"x.w", b}}}, {"steps", format.List{1, c, nil}}, {"ema.too", b}})
	if err != nil {
		t.Fatal(err)
	}
	flat := filepath.Join(dir, "flat.safetensors")
	a.Name, b.Name, c.Name = "net.x.w", "ema.x.w", "steps.1"
	if err := tensor.WriteSafeTensors(flat, nil, []tensor.Named{a, b, c}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{nested, flat} {
		for part, want := range map[string]string{"net": "x.w", "ema": "x.w", "ema.x": "w", "net.x": "w", "steps": "1"} {
			f, err := format.OpenPart(path, part)
			if err != nil {
				t.Error(err)
				continue
			}
			e, ok := f.Entry(want)
			if len(f.Order) != 1 || !ok || part[:3] == "ema" && !bytes.Equal(e.Data, b.Data) || part[:3] == "net" && !bytes.Equal(e.Data, a.Data) {
				t.Errorf("%s of %s: %v", part, path, f.Order)
			}
			f.Close()
		}
		for _, part := range []string{"em", "other", "net.y", "ema.x.w.z"} {
			if f, err := format.OpenPart(path, part); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s of %s: %v, %v", part, path, f, err)
			}
		}
	}
}

// TestPartOfPickle takes the averaged network of EDM's file, and a module within it.
func TestPartOfPickle(t *testing.T) {
	path := filepath.Join(golden.Dir(t), "ckpt", "good", "edm_song.pkl")
	all, err := format.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	if c := all.Metadata[format.ConfigKey]; !strings.Contains(c, `"class":"EDMPrecond"`) || !strings.Contains(c, `"model_type":"SongUNet"`) {
		t.Errorf("config %s", c)
	}
	net, err := format.OpenPart(path, "ema.model.enc")
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	for _, name := range net.Order {
		if _, ok := all.Entry("model.enc." + name); !ok {
			t.Errorf("%s is not in the whole network", name)
		}
	}
	if _, err := format.OpenPart(path, "net"); err == nil {
		t.Error("a part that is not there was read")
	}
}

// TestWriteNPZ writes arrays of every type and rank and reads them back.
func TestWriteNPZ(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npz")
	arrays := []tensor.Named{
		{Name: "scalar", DType: "F64", Data: make([]byte, 8)},
		{Name: "a.b", DType: "U8", Shape: []int{3}, Data: []byte{1, 2, 3}},
		{Name: "half", DType: "F16", Shape: []int{2, 1, 2}, Data: make([]byte, 8)},
		{Name: "none", DType: "I64", Shape: []int{0, 5}},
		{Name: "yes", DType: "BOOL", Shape: []int{1}, Data: []byte{1}},
	}
	if err := format.WriteNPZ(path, arrays); err != nil {
		t.Fatal(err)
	}
	f, err := format.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Format != "npz" || len(f.Order) != len(arrays) {
		t.Errorf("%s of %v", f.Format, f.Order)
	}
	for _, a := range arrays {
		e, ok := f.Entry(a.Name)
		if !ok || e.DType != a.DType || !slices.Equal(e.Shape, a.Shape) || !bytes.Equal(e.Data, a.Data) {
			t.Errorf("%s came back as %s %v", a.Name, e.DType, e.Shape)
		}
	}
	for _, bad := range []tensor.Named{{Name: "../x", DType: "U8"}, {Name: "x", DType: "BF16"}, {DType: "U8"}} {
		if err := format.WriteNPZ(path, []tensor.Named{bad}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
