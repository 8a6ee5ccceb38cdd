package tensor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"onestep/kernels"
)

// Len is the number of elements.
func (e Entry) Len() int {
	n := 1
	for _, d := range e.Shape {
		n *= d
	}
	return n
}

// CheckShape is an error that names the file and the array unless the shape is the wanted one.
func (e Entry) CheckShape(want ...int) error {
	if !slices.Equal(e.Shape, want) {
		return fmt.Errorf("%sshape %v, want %v", e.where, e.Shape, want)
	}
	return nil
}

// CheckFinite is an error at the first NaN or infinity. Integers pass.
func (e Entry) CheckFinite() error {
	var bad func(b []byte) bool // whether all bits of the exponent are set
	switch e.DType {
	case "F64":
		bad = func(b []byte) bool { return binary.LittleEndian.Uint16(b[6:])&0x7ff0 == 0x7ff0 }
	case "F32":
		bad = func(b []byte) bool { return binary.LittleEndian.Uint16(b[2:])&0x7f80 == 0x7f80 }
	case "BF16":
		bad = func(b []byte) bool { return binary.LittleEndian.Uint16(b)&0x7f80 == 0x7f80 }
	case "F16":
		bad = func(b []byte) bool { return binary.LittleEndian.Uint16(b)&0x7c00 == 0x7c00 }
	default:
		return nil
	}
	size := elementSize[e.DType]
	for i := 0; i < len(e.Data); i += size {
		if bad(e.Data[i:]) {
			return fmt.Errorf("%selement %d of %d is not finite", e.where, i/size, e.Len())
		}
	}
	return nil
}

var errInexact = errors.New("cannot be held exactly")

// Float32s converts the elements to float32. F64 is rounded to nearest, other floating-point types are widened exactly. An
// integer that float32 cannot hold exactly is an error, and so is a finite F64 beyond its range.
func (e Entry) Float32s() ([]float32, error) {
	switch e.DType {
	case "F32":
		return convert(e, 4, func(b []byte) (float32, error) { return math.Float32frombits(binary.LittleEndian.Uint32(b)), nil })
	case "F16":
		return convert(e, 2, func(b []byte) (float32, error) {
			return kernels.F16Bits(binary.LittleEndian.Uint16(b)).Float32(), nil
		})
	case "BF16":
		return convert(e, 2, func(b []byte) (float32, error) {
			return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16), nil
		})
	case "F64":
		return convert(e, 8, func(b []byte) (float32, error) {
			x := math.Float64frombits(binary.LittleEndian.Uint64(b))
			if y := float32(x); !math.IsInf(float64(y), 0) || math.IsInf(x, 0) {
				return y, nil
			}
			return 0, fmt.Errorf("%g is beyond float32", x)
		})
	}
	return integers(e, func(sign bool, abs uint64) (float32, error) {
		x := float32(abs)
		if x >= 1<<64 || uint64(x) != abs {
			return 0, errInexact
		}
		if sign {
			x = -x
		}
		return x, nil
	})
}

// Float64s converts the elements to float64, exactly; an integer that float64 cannot hold is an error.
func (e Entry) Float64s() ([]float64, error) {
	switch e.DType {
	case "F64":
		return convert(e, 8, func(b []byte) (float64, error) { return math.Float64frombits(binary.LittleEndian.Uint64(b)), nil })
	case "F32", "F16", "BF16":
		xs, err := e.Float32s()
		if err != nil {
			return nil, err
		}
		ys := make([]float64, len(xs))
		for i, x := range xs {
			ys[i] = float64(x)
		}
		return ys, nil
	}
	return integers(e, func(sign bool, abs uint64) (float64, error) {
		x := float64(abs)
		if x >= 1<<64 || uint64(x) != abs {
			return 0, errInexact
		}
		if sign {
			x = -x
		}
		return x, nil
	})
}

// Int64s converts the elements of an array of integers or booleans; floating-point types are an error.
func (e Entry) Int64s() ([]int64, error) {
	return integers(e, func(sign bool, abs uint64) (int64, error) {
		switch {
		case sign:
			return -int64(abs), nil // also right for -2⁶³
		case abs > math.MaxInt64:
			return 0, errInexact
		}
		return int64(abs), nil
	})
}

// integers converts an array of integers by way of sign and absolute value, which holds I64 and U64.
func integers[T any](e Entry, f func(sign bool, abs uint64) (T, error)) ([]T, error) {
	le := binary.LittleEndian
	unsigned := func(x uint64) (T, error) { return f(false, x) }
	signed := func(x int64) (T, error) {
		if x < 0 {
			return f(true, -uint64(x))
		}
		return f(false, uint64(x))
	}
	switch e.DType {
	case "I64":
		return convert(e, 8, func(b []byte) (T, error) { return signed(int64(le.Uint64(b))) })
	case "I32":
		return convert(e, 4, func(b []byte) (T, error) { return signed(int64(int32(le.Uint32(b)))) })
	case "I16":
		return convert(e, 2, func(b []byte) (T, error) { return signed(int64(int16(le.Uint16(b)))) })
	case "I8":
		return convert(e, 1, func(b []byte) (T, error) { return signed(int64(int8(b[0]))) })
	case "U64":
		return convert(e, 8, func(b []byte) (T, error) { return unsigned(le.Uint64(b)) })
	case "U32":
		return convert(e, 4, func(b []byte) (T, error) { return unsigned(uint64(le.Uint32(b))) })
	case "U16":
		return convert(e, 2, func(b []byte) (T, error) { return unsigned(uint64(le.Uint16(b))) })
	case "U8", "BOOL":
		return convert(e, 1, func(b []byte) (T, error) { return unsigned(uint64(b[0])) })
	}
	return nil, fmt.Errorf("%sdtype %s, want integers", e.where, e.DType)
}

// convert applies f to each element's bytes.
func convert[T any](e Entry, size int, f func([]byte) (T, error)) ([]T, error) {
	if size*e.Len() != len(e.Data) {
		return nil, fmt.Errorf("%s%d bytes for %s %v", e.where, len(e.Data), e.DType, e.Shape)
	}
	ys := make([]T, e.Len())
	for i := range ys {
		y, err := f(e.Data[i*size : (i+1)*size])
		if err != nil {
			return nil, fmt.Errorf("%selement %d: %w", e.where, i, err)
		}
		ys[i] = y
	}
	return ys, nil
}
