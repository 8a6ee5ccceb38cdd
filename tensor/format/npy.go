package format

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"onestep/tensor"
)

// npyTypes are NumPy's element types by their descr; little-endian only, '|' for single bytes.
var npyTypes = map[string]struct {
	dtype string
	size  int
}{
	"<f8": {"F64", 8}, "<f4": {"F32", 4}, "<f2": {"F16", 2}, "<i8": {"I64", 8}, "<i4": {"I32", 4}, "<i2": {"I16", 2}, "|i1": {"I8", 1},
	"<u8": {"U64", 8}, "<u4": {"U32", 4}, "<u2": {"U16", 2}, "|u1": {"U8", 1}, "|b1": {"BOOL", 1},
}

const npyMagic = "\x93NUMPY"

// npy reads one array [npy] of a stream of exactly total bytes: its head and the data. Memory is taken only once head and total agree.
// Column-major data becomes row-major.
func npy(r io.Reader, total uint64) (tensor.Entry, error) {
	h, err := npyStart(r, total)
	if err != nil {
		return tensor.Entry{}, fmt.Errorf("npy: %w", err)
	}
	e := tensor.Entry{DType: h.dtype, Shape: h.shape, Data: make([]byte, h.bytes)}
	if _, err := io.ReadFull(r, e.Data); err != nil {
		return tensor.Entry{}, fmt.Errorf("npy: data: %w", err)
	}
	switch extra, err := io.ReadFull(r, make([]byte, 1)); {
	case extra > 0:
		return tensor.Entry{}, fmt.Errorf("npy: more data than its shape %v says", h.shape)
	case err != io.EOF: // a wrong checksum, for example
		return tensor.Entry{}, fmt.Errorf("npy: data: %w", err)
	}
	if h.fortran && len(h.shape) > 1 {
		return transposed(e, h.size), nil
	}
	return e, nil
}

// npyArray is what the head of an array says.
type npyArray struct {
	npyHeader
	dtype string
	size  int    // of an element
	bytes uint64 // of all
}

// npyStart reads what stands before the data: magic, version, a header that is a Python dictionary. It must agree with the total of bytes.
func npyStart(r io.Reader, total uint64) (a npyArray, err error) {
	fail := func(format string, args ...any) (npyArray, error) { return npyArray{}, fmt.Errorf(format, args...) }
	var fixed [8]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return fail("it ends within its first 8 bytes")
	}
	if string(fixed[:6]) != npyMagic {
		return fail("it does not start with the magic string")
	}
	major, lengthBytes := fixed[6], 2
	switch major {
	case 1:
	case 2, 3:
		lengthBytes = 4
	default:
		return fail("version %d, 1 to 3 are known", major)
	}
	var word [4]byte
	if _, err := io.ReadFull(r, word[:lengthBytes]); err != nil {
		return fail("it ends within its header's length")
	}
	n := uint64(binary.LittleEndian.Uint32(word[:]))
	start := uint64(8+lengthBytes) + n
	if n > 1<<16 || start > total {
		return fail("a header of %d bytes in a file of %d", n, total)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return fail("it ends within its header")
	}
	if a.npyHeader, err = parseNpyHeader(string(header)); err != nil {
		return fail("header: %w", err)
	}
	t, ok := npyTypes[a.descr]
	if !ok {
		return fail("element type %.20q is not one of numbers", a.descr)
	}
	count := uint64(1)
	for _, d := range a.shape {
		over, p := bits.Mul64(count, uint64(d))
		if count = p; over != 0 || count > 1<<48 {
			return fail("shape %v is too large", a.shape)
		}
	}
	a.dtype, a.size, a.bytes = t.dtype, t.size, count*uint64(t.size)
	if start+a.bytes != total {
		return fail("shape %v of %s needs %d bytes of data, there are %d", a.shape, a.descr, a.bytes, total-start)
	}
	return a, nil
}

