package format_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"onestep/nn/golden"
	"onestep/tensor/format"
)

// manifest lists files to read and files to refuse.
type manifest struct {
	Good []struct {
		File, Kind string
		Tensors    []struct {
			Name, DType string
			Shape       []int
			Sum         float64
			Contiguous  string `json:"sha256_le_contiguous"`
		}
		Scalars []struct {
			Path  []any
			Value any
		}
	}
	Bad []struct{ File, Kind, Reason string }
}

// eachManifest runs f on every list of such files that a folder of golden files has, with the folder that they are in.
func eachManifest(t *testing.T, f func(t *testing.T, dir string, m manifest)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(golden.Dir(t), "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var m manifest
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&m); err != nil || len(m.Good) == 0 {
			continue // something else
		}
		found = true
		f(t, filepath.Dir(path), m)
	}
	if !found {
		golden.Missing(t, "list of weight files, good and bad")
	}
}

// dtypes are the manifest's words for element types.
var dtypes = map[string]string{
	"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32", "int16": "I16",
	"int8": "I8", "uint8": "U8", "bool": "BOOL",
}

// TestGoldenCheckpoints reads every good file: every tensor's name, shape, type, sum and bytes, and every scalar.
func TestGoldenCheckpoints(t *testing.T) {
	eachManifest(t, func(t *testing.T, dir string, m manifest) {
		for _, g := range m.Good {
			t.Run(filepath.Base(g.File), func(t *testing.T) {
				f, err := format.Open(filepath.Join(dir, g.File))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if len(f.Names()) != len(g.Tensors) || len(f.Order) != len(g.Tensors) {
					t.Errorf("%d tensors, in order %d, want %d", len(f.Names()), len(f.Order), len(g.Tensors))
				}
				if err := f.CheckFinite(); err != nil {
					t.Error(err)
				}
				for _, want := range g.Tensors {
					e, ok := f.Entry(want.Name)
					if !ok {
						t.Errorf("%s: missing", want.Name)
						continue
					}
					if !slices.Equal(e.Shape, want.Shape) || e.DType != dtypes[want.DType] {
						t.Errorf("%s: %s %v, want %s %v", want.Name, e.DType, e.Shape, want.DType, want.Shape)
					}
					if sum := sha256.Sum256(e.Data); hex.EncodeToString(sum[:]) != want.Contiguous {
						t.Errorf("%s: other bytes", want.Name)
					}
					xs, err := e.Float64s()
					if err != nil {
						t.Error(err)
					}
					if sum := golden.Sum(xs); math.Abs(sum-want.Sum) > 1e-9*math.Max(1, math.Abs(want.Sum)) {
						t.Errorf("%s: sum %v, want %v", want.Name, sum, want.Sum)
					}
				}
				for _, s := range g.Scalars {
					words := make([]string, len(s.Path))
					for i, p := range s.Path {
						words[i] = fmt.Sprint(p)
					}
					path := strings.Join(words, ".")
					got, ok := f.Scalars[path]
					if !ok || !sameScalar(got, s.Value) {
						t.Errorf("scalar %s = %v (there: %v), want %v", path, got, ok, s.Value)
					}
				}
			})
		}
	})
}

func sameScalar(got, want any) bool {
	n, ok := want.(json.Number)
	if !ok {
		return got == want
	}
	switch x := got.(type) {
	case int64:
		return fmt.Sprint(x) == n.String()
	case *big.Int:
		return x.String() == n.String()
	case float64:
		w, err := n.Float64()
		return err == nil && w == x
	}
	return false
}

// TestGoldenRefusals opens every bad file as its user would, and wants an error that names it, soon, in little memory.
func TestGoldenRefusals(t *testing.T) {
	eachManifest(t, func(t *testing.T, dir string, m manifest) {
		for _, b := range m.Bad {
			t.Run(filepath.Base(b.File), func(t *testing.T) {
				path := filepath.Join(dir, b.File)
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				err = use(path)
				took := time.Since(start)
				runtime.ReadMemStats(&after)
				if err == nil {
					t.Fatalf("accepted; the reason to refuse it is: %s", b.Reason)
				}
				t.Logf("%v", err)
				if !strings.Contains(err.Error(), path) {
					t.Errorf("the error does not name the file: %v", err)
				}
				if took > 5*time.Second {
					t.Errorf("took %v", took)
				}
				if taken := int64(after.TotalAlloc - before.TotalAlloc); taken > 2*info.Size()+64<<20 {
					t.Errorf("allocated %d bytes for a file of %d", taken, info.Size())
				}
			})
		}
	})
}

// use opens a file and reads what is in it: weights, statistics or images.
func use(path string) error {
	f, err := format.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if f.Format == "npz" {
		if _, ok := f.Entry("arr_0"); ok {
			_, err := f.Images()
			return err
		}
		_, err := f.Statistics("mu", "sigma")
		return err
	}
	return f.CheckFinite()
}
