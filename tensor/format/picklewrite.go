package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"onestep/tensor"
)

// What [WriteTorchTree] writes besides nil, bool, int, float64, string and tensor.Named.
type (
	// Ordered is an OrderedDict.
	Ordered []Pair

	// Dict is a dict.
	Dict []Pair

	// List is a list.
	List []any

	// Tuple is a tuple.
	Tuple []any

	// Pair is a key and its value.
	Pair struct{ Key, Value any }
)

// pickler writes a pickle of protocol 2, without a memo, and collects the tensors in it, each of which has a storage of its own.
type pickler struct {
	bytes.Buffer
	storages []tensor.Named
}

// tree is the pickle of a value and the tensors whose storages it names.
func tree(v any) (text []byte, storages []tensor.Named, err error) {
	var p pickler
	p.WriteString("\x80\x02")
	if err := p.value(v); err != nil {
		return nil, nil, err
	}
	p.WriteByte('.')
	return p.Bytes(), p.storages, nil
}

func (p *pickler) value(v any) error {
	switch v := v.(type) {
	case nil:
		p.WriteByte('N')
	case bool:
		p.WriteString(map[bool]string{false: "\x89", true: "\x88"}[v])
	case int:
		p.int(v)
	case float64:
		p.WriteByte('G')
		p.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(v)))
	case string:
		if !utf8.ValidString(v) {
			return fmt.Errorf("%q: not valid UTF-8", v)
		}
		p.text(v)
	case tensor.Named:
		return p.tensor(v)
	case Ordered:
		p.WriteString("ccollections\nOrderedDict\n)R")
		return p.pairs(v)
	case Dict:
		p.WriteByte('}')
		return p.pairs(v)
	case List:
		p.WriteByte(']')
		return p.items(v, 'e')
	case Tuple:
		return p.items(v, 't')
	default:
		panic(fmt.Errorf("format: a %T in a pickle", v))
	}
	return nil
}

// pairs sets keys in the dictionary before them. One that is set twice is an error.
func (p *pickler) pairs(pairs []Pair) error {
	seen := map[any]bool{}
	p.WriteByte('(')
	for _, x := range pairs {
		if seen[x.Key] {
			return fmt.Errorf("%v: name is given twice", x.Key)
		}
		seen[x.Key] = true
		if err := p.value(x.Key); err != nil {
			return err
		}
		if err := p.value(x.Value); err != nil {
			return err
		}
	}
	p.WriteByte('u')
	return nil
}

// items are a mark, values, and what is done with them.
func (p *pickler) items(items []any, end byte) error {
	p.WriteByte('(')
	for _, x := range items {
		if err := p.value(x); err != nil {
			return err
		}
	}
	p.WriteByte(end)
	return nil
}

// tensor is _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict()).
func (p *pickler) tensor(a tensor.Named) error {
	class := storageClass(a.DType)
	if class == "" {
		return fmt.Errorf("%s: PyTorch has no tensors of %s", a.Name, a.DType)
	}
	count, strides := 1, make([]int, len(a.Shape))
	for k := len(a.Shape) - 1; k >= 0; k-- {
		strides[k] = max(count, 1)
		count *= a.Shape[k]
	}
	p.WriteString("ctorch._utils\n_rebuild_tensor_v2\n((")
	p.text("storage")
	fmt.Fprintf(p, "ctorch\n%s\n", class)
	p.text(strconv.Itoa(len(p.storages)))
	p.text("cpu")
	p.int(count)
	p.WriteString("tQK\x00") // persistent id; offset 0
	p.ints(a.Shape)
	p.ints(strides)
	p.WriteString("\x89ccollections\nOrderedDict\n)RtR") // requires_grad false, no hooks
	p.storages = append(p.storages, a)
	return nil
}

func (p *pickler) text(s string) {
	p.WriteByte('X')
	p.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
	p.WriteString(s)
}

// int is BININT if the number fits, else LONG1 of eight bytes.
func (p *pickler) int(n int) {
	if n == int(int32(n)) {
		p.WriteByte('J')
		p.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
		return
	}
	p.WriteString("\x8a\x08")
	p.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

func (p *pickler) ints(ns []int) {
	p.WriteByte('(')
	for _, n := range ns {
		p.int(n)
	}
	p.WriteByte('t')
}
