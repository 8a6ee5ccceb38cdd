package tensor

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"os"
	"slices"
	"strings"
)

const (
	maxHeader = 100_000_000 // bytes; the limit of the reference implementation
	maxRank   = 64
)

// elementSize is the size in bytes of one element of every dtype that is known here. The sub-byte, 8-bit float and complex
// types of the format are not: no network of ours has them.
var elementSize = map[string]int{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2,
	"I64": 8, "I32": 4, "I16": 2, "I8": 1,
	"U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}

// SafeTensors is an open safetensors file: a JSON header that names arrays, and their little-endian bytes.
//
//	8 bytes: length of the header │ {"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}, …} │ data
//
// The reader is strict. It refuses what the format forbids (holes, overlaps, trailing bytes, duplicate keys, metadata other
// than strings, BOOL bytes other than 0 and 1) and what it leaves open (fields and dtypes unknown here), and allocates in
// proportion to the file's size, not to what its header claims. Weights that are not finite are well-formed, and a
// checkpoint may hold some on purpose; who loads a network asks [SafeTensors.CheckFinite].
type SafeTensors struct {
	Path     string            // as given; errors start with it
	Metadata map[string]string // nil if there is none
	entries  map[string]Entry
	names    []string // sorted
	unmap    func() error
}

// Entry is one array of a file.
type Entry struct {
	DType string // F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL
	Shape []int  // empty for a scalar
	Data  []byte // little-endian, row-major, read only; part of the mapped file, and maybe not aligned

	where string // "file: name: ", for errors
}

// OpenSafeTensors maps the file into memory and checks its header. The data is read from the disk when it is used. Until Close, the
// file must not be shortened by anyone: touching a page that is gone kills the process.
func OpenSafeTensors(path string) (*SafeTensors, error) {
	data, unmap, err := MapFile(path)
	if err != nil {
		return nil, err
	}
	s, err := ReadSafeTensors(path, data)
	if err != nil {
		return nil, errors.Join(err, unmap())
	}
	s.unmap = unmap
	return s, nil
}

// NewSafeTensors is a file of another format in the form of this one: named arrays that its reader has checked. The path stands in errors.
func NewSafeTensors(path string, metadata map[string]string, entries map[string]Entry) *SafeTensors {
	s := &SafeTensors{Path: path, Metadata: metadata, entries: map[string]Entry{}}
	for name, e := range entries {
		e.where = path + ": " + name + ": "
		s.entries[name] = e
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	return s
}

// OnClose sets what Close does besides: unmapping the file that the arrays are part of.
func (s *SafeTensors) OnClose(unmap func() error) { s.unmap = unmap }

// MapFile maps a regular file into memory, read only, until unmap is called. Errors name it. An empty file is an empty slice.
func MapFile(path string) (data []byte, unmap func() error, err error) {
	info, err := os.Stat(path) // before the opening, which would wait for the writer of a pipe
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, errors.Unwrap(err))
	}
	if info.IsDir() {
		return nil, nil, fmt.Errorf("%s: a folder, not a file", path)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, errors.Unwrap(err))
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	size := info.Size()
	if size == 0 {
		return nil, func() error { return nil }, nil
	}
	if size > math.MaxInt {
		return nil, nil, fmt.Errorf("%s: %d bytes are too many for this machine", path, size)
	}
	data, unmap, err = mapFile(f, int(size))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, unmap, nil
}