// transposed is row-major data of an array whose elements lie column-major.
func transposed(e tensor.Entry, size int) tensor.Entry {
	a := &array{of: &storage{size: size, dtype: e.DType, data: e.Data, count: len(e.Data) / size}}
	step := int64(1)
	for _, d := range e.Shape {
		a.shape = append(a.shape, int64(d))
		a.strides = append(a.strides, step)
		step *= int64(d)
	}
	out, err := a.entry(&budget{left: len(e.Data)})
	if err != nil {
		panic(err) // cannot be: the shape has as many elements as the data
	}
	return out
}

type npyHeader struct {
	descr   string
	fortran bool
	shape   []int
}

// parseNpyHeader reads {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }. It knows nothing but these three keys.
func parseNpyHeader(s string) (h npyHeader, err error) {
	p := &literal{rest: strings.TrimRight(s, " \n\x00")}
	seen := map[string]bool{}
	p.want("{")
	for p.err == nil && !p.accept("}") {
		key := p.text()
		if seen[key] {
			return h, fmt.Errorf("%s is given twice", key)
		}
		seen[key] = true
		p.want(":")
		switch key {
		case "descr":
			h.descr = p.text()
		case "fortran_order":
			h.fortran = p.accept("True")
			if !h.fortran {
				p.want("False")
			}
		case "shape":
			h.shape = p.tuple()
		default:
			return h, fmt.Errorf("key %.20q is not known", key)
		}
		if !p.accept(",") {
			p.want("}")
			break
		}
	}
	if p.err == nil && p.rest != "" {
		p.err = fmt.Errorf("%.20q after its end", p.rest)
	}
	if p.err == nil && len(seen) != 3 {
		p.err = fmt.Errorf("descr, fortran_order and shape are wanted")
	}
	return h, p.err
}

// literal is what is left of a Python literal. After an error it accepts nothing.
type literal struct {
	rest string
	err  error
}

func (p *literal) accept(token string) bool {
	p.rest = strings.TrimLeft(p.rest, " ")
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok && p.err == nil {
		p.rest = rest
		return true
	}
	return false
}

func (p *literal) want(token string) {
	if !p.accept(token) && p.err == nil {
		p.err = fmt.Errorf("%.20q where %s should be", p.rest, token)
	}
}

// text is a string in either quotes, without escapes.
func (p *literal) text() string {
	for _, quote := range []string{"'", `"`} {
		if p.accept(quote) {
			s, rest, ok := strings.Cut(p.rest, quote)
			if !ok || strings.Contains(s, `\`) {
				break
			}
			p.rest = rest
			return s
		}
	}
	if p.err == nil {
		p.err = fmt.Errorf("%.20q where a string should be", p.rest)
	}
	return ""
}

// tuple is (), (3,) or (3, 4).
func (p *literal) tuple() []int {
	shape := []int{}
	p.want("(")
	for p.err == nil && !p.accept(")") {
		p.rest = strings.TrimLeft(p.rest, " ")
		end := strings.IndexFunc(p.rest, func(r rune) bool { return r < '0' || r > '9' })
		if end <= 0 {
			p.err = fmt.Errorf("%.20q where a dimension should be", p.rest)
			break
		}
		d, err := strconv.ParseUint(p.rest[:end], 10, 48)
		if err != nil || len(shape) == 32 {
			p.err = fmt.Errorf("dimension %.20s is too large", p.rest[:end])
			break
		}
		shape = append(shape, int(d))
		p.rest = p.rest[end:]
		if !p.accept(",") {
			p.want(")")
			break
		}
	}
	return shape
}

// npz reads the wanted arrays of NumPy's archive.
func (a *archive) npz(wanted func(name string) bool) (map[string]tensor.Entry, error) {
	arrays := map[string]tensor.Entry{}
	for _, name := range slices.Sorted(slices.Values(a.names)) {
		key, ok := strings.CutSuffix(name, ".npy")
		switch {
		case !wanted(key):
			continue
		case !ok || key == "":
			return nil, fmt.Errorf("zip: entry %.60q is no .npy file", name)
		}
		r, size, err := a.contents(name)
		if err != nil {
			return nil, err
		}
		e, err := npy(r, size)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		arrays[key] = e
	}
	return arrays, nil
}
