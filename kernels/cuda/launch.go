package cuda

import (
	"encoding/binary"
	"fmt"
	"math"

	"onestep/kernels"
	"onestep/kernels/cuda/driver"
)

// Dim is a grid's or block's extent. Zero Y and Z stand for 1.
type Dim = driver.Dim

// Arg is one kernel parameter.
type Arg struct {
	bits uint64
	size int
}

// Ptr is a buffer's address, a .u64. The zero Buf passes 0; a buffer of the host panics.
func Ptr(b kernels.Buf) Arg {
	if b.Given() && b.Addr == 0 {
		panic(fmt.Errorf("kernels/cuda: a buffer of %d elements that is not on the device", b.Len))
	}
	return Arg{b.Addr, 8}
}

// U64 is a .u64 or .s64.
func U64(x uint64) Arg { return Arg{x, 8} }

// I32 is a .s32 or .u32. It panics if x fits neither.
func I32(x int) Arg {
	if x < math.MinInt32 || x > math.MaxUint32 {
		panic(fmt.Errorf("kernels/cuda: %d does not fit a 32-bit kernel parameter", x))
	}
	return Arg{uint64(uint32(x)), 4}
}

// F32 is a .f32.
func F32(x float32) Arg { return Arg{uint64(math.Float32bits(x)), 4} }

// F64 is a .f64.
func F64(x float64) Arg { return Arg{math.Float64bits(x), 8} }

// Launch starts a kernel on the device's stream, with so many bytes of dynamic shared memory. Parameters are in the order in which the kernel's
// writer asks for them, which their number and sizes are checked against. Errors of the work itself come with a later call, and name the kernel if
// [SyncEnv] is set.
func (d *Device) Launch(k *Kernel, grid, block Dim, shared int, args ...Arg) {
	l := d.load(k)
	if len(args) != len(l.params) {
		panic(fmt.Errorf("kernels/cuda: %s has %d parameters, not %d", l.name, len(l.params), len(args)))
	}
	for i, a := range args {
		at := l.offsets[i]
		switch {
		case a.size != l.params[i]:
			panic(fmt.Errorf("kernels/cuda: parameter %d of %s has %d bytes, not %d", i, l.name, l.params[i], a.size))
		case a.size == 8:
			binary.LittleEndian.PutUint64(l.block[at:], a.bits)
		default:
			binary.LittleEndian.PutUint32(l.block[at:], uint32(a.bits))
		}
	}
	d.start(l, grid, block, shared)
}
