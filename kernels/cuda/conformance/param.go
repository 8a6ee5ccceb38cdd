package conformance

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Param is a parameter of the kernel: the address of a buffer (ptr), a number (f32, s32, u32, u64), bytes, or a struct of packed fields.
type Param struct {
	Type   string          `json:"type"`
	Buffer string          `json:"buffer"` // of ptr
	Value  any             `json:"value"`  // of a number; u64 as a string. Of bytes: hexadecimal digits
	Hex    string          `json:"hex"`    // of bytes too
	Align  int             `json:"align"`
	Fields json.RawMessage `json:"fields"` // of struct

	raw json.RawMessage // all of it: a struct may have its fields beside its type
}

// UnmarshalJSON keeps the text of a struct, whose fields have an order.
func (p *Param) UnmarshalJSON(text []byte) error {
	type plain Param
	if err := decode(text, (*plain)(p)); err != nil {
		return err
	}
	p.raw = bytes.Clone(text)
	return nil
}

// bytes is the parameter as the kernel reads it. address gives the addresses of buffers.
func (p *Param) bytes(address func(buffer string) (uint64, error)) ([]byte, error) {
	switch p.Type {
	case "ptr":
		if p.Buffer == "" && p.null() {
			return word("u64", 0), nil
		}
		a, err := address(p.Buffer)
		return word("u64", a), err
	case "f32", "s32", "u32", "u64", "f64", "s64", "u16", "u8":
		bits, err := DType(p.Type).parse(p.Value)
		return word(DType(p.Type), bits), err
	case "bytes":
		s := p.Hex
		if v, ok := p.Value.(string); ok && s == "" {
			s = v
		}
		if s == "" {
			return nil, errors.New("bytes want hexadecimal digits in hex")
		}
		return hex.DecodeString(s)
	case "struct":
		return p.fields(address)
	}
	return nil, fmt.Errorf("unknown type %q", p.Type)
}

// null says whether a parameter is written as no buffer: "buffer": null, or "value": 0.
func (p *Param) null() bool {
	var f map[string]any
	if decode(p.raw, &f) != nil {
		return false
	}
	b, named := f["buffer"]
	return named && b == nil || fmt.Sprint(p.Value) == "0"
}

func word(t DType, bits uint64) []byte {
	b := make([]byte, t.Size())
	t.put(b, bits)
	return b
}

// field is one of a struct: ptrs, s32 or f32, with one value or several.
type field struct {
	kind   string
	values []any
}

// fields packs a struct in the order of its fields.
func (p *Param) fields(address func(string) (uint64, error)) (out []byte, err error) {
	list, err := p.list()
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("a struct without fields")
	}
	for _, f := range list {
		for _, v := range f.values {
			t, bits := DType(f.kind), uint64(0)
			name, isName := v.(string)
			switch {
			case f.kind != "ptrs":
				bits, err = t.parse(v)
			case v == nil || fmt.Sprint(v) == "0":
				t = "u64"
			case isName:
				t = "u64"
				bits, err = address(name)
			default:
				err = fmt.Errorf("want a buffer's name or 0, have %v", v)
			}
			if err != nil {
				return nil, err
			}
			out = append(out, word(t, bits)...)
		}
	}
	return out, nil
}

// list reads the fields of a struct, which are written in one of three ways:
//
//	"fields": [{"kind": "ptrs", "values": ["a", 0]}, {"kind": "s32", "values": [1, 2]}]
//	"fields": [{"ptrs": ["a", 0]}, {"s32": [1, 2]}]
//	"ptrs": ["a", 0], "s32": [1, 2]
func (p *Param) list() (list []field, err error) {
	if p.Fields == nil {
		return members(p.raw)
	}
	var objects []json.RawMessage
	if json.Unmarshal(p.Fields, &objects) != nil {
		return members(p.Fields)
	}
	for _, o := range objects {
		var f struct {
			Kind, Type                     string
			Value, Values, Buffer, Buffers any
		}
		if err := decode(o, &f); err != nil {
			return nil, err
		}
		if f.Kind == "" {
			f.Kind = f.Type
		}
		if f.Kind == "" {
			more, err := members(o)
			if err != nil {
				return nil, err
			}
			list = append(list, more...)
			continue
		}
		one := field{kind: f.Kind}
		for _, v := range []any{f.Value, f.Values, f.Buffer, f.Buffers} {
			one.values = append(one.values, several(v)...)
		}
		if f.Kind == "ptr" {
			one.kind = "ptrs"
		}
		if DType(one.kind).Size() == 0 && one.kind != "ptrs" || len(one.values) == 0 {
			return nil, fmt.Errorf("unknown field %s", o)
		}
		list = append(list, one)
	}
	return list, nil
}

// several is a list, or one value as a list.
func several(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// members lists the members of an object that are fields, in their order.
func members(text []byte) (list []field, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("want an object, have %.40s", text)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		if kind := key.(string); kind == "ptrs" || DType(kind).Size() > 0 {
			list = append(list, field{kind, several(v)})
		}
	}
	return list, nil
}
