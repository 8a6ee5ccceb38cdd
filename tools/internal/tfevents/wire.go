package tfevents

import (
	"encoding/binary"
	"errors"
	"math"
)

// Kinds of fields in the wire format of protocol buffers.
const (
	kindVarint  = 0
	kindFixed64 = 1
	kindBytes   = 2
	kindFixed32 = 5
)

func appendTag(b []byte, field, kind int) []byte {
	return binary.AppendUvarint(b, uint64(field<<3|kind))
}

// appendInt leaves a zero out, as it is what a missing number means.
func appendInt(b []byte, field int, x int64) []byte {
	if x == 0 {
		return b
	}
	return binary.AppendUvarint(appendTag(b, field, kindVarint), uint64(x))
}

func appendDouble(b []byte, field int, x float64) []byte {
	return binary.LittleEndian.AppendUint64(appendTag(b, field, kindFixed64), math.Float64bits(x))
}

func appendFloat(b []byte, field int, x float32) []byte {
	return binary.LittleEndian.AppendUint32(appendTag(b, field, kindFixed32), math.Float32bits(x))
}

func appendBytes[B string | []byte](b []byte, field int, x B) []byte {
	return append(binary.AppendUvarint(appendTag(b, field, kindBytes), uint64(len(x))), x...)
}

// errWire says that a message is not in the wire format.
var errWire = errors.New("not a protocol buffer")

// field is one of a message: a number of any kind as its bits, or bytes.
type field struct {
	number, kind int
	bits         uint64
	bytes        []byte
}

// fields hands the fields of a message to f, in order.
func fields(b []byte, f func(field) error) error {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
			return errWire
		}
		b = b[n:]
		x := field{number: int(tag >> 3), kind: int(tag & 7)}
		switch x.kind {
		case kindVarint, kindBytes:
			v, n := binary.Uvarint(b)
			if n <= 0 {
				return errWire
			}
			b, x.bits = b[n:], v
			if x.kind == kindBytes {
				if v > uint64(len(b)) {
					return errWire
				}
				x.bytes, b = b[:v], b[v:]
			}
		case kindFixed64:
			if len(b) < 8 {
				return errWire
			}
			x.bits, b = binary.LittleEndian.Uint64(b), b[8:]
		case kindFixed32:
			if len(b) < 4 {
				return errWire
			}
			x.bits, b = uint64(binary.LittleEndian.Uint32(b)), b[4:]
		default:
			return errWire
		}
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}
