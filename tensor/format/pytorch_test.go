package format_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onestep/tensor/format"
)

// TestPyTorchFiles reads files of testdata/pytorch, which make.py there made by PyTorch, as far as they can be read.
func TestPyTorchFiles(t *testing.T) {
	const w = "w F32 [2 2] [1 -2 3 4.5]"
	for file, want := range map[string][]string{
		"unsigned.pt":         {"u16 U16 [2] [1 65535]", "u32 U32 [1] [4.294967295e+09]", "u64 U64 [3 2] [5 8 6 9 7 1.099511627776e+12]", w},
		"unsigned_legacy.pt":  {"u16 U16 [2] [1 65535]"},
		"protocol3_legacy.pt": {w},
		"protocol4_legacy.pt": {w},
		"bare.pkl":            {w},
		"numpy_scalars.pt":    {w, "b1 = true", "f2 = 2", "f4 = 0.5", "f8 = 0.1", "i1 = -3", "i8 = -3", "u1 = 250", "u2 = 65535", "u8 = 18446744073709551615"},
	} {
		f, err := format.Open(filepath.Join("testdata", "pytorch", file))
		if err != nil {
			t.Error(err)
			continue
		}
		var got, scalars []string
		for _, name := range f.Order {
			e, _ := f.Entry(name)
			x, err := e.Float64s()
			if err != nil {
				t.Error(err)
			}
			got = append(got, fmt.Sprint(name, " ", e.DType, " ", e.Shape, " ", x))
		}
		for name, v := range f.Scalars {
			scalars = append(scalars, fmt.Sprint(name, " = ", v))
		}
		slices.Sort(scalars)
		if got = append(got, scalars...); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
		f.Close()
	}
}

// TestPyTorchFilesRefused: what is not read is refused by its name, and does not hinder what lies beside it.
func TestPyTorchFilesRefused(t *testing.T) {
	for file, says := range map[string]string{
		"float8.pt":      "x: a tensor of type torch.float8_e4m3fn, which is not read (convert --part picks",
		"negative.pt":    "x: a view whose negation was put off (neg), which is not read: save it after resolve_neg()",
		"numpy_array.pt": "a: a call of numpy._core.multiarray._reconstruct, which is no weight and is not run (convert --part picks",
	} {
		path := filepath.Join("testdata", "pytorch", file)
		if _, err := format.Open(path); err == nil || !strings.HasPrefix(err.Error(), path+": "+says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
	for start, says := range map[string]string{
		"\x1f\x8b\x08": "compressed by gzip", "\x89HDF\r\n": "an HDF5 file", "GGUF": "a GGUF file", `{"metadata":{},"weight_map":{}}`: "the index of weights",
		"version https://git-lfs.github.com/spec/v1": "a Git LFS pointer", "<!DOCTYPE html>": "a web page", "abc": "no known format: it starts with the bytes 61 62 63",
	} {
		if _, err := format.Read("x", []byte(start)); err == nil || !strings.HasPrefix(err.Error(), "x: "+says) {
			t.Errorf("%q: %v, want %s", start, err, says)
		}
	}
	if _, err := format.Open("testdata"); err == nil || err.Error() != "testdata: a folder, not a file" {
		t.Error(err)
	}
}
