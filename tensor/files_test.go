package tensor_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onestep/tensor"
)

// TestDescriptors: files that were read, written, or refused are closed: the process has as many open as before.
func TestDescriptors(t *testing.T) {
	const folder = "/proc/self/fd"
	count := func() int {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Skip("this system does not list what is open: ", err)
		}
		return len(entries)
	}
	dir := t.TempDir()
	good, bad, sealed := filepath.Join(dir, "good"), filepath.Join(dir, "bad"), filepath.Join(dir, "sealed")
	x := []tensor.Named{tensor.F32Tensor("x", []float32{1}, 1)}
	round := func() {
		t.Helper()
		if err := errors.Join(tensor.WriteSafeTensors(good, nil, x), tensor.WriteSealed(sealed, nil, x), os.WriteFile(bad, []byte("no tensors at all"), 0o600)); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{good, sealed} {
			f, err := tensor.OpenSafeTensors(path)
			if err == nil {
				err = f.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		f, err := tensor.OpenSealed(sealed)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{bad, good} {
			if _, err := tensor.OpenSealed(path); err == nil {
				t.Fatal("it is sealed")
			}
		}
		if _, err := tensor.OpenSafeTensors(bad); err == nil {
			t.Fatal("it is read")
		}
		broken := errors.New("broken")
		if err := tensor.AtomicWrite(good, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	round()
	before := count()
	for range 20 {
		round()
	}
	if after := count(); after > before+5 {
		t.Errorf("%d files are open, %d were before", after, before)
	}
}

// TestEntrySizes: an array whose bytes are not those of its shape is no array.
func TestEntrySizes(t *testing.T) {
	for _, n := range []int{7, 9, 4, 12, 0} {
		e := tensor.Entry{DType: "F32", Shape: []int{2}, Data: make([]byte, n)}
		if _, err := e.Float32s(); err == nil || !strings.Contains(err.Error(), "bytes for F32 [2]") {
			t.Errorf("%d bytes: %v", n, err)
		}
		e.DType = "I32"
		if _, err := e.Int64s(); err == nil || !strings.Contains(err.Error(), "bytes for I32 [2]") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestRank: an array has 64 dimensions at most.
func TestRank(t *testing.T) {
	for rank, ok := range map[int]bool{0: true, 64: true, 65: false} {
		shape := strings.TrimPrefix(strings.Repeat(",1", rank), ",")
		header := `{"x":{"dtype":"U8","shape":[` + shape + `],"data_offsets":[0,1]}}`
		data := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+"a"...)
		if _, err := tensor.ReadSafeTensors("f", data); ok != (err == nil) {
			t.Errorf("%d dimensions: %v", rank, err)
		}
	}
}

// TestInfinities: those of float64 are float32's, and large numbers are neither.
func TestInfinities(t *testing.T) {
	for _, v := range []float64{math.Inf(1), math.Inf(-1), 1e300, -1e300} {
		b, err := tensor.F64Tensor("x", []float64{v}, 1).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		x, err := tensor.Entry{DType: "F64", Shape: []int{1}, Data: b}.Float32s()
		if infinite := math.IsInf(v, 0); infinite != (err == nil) || infinite && float64(x[0]) != v {
			t.Errorf("%g is %v, %v", v, x, err)
		}
	}
}

// TestWriteLeavesList: arrays are written in an order of the file's own, and the caller's list stays as it is.
func TestWriteLeavesList(t *testing.T) {
	list := []tensor.Named{{Name: "b", DType: "U8", Shape: []int{1}, Data: []byte{1}}, tensor.F64Tensor("z", []float64{2}, 1), tensor.F32Tensor("a", []float32{3}, 1)}
	path := filepath.Join(t.TempDir(), "f")
	if err := tensor.WriteSafeTensors(path, nil, list); err != nil {
		t.Fatal(err)
	}
	if list[0].Name != "b" || list[1].Name != "z" || list[2].Name != "a" {
		t.Errorf("the list is %s, %s, %s", list[0].Name, list[1].Name, list[2].Name)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if end := b[len(b)-13:]; end[12] != 1 || end[11] != 0x40 || end[10] != 0x40 { // 1, after 3 in float32, after 2 in float64
		t.Errorf("the file ends with % x", end)
	}
}

// TestRandomRefuses: numbers below none, and orders of fewer.
func TestRandomRefuses(t *testing.T) {
	r := tensor.Random{}
	for says, f := range map[string]func(){
		"tensor: IntN: n = 0": func() { r.IntN(0, tensor.Noise, 0, 0) }, "tensor: IntN: n = -1": func() { r.IntN(-1, tensor.Noise, 0, 0) },
		"tensor: Perm: n = -1": func() { r.Perm(-1, tensor.Noise, 0) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != says {
					t.Errorf("%s, want %s", got, says)
				}
			}()
			f()
		}()
	}
	if p := r.Perm(0, tensor.Noise, 0); len(p) != 0 {
		t.Errorf("%v", p)
	}
	if p := r.Perm(1, tensor.Noise, 0); len(p) != 1 || p[0] != 0 || r.IntN(1, tensor.Noise, 0, 0) != 0 {
		t.Errorf("%v", p)
	}
}
