//go:build amd64 && !purego

package cpu

import (
	"unsafe"

	"onestep/kernels"
)

// lanes is the number of float32 in a vector.
func lanes(isa kernels.ISA) int {
	if isa >= kernels.AVX512 {
		return 16
	}
	return 8
}

// panels cuts the columns of B into panels of 48, 32 or 16 (AVX-512), or of 16 and 8 (AVX2). AVX-512 takes as many panels
// of 48 as it can without leaving a panel of 16 beside others: that one runs at half speed.
type panels struct {
	count int
	wide  int // panels of the full width come first
	width int
	total int // columns, in whole vectors
}

func panelsOf(isa kernels.ISA, n int) panels {
	v := lanes(isa)
	nv := (n + v - 1) / v
	if isa < kernels.AVX512 {
		return panels{count: (nv + 1) / 2, wide: nv / 2, width: 16, total: nv * 8}
	}
	p := panels{wide: nv / 3, width: 48, total: nv * 16}
	if nv%3 == 1 && nv > 1 {
		p.wide--
	}
	p.count = p.wide + (nv-3*p.wide+1)/2
	return p
}

// start is the first column of panel i; that of the panel behind the last is the total.
func (p panels) start(i int) int {
	if i == p.count {
		return p.total
	}
	return p.width*min(i, p.wide) + 32*max(0, i-p.wide)
}

// widest is the most columns of a panel.
const widest = 48

// Sums start at zeros; a row of ones, read with stride 0, sums columns.
var (
	zeros [widest]float32
	one   float32 = 1
)

// tileArgs is what the assembly of zgemm_tile_amd64.s reads; the loop is written there. Strides and jumps are in bytes.
type tileArgs struct {
	a, b, c, init    *float32
	s, ldb, ldc, ldi int
	rows             int
	k                int
	runs             int
	runA, runB       int
	sheets           int
	sheetA, sheetB   int
	groups           int
	groupA, groupC   int
	groupInit        int
}

// tile calls that assembly; nothing else does. It is not inlined, so that every call passes a function prologue: a goroutine that calls one
// assembly function after another can be stopped only there, and the garbage collector waits until it is.
//
//go:noinline
func tile(isa kernels.ISA, formT bool, width int, t *tileArgs) {
	args := (*byte)(unsafe.Pointer(t))
	if isa >= kernels.AVX512 {
		switch {
		case !formT && width == 48:
			tileAVX512Nx48(args)
		case !formT && width == 32:
			tileAVX512Nx32(args)
		case !formT:
			tileAVX512Nx16(args)
		case width == 48:
			tileAVX512Tx48(args)
		case width == 32:
			tileAVX512Tx32(args)
		default:
			tileAVX512Tx16(args)
		}
		return
	}
	switch {
	case !formT && width == 16:
		tileAVX2Nx16(args)
	case !formT:
		tileAVX2Nx8(args)
	case width == 16:
		tileAVX2Tx16(args)
	default:
		tileAVX2Tx8(args)
	}
}

// epilogue is c = max(floor, scale·(c + add)) on rows x width elements, width a multiple of the vector.
//
//go:noinline
func epilogue(isa kernels.ISA, c *float32, ldc int, add *float32, lda, rows, width int, scale, floor float32) {
	if isa >= kernels.AVX512 {
		epilogueAVX512(c, add, 4*ldc, 4*lda, rows, width/16, scale, floor)
	} else {
		epilogueAVX2(c, add, 4*ldc, 4*lda, rows, width/8, scale, floor)
	}
}

// after is the address n elements behind p.
func after(p *float32, n int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*n)) }
