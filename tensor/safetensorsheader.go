package tensor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// metadataKey is the one name in a header that is no array's.
const metadataKey = "__metadata__"

// headerEntry is what a header says of one array.
type headerEntry struct {
	name       string
	dtype      string
	shape      []int
	begin, end uint64 // of its bytes, after the header
}

// parseHeader reads the JSON header of a safetensors file. Package json gives the tokens; the grammar is checked here, since
// unmarshalling lets duplicate keys, unknown fields and invalid UTF-8 pass. The format is three levels deep, and whatever opens
// a fourth is refused where it opens, so depth costs no stack.
func parseHeader(text []byte) (tensors []headerEntry, metadata map[string]string, err error) {
	if len(text) == 0 || text[0] != '{' {
		return nil, nil, errors.New("does not start with {")
	}
	if !utf8.Valid(text) {
		return nil, nil, errors.New("is not valid UTF-8")
	}
	p := parser{json.NewDecoder(bytes.NewReader(text))}
	p.dec.UseNumber()
	seen := map[string]bool{}
	err = p.object(func(name string) (err error) {
		if seen[name] {
			return errors.New("name is given twice")
		}
		seen[name] = true
		if name == metadataKey {
			metadata, err = p.metadata()
			return err
		}
		t, err := p.entry(name)
		tensors = append(tensors, t)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if _, err := p.dec.Token(); err != io.EOF {
		return nil, nil, errors.New("something follows the closing }")
	}
	return tensors, metadata, nil
}

type parser struct{ dec *json.Decoder }

// object reads { key: value, … }, calling field after each key to read the value. Errors of field get the key in front.
func (p parser) object(field func(key string) error) error {
	if err := p.delim('{'); err != nil {
		return err
	}
	for p.dec.More() {
		key, err := p.text()
		if err != nil {
			return err
		}
		if err := field(key); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return p.delim('}')
}

func (p parser) metadata() (map[string]string, error) {
	m := map[string]string{}
	err := p.object(func(key string) (err error) {
		if _, twice := m[key]; twice {
			return errors.New("key is given twice")
		}
		m[key], err = p.text()
		return err
	})
	return m, err
}

func (p parser) entry(name string) (headerEntry, error) {
	t := headerEntry{name: name}
	seen := map[string]bool{}
	err := p.object(func(key string) (err error) {
		if seen[key] {
			return errors.New("field is given twice")
		}
		seen[key] = true
		switch key {
		case "dtype":
			t.dtype, err = p.text()
		case "shape":
			var dims []uint64
			dims, err = p.numbers(maxRank)
			t.shape = make([]int, len(dims))
			for i, d := range dims {
				if d > math.MaxInt {
					return fmt.Errorf("dimension %d is too large", d)
				}
				t.shape[i] = int(d)
			}
		case "data_offsets":
			var at []uint64
			if at, err = p.numbers(2); err == nil && len(at) != 2 {
				err = errors.New("want two numbers")
			}
			if err == nil {
				t.begin, t.end = at[0], at[1]
			}
		default:
			err = errors.New("field is not known")
		}
		return err
	})
	if err == nil && len(seen) != 3 {
		err = errors.New("want dtype, shape and data_offsets")
	}
	return t, err
}

// numbers reads [n, …], at most limit non-negative integers.
func (p parser) numbers(limit int) ([]uint64, error) {
	if err := p.delim('['); err != nil {
		return nil, err
	}
	ns := []uint64{}
	for p.dec.More() {
		t, err := p.token()
		if err != nil {
			return nil, err
		}
		number, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%.20q where a number should be", fmt.Sprint(t))
		}
		n, err := strconv.ParseUint(number.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%.20s is not a whole number from 0 to 2⁶⁴−1", number)
		}
		if ns = append(ns, n); len(ns) > limit {
			return nil, fmt.Errorf("more than %d numbers", limit)
		}
	}
	return ns, p.delim(']')
}

func (p parser) text() (string, error) {
	t, err := p.token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%.20q where a string should be", fmt.Sprint(t))
	}
	return s, nil
}

func (p parser) delim(want json.Delim) error {
	t, err := p.token()
	if err != nil {
		return err
	}
	if t != want {
		return fmt.Errorf("%.20q where %q should be", fmt.Sprint(t), want.String())
	}
	return nil
}

func (p parser) token() (json.Token, error) {
	t, err := p.dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return t, err
}
