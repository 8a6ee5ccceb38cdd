package conformance

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// DType is the type of a buffer's elements: f16 f32 f64 s32 u32 s64 u64 u8 u16.
type DType string

var sizes = map[DType]int{"f16": 2, "f32": 4, "f64": 8, "s32": 4, "u32": 4, "s64": 8, "u64": 8, "u8": 1, "u16": 2}

// Size is in bytes; 0: there is no such type.
func (t DType) Size() int { return sizes[t] }

func (t DType) float() bool { return t[0] == 'f' }

// put writes the bits of an element.
func (t DType) put(b []byte, bits uint64) {
	switch t.Size() {
	case 1:
		b[0] = byte(bits)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(bits))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(bits))
	case 8:
		binary.LittleEndian.PutUint64(b, bits)
	}
}

// bits reads those of an element.
func (t DType) bits(b []byte) uint64 {
	switch t.Size() {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// round is a number as the bits of an element: floats to nearest even, integers too.
func (t DType) round(v float64) uint64 {
	switch t {
	case "f16":
		return uint64(half(v))
	case "f32":
		return uint64(math.Float32bits(float32(v)))
	case "f64":
		return math.Float64bits(v)
	}
	if v = math.RoundToEven(v); v < 0 {
		return uint64(int64(v))
	}
	return uint64(v)
}

// value is an element as a float64; integers of 64 bits are rounded.
func (t DType) value(bits uint64) float64 {
	switch t {
	case "f16":
		return fromHalf(uint16(bits))
	case "f32":
		return float64(math.Float32frombits(uint32(bits)))
	case "f64":
		return math.Float64frombits(bits)
	case "s32":
		return float64(int32(bits))
	case "s64":
		return float64(int64(bits))
	}
	return float64(bits)
}

// text is an element for messages.
func (t DType) text(bits uint64) string {
	switch {
	case t.float():
		return fmt.Sprintf("%v (%#0*x)", t.value(bits), 2+2*t.Size(), bits)
	case t == "s32":
		return strconv.FormatInt(int64(int32(bits)), 10)
	case t == "s64":
		return strconv.FormatInt(int64(bits), 10)
	}
	return strconv.FormatUint(bits, 10)
}

// parse is a JSON number, or a string of one, as the bits of an element.
func (t DType) parse(v any) (uint64, error) {
	s := strings.Trim(fmt.Sprint(v), `"`)
	switch v.(type) {
	case json.Number, string:
	default:
		return 0, fmt.Errorf("want a number, have %v", v)
	}
	if !t.float() {
		if i, err := strconv.ParseInt(s, 0, 64); err == nil {
			return uint64(i), t.holds(i < 0, uint64(i), s)
		}
		if u, err := strconv.ParseUint(s, 0, 64); err == nil {
			return u, t.holds(false, u, s)
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !t.float() && f != math.Trunc(f) {
		return 0, fmt.Errorf("%s is no %s", s, t)
	}
	return t.round(f), nil
}

// holds says whether an integer, which is v as 64 bits, is one of the type.
func (t DType) holds(negative bool, v uint64, s string) error {
	w := 8 * t.Size()
	ok := !negative && (w == 64 || v>>w == 0)
	if t[0] == 's' {
		ok = int64(v) >= -1<<(w-1) && int64(v) <= 1<<(w-1)-1 && (negative || int64(v) >= 0)
	}
	if !ok {
		return fmt.Errorf("%s is no %s", s, t)
	}
	return nil
}

// half rounds to the nearest float16, to even if two are as near.
func half(v float64) uint16 {
	sign := uint16(0)
	if math.Signbit(v) {
		sign, v = 1<<15, -v
	}
	switch {
	case v != v:
		return 0x7E00
	case v >= 65520: // halfway to what would be next after 65504
		return sign | 0x7C00
	case v < 1.0/(1<<14): // subnormal: multiples of 2⁻²⁴
		return sign | uint16(math.RoundToEven(v*(1<<24)))
	}
	_, e := math.Frexp(v)                              // v = f·2^e, f in [½,1)
	m := uint16(math.RoundToEven(math.Ldexp(v, 11-e))) // 1024 to 2048
	return sign | (uint16(e+13)<<10 + m)               // a carry goes into the exponent
}

func fromHalf(h uint16) float64 {
	e, m := int(h>>10&31), float64(h&1023)
	v := math.Ldexp(m, -24)
	switch {
	case e == 31 && m == 0:
		v = math.Inf(1)
	case e == 31:
		v = math.NaN()
	case e > 0:
		v = math.Ldexp(1024+m, e-25)
	}
	if h>>15 == 1 {
		return -v
	}
	return v
}
