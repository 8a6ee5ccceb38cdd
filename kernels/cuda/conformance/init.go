package conformance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Init is what a buffer holds at first:
//
//	zero                 every element 0
//	fill      value      every element the same
//	list      values     these
//	listbits  values     these bit patterns
//	file      file       raw little-endian elements
//	uniform   lo hi      lo + (hi−lo)·⌊h/2⁸⌋/2²⁴, rounded to the type
//	ints      lo hi      lo + h mod (hi−lo+1)
//	bits32               h as it is
//
// where h is [hash] of the index and seed.
type Init struct {
	Kind   string `json:"kind"`
	Seed   uint32 `json:"seed"`
	Lo     any    `json:"lo"`
	Hi     any    `json:"hi"`
	Value  any    `json:"value"`
	Values []any  `json:"values"`
	File   string `json:"file"`
}

// hash is the finaliser of murmur3, of u32(i + seed·0x9E3779B9).
func hash(i, seed uint32) uint32 {
	h := i + seed*0x9E3779B9
	h ^= h >> 16
	h *= 0x85EBCA6B
	h ^= h >> 13
	h *= 0xC2B2AE35
	return h ^ h>>16
}

// contents makes what a buffer holds before the launch.
func (c *Case) contents(b Buffer) ([]byte, error) {
	size := b.DType.Size()
	data := make([]byte, b.Count*size)
	if b.Init.Kind == "file" {
		return c.read(b.Init.File, len(data))
	}
	element, err := b.elements()
	if err != nil {
		return nil, err
	}
	for i := range b.Count {
		bits, err := element(i)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		b.DType.put(data[i*size:], bits)
	}
	return data, nil
}

// elements is the rule of the buffer's elements.
func (b *Buffer) elements() (func(i int) (uint64, error), error) {
	n, t := b.Init, b.DType
	h := func(i int) uint32 { return hash(uint32(i), n.Seed) }
	switch n.Kind {
	case "zero":
		return func(int) (uint64, error) { return 0, nil }, nil
	case "fill":
		bits, err := t.parse(n.Value)
		return func(int) (uint64, error) { return bits, nil }, err
	case "list", "listbits":
		if len(n.Values) != b.Count {
			return nil, fmt.Errorf("%d values for %d elements", len(n.Values), b.Count)
		}
		as := t
		if n.Kind == "listbits" {
			as = "u64"
		}
		return func(i int) (uint64, error) { return as.parse(n.Values[i]) }, nil
	case "uniform":
		lo, err1 := DType("f64").parse(n.Lo)
		hi, err2 := DType("f64").parse(n.Hi)
		from, to := DType("f64").value(lo), DType("f64").value(hi)
		return func(i int) (uint64, error) {
			return t.round(from + (to-from)*(float64(h(i)>>8)/(1<<24))), nil
		}, errors.Join(err1, err2)
	case "ints":
		lo, err1 := DType("s64").parse(n.Lo)
		hi, err2 := DType("s64").parse(n.Hi)
		if err := errors.Join(err1, err2); err != nil || hi-lo+1 == 0 || int64(hi) < int64(lo) {
			return nil, fmt.Errorf("ints from %v to %v", n.Lo, n.Hi)
		}
		return func(i int) (uint64, error) {
			v := lo + uint64(h(i))%(hi-lo+1)
			if t.float() {
				return t.round(float64(int64(v))), nil
			}
			return v, nil
		}, nil
	case "bits32":
		return func(i int) (uint64, error) { return uint64(h(i)), nil }, nil
	}
	return nil, fmt.Errorf("unknown init %q", n.Kind)
}

// read reads a file beside the case's, of so many bytes.
func (c *Case) read(name string, size int) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(c.dir, filepath.FromSlash(name)))
	if err == nil && len(data) != size {
		err = fmt.Errorf("%s has %d bytes, want %d", name, len(data), size)
	}
	return data, err
}
