package tensor

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The files of testdata/safetensors and their manifest are from the project's golden data (ckpt/good/st_*, ckpt/bad/st_*), which
// PyTorch and a script for malformed files made.
const stFolder = "testdata/safetensors"

type stManifest struct {
	Good []struct {
		File    string
		Tensors []struct {
			Name, DType string
			Shape       []int
			Sum         float64
			First4      []float64
			Hash        string `json:"sha256_le_contiguous"`
		}
	}
	Bad []struct{ File, Reason string }
}

func readManifest(t testing.TB) (m stManifest) {
	text, err := os.ReadFile(filepath.Join(stFolder, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

var torchNames = map[string]string{
	"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32", "int16": "I16",
	"int8": "I8", "uint8": "U8", "bool": "BOOL",
}

func TestOpenSafeTensorsGood(t *testing.T) {
	for _, file := range readManifest(t).Good {
		t.Run(file.File, func(t *testing.T) {
			s, err := OpenSafeTensors(filepath.Join(stFolder, file.File))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if len(s.Names()) != len(file.Tensors) {
				t.Errorf("%d tensors, want %d", len(s.Names()), len(file.Tensors))
			}
			for _, want := range file.Tensors {
				e, ok := s.Entry(want.Name)
				if !ok {
					t.Errorf("%s: missing", want.Name)
					continue
				}
				if e.DType != torchNames[want.DType] {
					t.Errorf("%s: dtype %s, want %s", want.Name, e.DType, want.DType)
				}
				if err := e.CheckShape(want.Shape...); err != nil {
					t.Error(err)
				}
				if sum := sha256.Sum256(e.Data); hex.EncodeToString(sum[:]) != want.Hash {
					t.Errorf("%s: bytes differ", want.Name)
				}
				xs, err := e.Float64s()
				if err != nil {
					t.Fatal(err)
				}
				sum := 0.0
				for _, x := range xs {
					sum += x
				}
				if math.Abs(sum-want.Sum) > 1e-9*math.Max(1, math.Abs(want.Sum)) {
					t.Errorf("%s: sum %g, want %g", want.Name, sum, want.Sum)
				}
				if n := min(4, len(xs)); !slices.Equal(xs[:n], want.First4) {
					t.Errorf("%s: starts with %v, want %v", want.Name, xs[:n], want.First4)
				}
			}
		})
	}
}

func TestOpenSafeTensorsBad(t *testing.T) {
	for _, file := range readManifest(t).Bad {
		t.Run(file.File, func(t *testing.T) {
			path := filepath.Join(stFolder, file.File)
			if strings.HasSuffix(file.File, "st_deep_json.safetensors") { // 200 kB of brackets are made here
				path = filepath.Join(t.TempDir(), "st_deep_json.safetensors")
				text := `{"w":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}"
				if err := os.WriteFile(path, stFile(text, nil), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			s, err := OpenSafeTensors(path)
			if strings.Contains(file.File, "st_nan_") { // well-formed; refused as weights
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				err = s.CheckFinite()
			}
			if err == nil {
				t.Fatalf("accepted: %s", file.Reason)
			}
			if !strings.HasPrefix(err.Error(), path+": ") {
				t.Errorf("the error does not name the file: %v", err)
			}
			t.Log(err)
		})
	}
}

// stFile is a file of this header and data.
func stFile(header string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func TestReadSafeTensorsHeader(t *testing.T) {
	long := strings.Repeat("1,", maxRank) + "1"
	for _, test := range []struct {
		header string
		data   int // bytes
		err    string
	}{
		{`{}`, 0, ""},
		{`{}   `, 0, ""},
		{`{"w":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}`, 1, ""},
		{`{"w":{"data_offsets":[0,0],"shape":[3,0],"dtype":"F32"}}`, 0, ""},
		{`{"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 3, ""},
		{`{"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1, ""},
		{`{"__metadata__":{"format":"pt"}}`, 0, ""},
		{``, 0, "does not start with {"},
		{` {}`, 0, "does not start with {"},
		{`{`, 0, "unexpected EOF"},
		{`{} {}`, 0, "something follows"},
		{`{}`, 1, "1 bytes after the last tensor"},
		{`{"w":3}`, 0, `w: "3" where "{"`},
		{`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],}}`, 1, "w: invalid character"},
		{`{"w":{"dtype":"U8","shape":[1,],"data_offsets":[0,1]}}`, 1, "w: shape: invalid character"},
		{`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":{}}}`, 1, "w: x: field is not known"},
		{`{"w":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1, "w: dtype: field is given twice"},
		{`{"w":{"dtype":"U8","shape":[1]}}`, 1, "w: want dtype, shape and data_offsets"},
		{`{"w":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, 1, "w: shape: "},
		{`{"w":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`, 1, "w: shape: "},
		{`{"w":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}`, 1, "1e0 is not a whole number"},
		{`{"w":{"dtype":"U8","shape":[-0],"data_offsets":[0,1]}}`, 1, "-0 is not a whole number"},
		{`{"w":{"dtype":"U8","shape":[` + long + `],"data_offsets":[0,1]}}`, 1, "more than 64 numbers"},
		{`{"w":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}}`, 1, "w: shape: dimension 9223372036854775808 is too large"},
		{`{"w":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,1]}}`, 1, "w: shape [4611686018427387904] is too large"},
		{`{"w":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}`, 0, "is too large"},
		{`{"w":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}`, 0, "is too large"},
		{`{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}}`, 1, "w: U8 [2] needs 2 bytes, data_offsets give 1"},
		{`{"w":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}`, 1, `w: dtype "F8_E4M3" is not known`},
		{`{"__metadata__":{"a":"1","a":"2"}}`, 0, "__metadata__: a: key is given twice"},
		{`{"__metadata__":{},"__metadata__":{}}`, 0, "__metadata__: name is given twice"},
		{`{"__metadata__":null}`, 0, "__metadata__: "},
		{`{"__metadata__":{"a":["b"]}}`, 0, "__metadata__: a: "},
		{`{"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2, "a: name is given twice"},
	} {
		_, err := ReadSafeTensors("f", stFile(test.header, make([]byte, test.data)))
		switch {
		case test.err == "" && err != nil:
			t.Errorf("%s: %v", test.header, err)
		case test.err != "" && (err == nil || !strings.HasPrefix(err.Error(), "f: ") || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%s: error %v, want %s", test.header, err, test.err)
		}
	}
}

// TestReadSafeTensorsMemory: what a header claims costs nothing.
func TestReadSafeTensorsMemory(t *testing.T) {
	file := stFile(`{"w":{"dtype":"F64","shape":[1000000,1000000],"data_offsets":[0,8000000000000]}}`, nil)
	huge := slices.Clone(file)
	binary.LittleEndian.PutUint64(huge, maxHeader)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, f := range [][]byte{file, huge} {
		if _, err := ReadSafeTensors("f", f); err == nil {
			t.Error("accepted")
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated for a file of %d", n, len(file))
	}
}

func TestOpenSafeTensorsErrors(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "missing")} {
		_, err := OpenSafeTensors(path)
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || strings.Count(err.Error(), path) != 1 {
			t.Errorf("error %v, want one that names %s once", err, path)
		}
	}
}

func TestEntryConversions(t *testing.T) {
	le := binary.LittleEndian
	for _, test := range []struct {
		dtype string
		data  []byte
		want  any    // []float32, []float64 or []int64
		err   string // instead
	}{
		{dtype: "F64", data: le.AppendUint64(nil, math.Float64bits(0.1)), want: []float32{0.1}},
		{dtype: "F64", data: le.AppendUint64(nil, math.Float64bits(math.Inf(-1))), want: []float32{float32(math.Inf(-1))}},
		{dtype: "F64", data: le.AppendUint64(nil, math.Float64bits(1e39)), want: []float32{}, err: "w: element 0: 1e+39 is beyond float32"},
		{dtype: "BF16", data: []byte{0x80, 0x3f, 0, 0xc0}, want: []float32{1, -2}},
		{dtype: "F16", data: []byte{0, 0x3c, 1, 0x80}, want: []float64{1, -0x1p-24}},
		{dtype: "F32", data: le.AppendUint32(nil, math.Float32bits(0.1)), want: []int64{}, err: "w: dtype F32, want integers"},
		{dtype: "I64", data: le.AppendUint64(nil, 1<<24), want: []float32{1 << 24}},
		{dtype: "I64", data: le.AppendUint64(nil, 1<<24+1), want: []float32{}, err: "w: element 0: cannot be held exactly"},
		{dtype: "I64", data: le.AppendUint64(nil, 1<<63), want: []float32{-1 << 63}},
		{dtype: "I64", data: le.AppendUint64(nil, 1<<63), want: []int64{math.MinInt64}},
		{dtype: "I64", data: le.AppendUint64(nil, 1<<53+1), want: []float64{}, err: "cannot be held exactly"},
		{dtype: "U64", data: le.AppendUint64(nil, 1<<63), want: []int64{}, err: "cannot be held exactly"},
		{dtype: "U64", data: le.AppendUint64(nil, math.MaxUint64), want: []float32{}, err: "cannot be held exactly"},
		{dtype: "U64", data: le.AppendUint64(nil, math.MaxUint64), want: []float64{}, err: "cannot be held exactly"},
		{dtype: "U64", data: le.AppendUint64(nil, 1<<63), want: []float64{1 << 63}},
		{dtype: "I32", data: []byte{0xfe, 0xff, 0xff, 0xff}, want: []int64{-2}},
		{dtype: "U32", data: []byte{0xfe, 0xff, 0xff, 0xff}, want: []int64{1<<32 - 2}},
		{dtype: "I16", data: []byte{0, 0x80}, want: []float32{-32768}},
		{dtype: "U16", data: []byte{0, 0x80}, want: []float32{32768}},
		{dtype: "I8", data: []byte{0x80, 0x7f}, want: []float64{-128, 127}},
		{dtype: "U8", data: []byte{0x80, 0xff}, want: []float32{128, 255}},
		{dtype: "BOOL", data: []byte{0, 1}, want: []int64{0, 1}},
	} {
		n := len(test.data) / elementSize[test.dtype]
		s, err := ReadSafeTensors("f", stFile(fmt.Sprintf(`{"w":{"dtype":%q,"shape":[%d],"data_offsets":[0,%d]}}`, test.dtype, n, len(test.data)), test.data))
		if err != nil {
			t.Fatal(err)
		}
		e, _ := s.Entry("w")
		var got any
		switch test.want.(type) {
		case []float32:
			got, err = e.Float32s()
		case []float64:
			got, err = e.Float64s()
		case []int64:
			got, err = e.Int64s()
		}
		switch {
		case test.err != "":
			if err == nil || !strings.HasPrefix(err.Error(), "f: w: ") || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s as %T: error %v, want %s", test.dtype, test.want, err, test.err)
			}
		case err != nil || !reflect.DeepEqual(got, test.want):
			t.Errorf("%s: %v %v, want %v", test.dtype, got, err, test.want)
		}
	}
}

func TestCheckFinite(t *testing.T) {
	inf := math.Inf(1)
	nan := float32(math.NaN())
	bf := Named{Name: "x", DType: "BF16", Shape: []int{2}, Data: []byte{0, 0, 0x80, 0x7f}}
	for _, test := range []struct {
		x  Named
		ok bool
	}{
		{F32Tensor("x", []float32{1, math.MaxFloat32, -1e-45}, 3), true},
		{F32Tensor("x", []float32{1, nan}, 2), false},
		{F32Tensor("x", []float32{float32(-inf)}, 1), false},
		{F64Tensor("x", []float64{math.MaxFloat64}), true},
		{F64Tensor("x", []float64{-inf}), false},
		{F16Tensor("x", []float32{65504, -65504}, 2), true},
		{F16Tensor("x", []float32{65504, 70000}, 2), false},
		{bf, false},
		{I64Tensor("x", []int64{-1}), true},
	} {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		if err := WriteSafeTensors(path, nil, []Named{test.x, F32Tensor("y", nil, 0)}); err != nil {
			t.Fatal(err)
		}
		s, err := OpenSafeTensors(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CheckFinite(); (err == nil) != test.ok {
			t.Errorf("%v: %v", test.x, err)
		}
		if err := s.CheckFinite("y"); err != nil {
			t.Error(err)
		}
		if err := s.CheckFinite("z"); err == nil {
			t.Error("a missing name passed")
		}
		s.Close()
	}
}

// TestWriteSafeTensors: what is written is read back, whatever the order of the arguments, to the same bytes.
func TestWriteSafeTensors(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	dtypes := []string{"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8"}
	for i := range 50 {
		var tensors []Named
		for j := range rng.IntN(6) {
			x := Named{Name: fmt.Sprintf("t%d <&\"\\\n ü>", j), DType: dtypes[rng.IntN(len(dtypes))]}
			n := elementSize[x.DType]
			for range rng.IntN(4) {
				x.Shape = append(x.Shape, rng.IntN(4))
				n *= x.Shape[len(x.Shape)-1]
			}
			x.Data = make([]byte, n)
			for k := range x.Data {
				x.Data[k] = byte(rng.Uint32())
			}
			tensors = append(tensors, x)
		}
		var metadata map[string]string
		for j := range rng.IntN(4) {
			if metadata == nil {
				metadata = map[string]string{}
			}
			metadata[fmt.Sprint("k", j)] = fmt.Sprint("v\"<", rng.IntN(100))
		}

		a, b := filepath.Join(dir, fmt.Sprint("a", i)), filepath.Join(dir, fmt.Sprint("b", i))
		if err := WriteSafeTensors(a, metadata, tensors); err != nil {
			t.Fatal(err)
		}
		s, err := OpenSafeTensors(a)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(s.Metadata, metadata) || len(s.Names()) != len(tensors) {
			t.Fatalf("%v %v, want %v %v", s.Metadata, s.Names(), metadata, tensors)
		}
		for _, x := range tensors {
			e, _ := s.Entry(x.Name)
			if e.DType != x.DType || !slices.Equal(e.Shape, x.Shape) || !bytes.Equal(e.Data, x.Data) {
				t.Fatalf("%v, want %v", e, x)
			}
		}
		s.Close()

		rng.Shuffle(len(tensors), func(i, j int) { tensors[i], tensors[j] = tensors[j], tensors[i] })
		if err := WriteSafeTensors(b, metadata, tensors); err != nil {
			t.Fatal(err)
		}
		x, _ := os.ReadFile(a)
		y, _ := os.ReadFile(b)
		if !bytes.Equal(x, y) {
			t.Fatal("the order of the arguments shows in the file")
		}
		if n := binary.LittleEndian.Uint64(x); n%8 != 0 {
			t.Fatalf("header of %d bytes", n)
		}
	}
}

func TestWriteSafeTensorsErrors(t *testing.T) {
	one := F32Tensor("w", []float32{1}, 1)
	for _, test := range []struct {
		metadata map[string]string
		tensors  []Named
		err      string
	}{
		{nil, []Named{one, one}, "w: name is given twice"},
		{nil, []Named{{Name: "__metadata__", DType: "U8", Data: []byte{1}}}, "name belongs to the format"},
		{nil, []Named{{Name: "\xff", DType: "U8", Data: []byte{1}}}, "not valid UTF-8"},
		{nil, []Named{{Name: "w", DType: "f32"}}, `w: dtype "f32" is not known`},
		{nil, []Named{{Name: "w", DType: "BOOL", Data: []byte{2}}}, "w: BOOL element 0"},
		{nil, []Named{F32Tensor("w", []float32{1, 2}, 3)}, "w: 8 bytes for F32 [3], want 12"},
		{nil, []Named{F32Tensor("w", []float32{1}, -1)}, "w: shape [-1] has a negative dimension"},
		{map[string]string{"a": "\xff"}, nil, `metadata "a" is not valid UTF-8`},
	} {
		path := filepath.Join(t.TempDir(), "x")
		err := WriteSafeTensors(path, test.metadata, test.tensors)
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), test.err) {
			t.Errorf("error %v, want %s", err, test.err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a file is there", test.err)
		}
	}
}

// FuzzReadSafeTensors: no input panics, and what is accepted survives writing and reading.
func FuzzReadSafeTensors(f *testing.F) {
	m := readManifest(f)
	for _, x := range m.Good {
		data, err := os.ReadFile(filepath.Join(stFolder, x.File))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, x := range m.Bad {
		if data, err := os.ReadFile(filepath.Join(stFolder, x.File)); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ReadSafeTensors("f", data)
		if err != nil {
			return
		}
		s.CheckFinite()
		var tensors []Named
		for _, name := range s.Names() {
			e, _ := s.Entry(name)
			e.Float32s()
			e.Float64s()
			e.Int64s()
			tensors = append(tensors, Named{Name: name, DType: e.DType, Shape: e.Shape, Data: e.Data})
		}
		path := filepath.Join(t.TempDir(), "x")
		if err := WriteSafeTensors(path, s.Metadata, tensors); err != nil {
			t.Fatal(err)
		}
		again, err := OpenSafeTensors(path)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if !slices.Equal(s.Names(), again.Names()) {
			t.Fatalf("names %q, want %q", again.Names(), s.Names())
		}
		for _, name := range s.Names() {
			a, _ := s.Entry(name)
			b, _ := again.Entry(name)
			if a.DType != b.DType || !slices.Equal(a.Shape, b.Shape) || !bytes.Equal(a.Data, b.Data) {
				t.Fatalf("%s: %v, want %v", name, b, a)
			}
		}
	})
}
