package main

import (
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// isa is what differs between AVX2 and AVX-512 for a generator: the width and the names of the registers.
type isa struct {
	name  string
	lanes int // float32 per register
	regs  []Register
}

func (s isa) bytes() int { return 4 * s.lanes }

var avx2 = isa{"AVX2", 8, []Register{
	Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7,
	Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15,
}}

var avx512 = isa{"AVX512", 16, []Register{
	Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7,
	Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15,
	Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23,
	Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31,
}}

var isas = []isa{avx2, avx512}

func mem(base Register, disp int) Mem { return Mem{Base: base, Disp: disp} }

func at(base Register, disp int, index Register, scale int) Mem {
	return Mem{Base: base, Disp: disp, Index: index, Scale: uint8(scale)}
}

func imm(v int) Constant { return I32(int32(v)) }
