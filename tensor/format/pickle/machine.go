package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"unicode/utf8"
)

// Hooks say what the pickle's calls mean. Each may be nil.
type Hooks struct {
	// Persistent resolves a persistent id: a tensor's storage, say. Without it a persistent id is an error.
	Persistent func(id any) (any, error)
	// Call explains a call of a global; ok is false for one that it does not know, which becomes an *Object.
	Call func(g Global, args Tuple) (v any, ok bool, err error)
}

// limits of what any real file needs.
const (
	maxMemo  = 1 << 22 // entries
	maxStack = 1 << 20 // values
	maxLong  = 1 << 10 // bytes of an integer
)

// Error is a fault in a pickle, at a byte.
type Error struct {
	At  int // from the pickle's start
	Err error
}

func (e *Error) Error() string { return fmt.Sprintf("pickle, byte %d: %v", e.At, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Load reads one pickle from the start of data. It returns its value and how many bytes it took. Byte strings share data's memory.
func Load(data []byte, h Hooks) (v any, n int, err error) {
	m := machine{data: data, hooks: h, memo: map[uint32]any{}}
	for {
		at := m.at
		done, err := m.step()
		if err != nil {
			return nil, 0, &Error{at, err}
		}
		if done {
			return m.stack[0], m.at, nil
		}
		if len(m.stack) > maxStack || len(m.memo) > maxMemo {
			return nil, 0, &Error{at, fmt.Errorf("more than %d values at a time", maxStack)}
		}
	}
}

// mark is what MARK leaves on the stack.
type mark struct{}

type machine struct {
	data  []byte
	at    int
	hooks Hooks
	stack []any
	memo  map[uint32]any
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

func (m *machine) pop() (any, error) {
	v, err := m.top()
	if err == nil {
		m.stack = m.stack[:len(m.stack)-1]
	}
	return v, err
}

// top is the uppermost value, which must not be a mark.
func (m *machine) top() (any, error) {
	if len(m.stack) == 0 {
		return nil, fmt.Errorf("the stack is empty")
	}
	v := m.stack[len(m.stack)-1]
	if _, ok := v.(mark); ok {
		return nil, fmt.Errorf("the stack is empty above a mark")
	}
	return v, nil
}

// popMark takes everything above the uppermost mark, and the mark.
func (m *machine) popMark() ([]any, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(mark); ok {
			items := append([]any(nil), m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return items, nil
		}
	}
	return nil, fmt.Errorf("there is no mark on the stack")
}

// take is the next n bytes.
func (m *machine) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.data)-m.at) {
		return nil, fmt.Errorf("%d bytes wanted, %d are left", n, len(m.data)-m.at)
	}
	b := m.data[m.at : m.at+int(n) : m.at+int(n)]
	m.at += int(n)
	return b, nil
}

// number is the next size bytes as an unsigned little-endian number.
func (m *machine) number(size int) (uint64, error) {
	b, err := m.take(uint64(size))
	if err != nil {
		return 0, err
	}
	var word [8]byte
	copy(word[:], b)
	return binary.LittleEndian.Uint64(word[:]), nil
}

// counted is a run of bytes whose length stands before it in size bytes.
func (m *machine) counted(size int) ([]byte, error) {
	n, err := m.number(size)
	if err != nil {
		return nil, err
	}
	return m.take(n)
}

// line is the text up to a newline, which is skipped.
func (m *machine) line() (string, error) {
	for i := m.at; i < len(m.data); i++ {
		if m.data[i] == '\n' {
			s := m.data[m.at:i]
			m.at = i + 1
			return text(s)
		}
	}
	return "", fmt.Errorf("a line without an end")
}

func text(b []byte) (string, error) {
	if !utf8.Valid(b) {
		return "", fmt.Errorf("a string that is not valid UTF-8")
	}
	return string(b), nil
}

