package tensor

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"onestep/kernels"
)

// Named is one array to be written.
type Named struct {
	Name  string
	DType string // as [Entry.DType]
	Shape []int  // empty for a scalar
	Data  []byte // little-endian, row-major

	// Make is what has the data, if Data is nil. It is called whenever the array is written, so that a file may be larger than memory, and gives
	// the same each time.
	Make func() []byte
}

// Bytes is the array's data, made if need be. It is an error if there is more or less than type and shape say.
func (t Named) Bytes() ([]byte, error) {
	data := t.Data
	if t.Make != nil {
		data = t.Make()
	}
	size, err := byteSize(t.DType, t.Shape)
	if err == nil && size != uint64(len(data)) {
		err = fmt.Errorf("%s: %d bytes for %s %v, want %d", t.Name, len(data), t.DType, t.Shape, size)
	}
	return data, err
}

// LazyF32 is what x returns as F32, asked for when it is written.
func LazyF32(name string, x func() []float32, shape ...int) Named {
	return Named{Name: name, DType: "F32", Shape: shape, Make: func() []byte { return F32Tensor(name, x(), shape...).Data }}
}

// LazyF16 is what x returns as F16.
func LazyF16(name string, x func() []float32, shape ...int) Named {
	return Named{Name: name, DType: "F16", Shape: shape, Make: func() []byte { return F16Tensor(name, x(), shape...).Data }}
}

// F32Tensor is x as F32.
func F32Tensor(name string, x []float32, shape ...int) Named {
	data := make([]byte, 4*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
	}
	return Named{Name: name, DType: "F32", Shape: shape, Data: data}
}

// F16Tensor is x as F16, rounded to nearest, ties to even.
func F16Tensor(name string, x []float32, shape ...int) Named {
	data := make([]byte, 2*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint16(data[2*i:], uint16(kernels.ToF16(v)))
	}
	return Named{Name: name, DType: "F16", Shape: shape, Data: data}
}

// F64Tensor is x as F64.
func F64Tensor(name string, x []float64, shape ...int) Named {
	data := make([]byte, 8*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint64(data[8*i:], math.Float64bits(v))
	}
	return Named{Name: name, DType: "F64", Shape: shape, Data: data}
}

// I64Tensor is x as I64.
func I64Tensor(name string, x []int64, shape ...int) Named {
	data := make([]byte, 8*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint64(data[8*i:], uint64(v))
	}
	return Named{Name: name, DType: "I64", Shape: shape, Data: data}
}

// WriteSafeTensors writes a safetensors file by [AtomicWrite]. The same contents give the same bytes whatever the order of the
// arguments: arrays lie in the order of the reference implementation, larger elements first and then by name, so that each is
// aligned to its elements; metadata is sorted by key. The data is written from where it is, or as it is made.
func WriteSafeTensors(path string, metadata map[string]string, tensors []Named) error {
	f, err := layOut(metadata, tensors)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return AtomicWrite(path, f.write)
}

// layout is a file to be written: its header and its arrays in order.
type layout struct {
	head    []byte
	tensors []Named
}

func layOut(metadata map[string]string, tensors []Named) (layout, error) {
	tensors = slices.Clone(tensors)
	slices.SortFunc(tensors, func(a, b Named) int {
		return cmp.Or(cmp.Compare(elementSize[b.DType], elementSize[a.DType]), strings.Compare(a.Name, b.Name))
	})
	head, err := makeHeader(metadata, tensors)
	return layout{head, tensors}, err
}

func (f layout) write(w io.Writer) error {
	if err := binary.Write(w, binary.LittleEndian, uint64(len(f.head))); err != nil {
		return err
	}
	if _, err := w.Write(f.head); err != nil {
		return err
	}
	for _, t := range f.tensors {
		data, err := t.Bytes()
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// makeHeader is the JSON header, padded with spaces to a multiple of eight bytes.
func makeHeader(metadata map[string]string, tensors []Named) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	if len(metadata) > 0 {
		for _, key := range slices.Sorted(maps.Keys(metadata)) {
			if !utf8.ValidString(key) || !utf8.ValidString(metadata[key]) {
				return nil, fmt.Errorf("metadata %q is not valid UTF-8", key)
			}
		}
		fmt.Fprintf(&b, "%s:%s", quote(metadataKey), quote(metadata)) // package json sorts the keys
	}
	seen := map[string]bool{}
	at := uint64(0)
	for _, t := range tensors {
		switch {
		case seen[t.Name]:
			return nil, fmt.Errorf("%s: name is given twice", t.Name)
		case t.Name == metadataKey:
			return nil, fmt.Errorf("%s: name belongs to the format", t.Name)
		case !utf8.ValidString(t.Name):
			return nil, fmt.Errorf("%q: name is not valid UTF-8", t.Name)
		}
		seen[t.Name] = true
		size, err := byteSize(t.DType, t.Shape)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		if t.Make == nil && size != uint64(len(t.Data)) {
			return nil, fmt.Errorf("%s: %d bytes for %s %v, want %d", t.Name, len(t.Data), t.DType, t.Shape, size)
		}
		if err := (Entry{DType: t.DType, Data: t.Data}).CheckBool(); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		shape := t.Shape
		if shape == nil {
			shape = []int{} // not null
		}
		fmt.Fprintf(&b, `%s:{"dtype":%s,"shape":%s,"data_offsets":[%d,%d]}`, quote(t.Name), quote(t.DType), quote(shape), at, at+size)
		at += size
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if b.Len() > maxHeader {
		return nil, fmt.Errorf("header of %d bytes, at most %d are allowed", b.Len(), maxHeader)
	}
	return b.Bytes(), nil
}

// quote is JSON of v, a value that cannot fail.
func quote(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("tensor: %w", err))
	}
	return text
}