// ReadSafeTensors is OpenSafeTensors for bytes in memory, which the entries go on to use. The name stands in errors for a path.
func ReadSafeTensors(name string, data []byte) (*SafeTensors, error) {
	s := &SafeTensors{Path: name, entries: map[string]Entry{}}
	if err := s.read(data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// Names lists the arrays, sorted.
func (s *SafeTensors) Names() []string { return slices.Clone(s.names) }

// Entry finds an array by name.
func (s *SafeTensors) Entry(name string) (Entry, bool) {
	e, ok := s.entries[name]
	return e, ok
}

// Close ends the mapping: every Data slice of a mapped file is dead from here on, and reading one kills the process. Entries of
// ReadSafeTensors stay alive.
func (s *SafeTensors) Close() error {
	unmap := s.unmap
	s.unmap, s.entries, s.names = nil, nil, nil
	if unmap == nil {
		return nil
	}
	if err := unmap(); err != nil {
		return fmt.Errorf("%s: %w", s.Path, err)
	}
	return nil
}

// CheckFinite is the policy for weights: an error names the first NaN or infinity among the floating-point arrays of these names, or
// of the whole file if none are given. A name that is missing is an error too.
func (s *SafeTensors) CheckFinite(names ...string) error {
	if len(names) == 0 {
		names = s.names
	}
	for _, name := range names {
		e, ok := s.entries[name]
		if !ok {
			return fmt.Errorf("%s: %s: no such tensor", s.Path, name)
		}
		if err := e.CheckFinite(); err != nil {
			return err
		}
	}
	return nil
}

func (s *SafeTensors) read(file []byte) error {
	if len(file) < 8 {
		return fmt.Errorf("%d bytes are too few for a safetensors file", len(file))
	}
	n := binary.LittleEndian.Uint64(file)
	switch {
	case n > maxHeader:
		return fmt.Errorf("header of %d bytes, at most %d are allowed", n, maxHeader)
	case n > uint64(len(file)-8):
		return fmt.Errorf("header of %d bytes in a file of %d", n, len(file))
	}
	text, data := file[8:8+n], file[8+n:]
	tensors, metadata, err := parseHeader(text)
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	s.Metadata = metadata

	// In the order of their bytes the arrays must follow each other without a hole and end with the file.
	slices.SortFunc(tensors, func(a, b headerEntry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), strings.Compare(a.name, b.name))
	})
	var at uint64
	for _, t := range tensors {
		if t.end < t.begin {
			return fmt.Errorf("%s: data_offsets [%d,%d] are reversed", t.name, t.begin, t.end)
		}
		if t.end > uint64(len(data)) {
			return fmt.Errorf("%s: data_offsets [%d,%d] are past the %d bytes of data", t.name, t.begin, t.end, len(data))
		}
		if t.begin != at {
			return fmt.Errorf("%s: data starts at byte %d, want %d: the tensors overlap or leave a hole", t.name, t.begin, at)
		}
		at = t.end
		size, err := byteSize(t.dtype, t.shape)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		if size != t.end-t.begin {
			return fmt.Errorf("%s: %s %v needs %d bytes, data_offsets give %d", t.name, t.dtype, t.shape, size, t.end-t.begin)
		}
		e := Entry{DType: t.dtype, Shape: t.shape, Data: data[t.begin:t.end:t.end], where: s.Path + ": " + t.name + ": "}
		if err := e.CheckBool(); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		s.entries[t.name] = e
		s.names = append(s.names, t.name)
	}
	if at != uint64(len(data)) {
		return fmt.Errorf("%d bytes after the last tensor", uint64(len(data))-at)
	}
	slices.Sort(s.names)
	return nil
}

// byteSize is the number of bytes of an array, if it has one.
func byteSize(dtype string, shape []int) (uint64, error) {
	size, known := elementSize[dtype]
	if !known {
		return 0, fmt.Errorf("dtype %q is not known", dtype)
	}
	if len(shape) > maxRank {
		return 0, fmt.Errorf("%d dimensions, at most %d are allowed", len(shape), maxRank)
	}
	n, empty := uint64(size), false
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		if d == 0 { // a later zero must not hide an overflow, nor an early one
			empty = true
			continue
		}
		var over uint64
		if over, n = bits.Mul64(n, uint64(d)); over != 0 || n > math.MaxInt {
			return 0, fmt.Errorf("shape %v is too large", shape)
		}
	}
	if empty {
		n = 0
	}
	return n, nil
}

// CheckBool refuses bytes that are no booleans in an array of these.
func (e Entry) CheckBool() error {
	if e.DType != "BOOL" {
		return nil
	}
	for i, b := range e.Data {
		if b > 1 {
			return fmt.Errorf("BOOL element %d is the byte %d", i, b)
		}
	}
	return nil
}
