package pickle

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// step runs one opcode; done after STOP.
func (m *machine) step() (done bool, err error) {
	op, err := m.number(1)
	if err != nil {
		return false, fmt.Errorf("no STOP: %w", err)
	}
	switch op {
	case '.': // STOP
		if len(m.stack) != 1 {
			return false, fmt.Errorf("STOP with %d values on the stack", len(m.stack))
		}
		_, err = m.top()
		return true, err
	case 0x80: // PROTO
		p, err := m.number(1)
		if err == nil && p > 5 {
			err = fmt.Errorf("protocol %d, at most 5 is known", p)
		}
		return false, err
	case 0x95: // FRAME: the opcodes that follow, of which nothing need be known
		n, err := m.number(8)
		if err == nil && n > uint64(len(m.data)-m.at) {
			err = fmt.Errorf("a frame of %d bytes, %d are left", n, len(m.data)-m.at)
		}
		return false, err
	}
	for _, f := range []func(byte) (bool, error){m.scalar, m.bytes, m.container, m.memory, m.object} {
		if known, err := f(byte(op)); known || err != nil {
			return false, err
		}
	}
	return false, fmt.Errorf("opcode %#02x is not one of data", op)
}

// pushResult is the last step of an opcode that yields a value.
func (m *machine) pushResult(v any, err error) (bool, error) {
	if err == nil {
		m.push(v)
	}
	return true, err
}

// scalar has the opcodes of numbers and constants.
func (m *machine) scalar(op byte) (known bool, err error) {
	switch op {
	case 'N':
		m.push(nil)
	case 0x88:
		m.push(true)
	case 0x89:
		m.push(false)
	case 'J': // BININT
		n, err := m.number(4)
		return m.pushResult(int64(int32(n)), err)
	case 'K': // BININT1
		n, err := m.number(1)
		return m.pushResult(int64(n), err)
	case 'M': // BININT2
		n, err := m.number(2)
		return m.pushResult(int64(n), err)
	case 0x8a: // LONG1
		return m.longValue(1)
	case 0x8b: // LONG4
		return m.longValue(4)
	case 'G': // BINFLOAT, big-endian
		b, err := m.take(8)
		if err != nil {
			return true, err
		}
		return m.pushResult(float(binary.BigEndian.Uint64(b)), nil)
	case 'I', 'L': // INT and LONG, in digits; I01 and I00 are booleans
		s, err := m.line()
		if err != nil {
			return true, err
		}
		if op == 'I' && (s == "00" || s == "01") {
			return m.pushResult(s == "01", nil)
		}
		n, ok := new(big.Int).SetString(strings.TrimSuffix(s, "L"), 10)
		if !ok || len(s) > maxLong {
			return true, fmt.Errorf("%.20q is no integer", s)
		}
		if n.IsInt64() {
			return m.pushResult(n.Int64(), nil)
		}
		return m.pushResult(n, nil)
	case 'F': // FLOAT, in digits
		s, err := m.line()
		if err != nil {
			return true, err
		}
		x, err := strconv.ParseFloat(s, 64)
		return m.pushResult(x, err)
	default:
		return false, nil
	}
	return true, nil
}

func (m *machine) longValue(size int) (bool, error) {
	n, err := m.number(size)
	if err != nil {
		return true, err
	}
	if size == 4 && int32(n) < 0 {
		return true, fmt.Errorf("an integer of %d bytes", int32(n))
	}
	b, err := m.take(n)
	if err != nil {
		return true, err
	}
	return m.pushResult(long(b))
}

