package kernels

import "fmt"

// DType is the type of a buffer's elements.
type DType uint8

const (
	F32 DType = iota // IEEE 754 binary32
	F16              // IEEE 754 binary16, storage only
)

// Size is the size of one element in bytes.
func (t DType) Size() int {
	if t == F16 {
		return 2
	}
	return 4
}

func (t DType) String() string {
	if t == F16 {
		return "f16"
	}
	return "f32"
}

// Buf is a contiguous run of elements in the memory of some device. On the host exactly one of the two slices is
// set; elsewhere both are nil and Addr is the device address. The zero Buf means "not given".
type Buf struct {
	F32  []float32
	F16  []F16Bits
	Addr uint64
	Type DType
	Len  int // elements
}

// HostF32 wraps a slice as a buffer on the host.
func HostF32(x []float32) Buf { return Buf{F32: x, Type: F32, Len: len(x)} }

// HostF16 wraps a slice of halves as a buffer on the host.
func HostF16(x []F16Bits) Buf { return Buf{F16: x, Type: F16, Len: len(x)} }

// Given says whether the buffer is there at all: optional arguments are left zero.
func (b Buf) Given() bool { return b.Len > 0 }

// Bytes is the size of the buffer in bytes.
func (b Buf) Bytes() int { return b.Len * b.Type.Size() }

// Slice is elements lo up to hi of b, sharing its memory.
func (b Buf) Slice(lo, hi int) Buf {
	if lo < 0 || hi < lo || hi > b.Len {
		panic(fmt.Errorf("kernels: slice [%d:%d] of a buffer of %d elements", lo, hi, b.Len))
	}
	s := Buf{Type: b.Type, Len: hi - lo}
	switch {
	case b.F32 != nil:
		s.F32 = b.F32[lo:hi:hi]
	case b.F16 != nil:
		s.F16 = b.F16[lo:hi:hi]
	default:
		s.Addr = b.Addr + uint64(lo*b.Type.Size())
	}
	return s
}

// DeviceError is the world failing a kernel: out of memory, a launch that the driver refused. Kernels panic with it and
// the trainer turns it into an error.
type DeviceError struct {
	Device string // "cpu/avx2"
	Op     string // what was being done
	Err    error
}

func (e *DeviceError) Error() string { return fmt.Sprintf("%s: %s: %v", e.Device, e.Op, e.Err) }
func (e *DeviceError) Unwrap() error { return e.Err }