// long is a two's complement little-endian integer of any length.
func long(b []byte) (any, error) {
	if len(b) > maxLong {
		return nil, fmt.Errorf("an integer of %d bytes", len(b))
	}
	if len(b) <= 8 {
		var word [8]byte
		copy(word[:], b)
		if len(b) > 0 && b[len(b)-1]&0x80 != 0 {
			for i := len(b); i < 8; i++ {
				word[i] = 0xff
			}
		}
		return int64(binary.LittleEndian.Uint64(word[:])), nil
	}
	reversed := make([]byte, len(b))
	for i, x := range b {
		reversed[len(b)-1-i] = x
	}
	v := new(big.Int).SetBytes(reversed)
	if b[len(b)-1]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return v, nil
}

// call is REDUCE and NEWOBJ: f(args...).
func (m *machine) call(f any, args any) (any, error) {
	tuple, ok := args.(Tuple)
	if !ok {
		return nil, fmt.Errorf("%s as the arguments of a call", Describe(args))
	}
	g, ok := f.(Global)
	if !ok {
		return nil, fmt.Errorf("a call of %s, which is no class or function", Describe(f))
	}
	if g == (Global{"collections", "OrderedDict"}) {
		return orderedDict(tuple)
	}
	if m.hooks.Call != nil {
		if v, ok, err := m.hooks.Call(g, tuple); err != nil || ok {
			return v, err
		}
	}
	return &Object{Class: g, Args: tuple}, nil
}

// orderedDict is OrderedDict() or OrderedDict([[key, value], …]).
func orderedDict(args Tuple) (any, error) {
	d := &Dict{}
	if len(args) == 0 {
		return d, nil
	}
	list, ok := args[0].(*List)
	if !ok || len(args) > 1 {
		return nil, fmt.Errorf("OrderedDict of %s", Describe(args[0]))
	}
	for _, item := range list.Items {
		pair, err := Items(item)
		if err != nil || len(pair) != 2 {
			return nil, fmt.Errorf("OrderedDict of %s in place of pairs", Describe(item))
		}
		if err := d.set(pair[0], pair[1]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Items are the elements of a tuple or a list.
func Items(v any) ([]any, error) {
	switch v := v.(type) {
	case Tuple:
		return v, nil
	case *List:
		return v.Items, nil
	}
	return nil, fmt.Errorf("%s where a sequence should be", Describe(v))
}

// Int is an int that fits 64 bits.
func Int(v any) (int64, error) {
	if n, ok := v.(int64); ok {
		return n, nil
	}
	return 0, fmt.Errorf("%s where an int should be", Describe(v))
}

// appendTo adds items to a list, or to an object that is one.
func appendTo(target any, items []any) error {
	switch l := target.(type) {
	case *List:
		l.Items = append(l.Items, items...)
	case *Object:
		l.Items = append(l.Items, items...)
	default:
		return fmt.Errorf("items appended to %s", Describe(target))
	}
	return nil
}

// setIn sets pairs in a dictionary, or in an object that is one.
func setIn(target any, pairs []any) error {
	var d *Dict
	switch t := target.(type) {
	case *Dict:
		d = t
	case *Object:
		d = &t.Pairs
	default:
		return fmt.Errorf("items set in %s", Describe(target))
	}
	if len(pairs)%2 != 0 {
		return fmt.Errorf("a key without a value")
	}
	for i := 0; i < len(pairs); i += 2 {
		if err := d.set(pairs[i], pairs[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// build is BUILD: an object's state. Dictionaries are given attributes by PyTorch (_metadata); those do not matter here.
func build(target, state any) error {
	switch t := target.(type) {
	case *Object:
		if t.State != nil {
			return fmt.Errorf("state given twice to %s", Describe(t))
		}
		t.State = state
	case *Dict:
		if _, ok := state.(*Dict); !ok {
			return fmt.Errorf("%s as the attributes of a dict", Describe(state))
		}
	default:
		return fmt.Errorf("state given to %s", Describe(target))
	}
	return nil
}

func float(bits uint64) float64 { return math.Float64frombits(bits) }
