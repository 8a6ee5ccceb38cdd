package format_test

import (
	"fmt"
	"math"
	"math/big"
	"path/filepath"
	"strings"
	"testing"

	"onestep/tensor"
	"onestep/tensor/format"
)

// TestWriteTorchTree writes values of every kind and reads the same.
func TestWriteTorchTree(t *testing.T) {
	long := strings.Repeat("é", 200)
	scalars := map[string]any{
		"none": nil, "yes": true, "no": false, "half": 0.5, "tiny": math.SmallestNonzeroFloat64, "text": "a b", "empty": "", "long": long,
	}
	var pairs format.Dict
	for key, v := range scalars {
		pairs = append(pairs, format.Pair{Key: key, Value: v})
	}
	ints := []int{0, 1, 255, 256, 65535, 65536, -1, -256, math.MaxInt32, math.MaxInt32 + 1, math.MinInt32, math.MinInt32 - 1, math.MaxInt64, math.MinInt64}
	var list format.List
	for _, n := range ints {
		list = append(list, n)
	}
	x := tensor.F32Tensor("", []float32{1, 2}, 2)
	path := filepath.Join(t.TempDir(), "x.pt")
	err := format.WriteTorchTree(path, map[string]string{"k": "v"}, format.Ordered{
		{Key: "d", Value: pairs}, {Key: "ints", Value: list}, {Key: 7, Value: format.Tuple{x, format.List{}, format.Tuple{}, format.Tuple{true}}}, {Key: "y", Value: x},
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := format.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i, n := range ints {
		if got := f.Scalars[fmt.Sprint("ints.", i)]; got != int64(n) {
			t.Errorf("%d came back as %v", n, got)
		}
	}
	for key, want := range scalars {
		if got, ok := f.Scalars["d."+key]; !ok || got != want {
			t.Errorf("%s came back as %v, want %v", key, got, want)
		}
	}
	if f.Scalars["7.3.0"] != true || len(f.Scalars) != len(scalars)+len(ints)+1 || f.Metadata["k"] != "v" || strings.Join(f.Order, " ") != "7.0 y" {
		t.Errorf("%v of %v, metadata %v", f.Scalars, f.Order, f.Metadata)
	}
	for says, v := range map[string]any{
		`"\xff": not valid UTF-8`: format.List{"\xff"}, "a: name is given twice": format.Dict{{Key: "a", Value: 1}, {Key: "a", Value: 2}},
		"x: PyTorch has no tensors of U64": format.Dict{{Key: "a", Value: format.Tuple{tensor.Named{Name: "x", DType: "U64"}}}},
	} {
		if err := format.WriteTorchTree(path, nil, v); err == nil || err.Error() != path+": "+says {
			t.Errorf("%v, want %s", err, says)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a value of no kind is written")
		}
	}()
	format.WriteTorchTree(path, nil, big.NewInt(1))
}
