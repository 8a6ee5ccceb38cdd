package main

import (
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const epilogueHeader = `
// What follows the last step of a product:
//
//	for r := 0; r < rows; r++ {
//		for j := 0; j < v*vectors; j++ {
//			c[r*ldc + j] = max(floor, scale*(c[r*ldc + j] + add[r*lda + j]))
//		}
//	}
//
// v is 16 (AVX-512) or 8 (AVX2); strides are in bytes; add may have stride 0. NaN stays NaN. 12 bytes and 3 FLOP per element.
//
//	DI  c of this row      R8  ldc    AX  offset in the row    V0  scale
//	SI  add of this row    R9  lda    DX  row length, bytes    V1  floor
//	BX  rows left
`

func epilogues(a *asm) {
	for _, s := range isas {
		a.epilogueFunction(s)
	}
}

func (a *asm) epilogueFunction(s isa) {
	name := "epilogue" + s.name
	a.function(name, "func(c, add *float32, ldc, lda, rows, vectors int, scale, floor float32)",
		name+" adds, scales and clamps; see the assembly for the loop it equals.")
	a.Load(a.Param("c"), RDI)
	a.Load(a.Param("add"), RSI)
	a.Load(a.Param("ldc"), R8)
	a.Load(a.Param("lda"), R9)
	a.Load(a.Param("rows"), RBX)
	a.Load(a.Param("vectors"), RDX)
	scale, floor, x := s.regs[0], s.regs[1], s.regs[2]
	a.Load(a.Param("scale"), X0)
	a.Load(a.Param("floor"), X1)
	a.VBROADCASTSS(X0, scale)
	a.VBROADCASTSS(X1, floor)
	a.IMUL3Q(imm(s.bytes()), RDX, RDX)

	row, loop, next, done := a.label("row"), a.label("loop"), a.label("next"), a.label("done")
	a.Label(row)
	a.SUBQ(imm(1), RBX)
	a.JLT(LabelRef(done))
	a.XORQ(RAX, RAX)
	a.Label(loop)
	a.CMPQ(RAX, RDX)
	a.JGE(LabelRef(next))
	a.VMOVUPS(at(RDI, 0, RAX, 1), x)
	a.VADDPS(at(RSI, 0, RAX, 1), x, x)
	a.VMULPS(scale, x, x)
	a.VMAXPS(x, floor, x)
	a.VMOVUPS(x, at(RDI, 0, RAX, 1))
	a.ADDQ(imm(s.bytes()), RAX)
	a.JMP(LabelRef(loop))
	a.Label(next)
	a.ADDQ(R8, RDI)
	a.ADDQ(R9, RSI)
	a.JMP(LabelRef(row))
	a.Label(done)
	a.VZEROUPPER()
	a.RET()
}
