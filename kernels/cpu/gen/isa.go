package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is what differs between AVX2 and AVX-512 for a generator: the width and the names of the registers.
type isa struct {
	name  string
	lanes int // float32 per register
	regs  []reg.Register
}

func (s isa) bytes() int { return 4 * s.lanes }

var avx2 = isa{"AVX2", 8, []reg.Register{
	reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
	reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
}}

var avx512 = isa{"AVX512", 16, []reg.Register{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
	reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}}

var isas = []isa{avx2, avx512}

func mem(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

func at(base reg.Register, disp int, index reg.Register, scale int) operand.Mem {
	return operand.Mem{Base: base, Disp: disp, Index: index, Scale: uint8(scale)}
}

func imm(v int) operand.Constant { return operand.I32(int32(v)) }