// bytes has the opcodes of strings and byte strings.
func (m *machine) bytes(op byte) (known bool, err error) {
	str := func(size int) (bool, error) {
		b, err := m.counted(size)
		if err != nil {
			return true, err
		}
		return m.pushResult(text(b))
	}
	raw := func(size int) (bool, error) {
		b, err := m.counted(size)
		return m.pushResult(b, err)
	}
	switch op {
	case 0x8c: // SHORT_BINUNICODE
		return str(1)
	case 'X': // BINUNICODE
		return str(4)
	case 0x8d: // BINUNICODE8
		return str(8)
	case 'C': // SHORT_BINBYTES
		return raw(1)
	case 'B': // BINBYTES
		return raw(4)
	case 0x8e, 0x96: // BINBYTES8, BYTEARRAY8
		return raw(8)
	case 'U', 'T': // SHORT_BINSTRING, BINSTRING: Python 2's strings, of bytes; those that are text are taken for it
		b, err := m.counted(map[byte]int{'U': 1, 'T': 4}[op])
		if err != nil {
			return true, err
		}
		if s, err := text(b); err == nil {
			return m.pushResult(s, nil)
		}
		return m.pushResult(b, nil)
	case 'V': // UNICODE, a line
		s, err := m.line()
		return m.pushResult(s, err)
	case 'S': // STRING, a quoted line
		s, err := m.line()
		if err == nil && (len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '\'' && s[0] != '"' || strings.Contains(s, `\`)) {
			err = fmt.Errorf("%.20q is no quoted string", s)
		}
		if err != nil {
			return true, err
		}
		return m.pushResult(s[1:len(s)-1], nil)
	}
	return false, nil
}

// container has the opcodes of tuples, lists, dictionaries and sets.
func (m *machine) container(op byte) (known bool, err error) {
	switch op {
	case '(':
		m.stack = append(m.stack, mark{})
	case ')':
		m.push(Tuple{})
	case ']':
		m.push(&List{})
	case '}':
		m.push(&Dict{})
	case 0x8f:
		m.push(&Set{})
	case 0x85, 0x86, 0x87: // TUPLE1 to TUPLE3
		t := make(Tuple, op-0x84)
		for i := len(t) - 1; i >= 0; i-- {
			if t[i], err = m.pop(); err != nil {
				return true, err
			}
		}
		m.push(t)
	case 't', 'l', 'd', 0x91: // TUPLE, LIST, DICT, FROZENSET: what is above the mark
		items, err := m.popMark()
		if err != nil {
			return true, err
		}
		switch op {
		case 't':
			m.push(Tuple(items))
		case 'l':
			m.push(&List{Items: items})
		case 0x91:
			m.push(&Set{Items: items})
		default:
			d := &Dict{}
			m.push(d)
			return true, setIn(d, items)
		}
	case 'a', 's': // APPEND, SETITEM
		n := map[byte]int{'a': 1, 's': 2}[op]
		items := make([]any, n)
		for i := n - 1; i >= 0; i-- {
			if items[i], err = m.pop(); err != nil {
				return true, err
			}
		}
		return true, m.extend(op == 's', items)
	case 'e', 'u', 0x90: // APPENDS, SETITEMS, ADDITEMS
		items, err := m.popMark()
		if err != nil {
			return true, err
		}
		if op == 0x90 {
			target, err := m.top()
			if err != nil {
				return true, err
			}
			set, ok := target.(*Set)
			if !ok {
				return true, fmt.Errorf("items added to %s", Describe(target))
			}
			set.Items = append(set.Items, items...)
			return true, nil
		}
		return true, m.extend(op == 'u', items)
	default:
		return false, nil
	}
	return true, nil
}

func (m *machine) extend(pairs bool, items []any) error {
	target, err := m.top()
	if err != nil {
		return err
	}
	if pairs {
		return setIn(target, items)
	}
	return appendTo(target, items)
}

// memory has the opcodes of the stack and the memo.
func (m *machine) memory(op byte) (known bool, err error) {
	put := func(i uint64) (bool, error) {
		v, err := m.top()
		if err == nil {
			m.memo[uint32(i)] = v
		}
		return true, err
	}
	get := func(i uint64) (bool, error) {
		v, ok := m.memo[uint32(i)]
		if !ok {
			return true, fmt.Errorf("memo %d is not set", i)
		}
		m.push(v)
		return true, nil
	}
	indexed := func(size int, f func(uint64) (bool, error)) (bool, error) {
		i, err := m.number(size)
		if err != nil {
			return true, err
		}
		return f(i)
	}
	switch op {
	case 'q': // BINPUT
		return indexed(1, put)
	case 'r': // LONG_BINPUT
		return indexed(4, put)
	case 0x94: // MEMOIZE
		return put(uint64(len(m.memo)))
	case 'h': // BINGET
		return indexed(1, get)
	case 'j': // LONG_BINGET
		return indexed(4, get)
	case 'p', 'g': // PUT and GET, in digits
		s, err := m.line()
		if err != nil {
			return true, err
		}
		i, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return true, err
		}
		if op == 'p' {
			return put(i)
		}
		return get(i)
	case '0': // POP, which may take a mark
		if len(m.stack) == 0 {
			return true, fmt.Errorf("the stack is empty")
		}
		m.stack = m.stack[:len(m.stack)-1]
	case '1': // POP_MARK
		_, err = m.popMark()
	case '2': // DUP
		v, err := m.top()
		return m.pushResult(v, err)
	default:
		return false, nil
	}
	return true, err
}

// object has the opcodes of names, calls, state and persistent ids.
func (m *machine) object(op byte) (known bool, err error) {
	switch op {
	case 'c': // GLOBAL
		module, err := m.line()
		if err != nil {
			return true, err
		}
		name, err := m.line()
		return m.pushResult(Global{module, name}, err)
	case 0x93: // STACK_GLOBAL
		args, err := m.popTwo()
		if err != nil {
			return true, err
		}
		module, ok1 := args[0].(string)
		name, ok2 := args[1].(string)
		if !ok1 || !ok2 {
			return true, fmt.Errorf("%s and %s as the name of a global", Describe(args[0]), Describe(args[1]))
		}
		m.push(Global{module, name})
	case 'R', 0x81: // REDUCE, NEWOBJ
		args, err := m.popTwo()
		if err != nil {
			return true, err
		}
		return m.pushResult(m.call(args[0], args[1]))
	case 0x92: // NEWOBJ_EX: keyword arguments are data like the others
		kwargs, err := m.pop()
		if err != nil {
			return true, err
		}
		args, err := m.popTwo()
		if err != nil {
			return true, err
		}
		tuple, ok := args[1].(Tuple)
		if !ok {
			return true, fmt.Errorf("%s as the arguments of a call", Describe(args[1]))
		}
		return m.pushResult(&Object{Class: args[0], Args: append(tuple[:len(tuple):len(tuple)], kwargs)}, nil)
	case 'b': // BUILD
		state, err := m.pop()
		if err != nil {
			return true, err
		}
		target, err := m.top()
		if err != nil {
			return true, err
		}
		return true, build(target, state)
	case 'Q', 'P': // BINPERSID, PERSID
		var id any
		if op == 'P' {
			id, err = m.line()
		} else {
			id, err = m.pop()
		}
		if err != nil {
			return true, err
		}
		if m.hooks.Persistent == nil {
			return true, fmt.Errorf("a persistent id in a file that has nothing it could mean")
		}
		return m.pushResult(m.hooks.Persistent(id))
	default:
		return false, nil
	}
	return true, nil
}

func (m *machine) popTwo() ([2]any, error) {
	b, err := m.pop()
	if err != nil {
		return [2]any{}, err
	}
	a, err := m.pop()
	return [2]any{a, b}, err
}
