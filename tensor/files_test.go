package tensor_test

import (
	"encoding/binary"
	"errors"
	"io"
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
