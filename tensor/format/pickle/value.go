// Package pickle reads Python's pickles as data. It is a small stack machine for the opcodes of protocols 0 to 5 that data needs; calls and
// classes in a pickle become values that say what was called, and nothing is ever run or imported.
//
// Sizes in the file are compared with the bytes that are left before memory is taken.
//
// # References
//
//   - [pickletools] The Python standard library's module pickletools, which documents every opcode
package pickle

import (
	"fmt"
	"math/big"
)

// The values that a pickle is made of: nil, bool, int64, *big.Int, float64, string, []byte, [Tuple], *[List], *[Dict], *[Set], [Global],
// *[Object], and whatever the caller's functions in [Hooks] return.
type (
	// Tuple is a tuple.
	Tuple []any

	// List is a list.
	List struct{ Items []any }

	// Set is a set or frozenset.
	Set struct{ Items []any }

	// Global is the name of a class or function.
	Global struct{ Module, Name string }

	// Object is the result of a call that [Hooks] did not explain: of a class or function by REDUCE, NEWOBJ or NEWOBJ_EX. State is what BUILD
	// handed to it, or nil; Items and Pairs what was appended or set, as to subclasses of list and dict.
	Object struct {
		Class any // Global, or some other value that was called
		Args  Tuple
		State any
		Items []any
		Pairs Dict
	}
)

func (g Global) String() string { return g.Module + "." + g.Name }

// Dict is a dict or an OrderedDict: keys in the order of their first setting.
type Dict struct {
	keys []any
	at   map[any]int // of keys; by value for scalars and strings
	vals []any
}

// Len is the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// All calls f for every key and value until it returns false.
func (d *Dict) All(f func(key, value any) bool) {
	for i, k := range d.keys {
		if !f(k, d.vals[i]) {
			return
		}
	}
}

// Get finds the value of a key that is a string.
func (d *Dict) Get(key string) (any, bool) {
	i, ok := d.at[key]
	if !ok {
		return nil, false
	}
	return d.vals[i], true
}

func (d *Dict) set(key, value any) error {
	k, err := hashable(key)
	if err != nil {
		return err
	}
	if i, ok := d.at[k]; ok {
		d.vals[i] = value
		return nil
	}
	if d.at == nil {
		d.at = map[any]int{}
	}
	d.at[k] = len(d.keys)
	d.keys = append(d.keys, key)
	d.vals = append(d.vals, value)
	return nil
}

// bytesKey keeps the keys b"x" and "x" apart.
type bytesKey string

// tupleKey is the text of a tuple of scalars.
type tupleKey string

// hashable is a key in a form that Go can compare, or an error for what Python could not hash.
func hashable(key any) (any, error) {
	switch k := key.(type) {
	case nil, bool, int64, float64, string, Global:
		return k, nil
	case *big.Int:
		return tupleKey(k.String()), nil
	case []byte:
		return bytesKey(k), nil
	case Tuple:
		if len(k) > 16 {
			return nil, fmt.Errorf("a tuple of %d items as a key", len(k))
		}
		text := "("
		for _, x := range k {
			switch x.(type) {
			case nil, bool, int64, float64, string:
				text += fmt.Sprintf("%T %#v,", x, x)
			default:
				return nil, fmt.Errorf("a tuple with %s as a key", Describe(x))
			}
		}
		return tupleKey(text), nil
	}
	return nil, fmt.Errorf("%s as a key of a dictionary", Describe(key))
}

// Describe names a value's kind in the words of Python, for messages.
func Describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case int64, *big.Int:
		return "an int"
	case float64:
		return "a float"
	case string:
		return "a str"
	case []byte:
		return "bytes"
	case Tuple:
		return "a tuple"
	case *List:
		return "a list"
	case *Set:
		return "a set"
	case *Dict:
		return "a dict"
	case Global:
		return "the name " + v.String()
	case *Object:
		if g, ok := v.Class.(Global); ok {
			return "a call of " + g.String()
		}
		return "a call of " + Describe(v.Class)
	}
	return fmt.Sprintf("%T", v)
}
