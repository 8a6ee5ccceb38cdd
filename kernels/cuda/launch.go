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

// Module is one committed PTX file. A kernel of it is loaded on a device the first time it is launched.
type Module struct {
	Name string // of the file, for messages: "groupnorm.ptx"
	PTX  string
}

// NewModule names a PTX text.
func NewModule(name, ptx string) *Module { return &Module{Name: name, PTX: ptx} }

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

// Launch starts entry of m on the device's stream, with so many bytes of dynamic shared memory. Parameters are laid out as the PTX entry declares
// them; their number and sizes are checked against the declaration. Errors of the work itself come with a later call, and name the kernel if
// [SyncEnv] is set.
func (d *Device) Launch(m *Module, entry string, grid, block Dim, shared int, args ...Arg) {
	f := d.kernel(m, entry)
	if len(args) != len(f.params) {
		panic(fmt.Errorf("kernels/cuda: %s has %d parameters, not %d", f.name, len(f.params), len(args)))
	}
	for i, a := range args {
		at := f.offsets[i]
		switch {
		case a.size != f.params[i]:
			panic(fmt.Errorf("kernels/cuda: parameter %d of %s has %d bytes, not %d", i, f.name, f.params[i], a.size))
		case a.size == 8:
			binary.LittleEndian.PutUint64(f.block[at:], a.bits)
		default:
			binary.LittleEndian.PutUint32(f.block[at:], uint32(a.bits))
		}
	}
	d.start(f, grid, block, shared)
}
