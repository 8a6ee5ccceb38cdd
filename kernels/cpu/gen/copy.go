package main

import (
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const copyHeader = `
// Copies of blocks of rows, converting between float32 and half, and filling with zeros.
//
//	for p := 0; p < planes; p++ {
//		for r := 0; r < rows; r++ {
//			for j := 0; j < width; j++ {
//				dst[p*pd + r*ldd + j] = src[p*ps + r*lds + j]
//			}
//		}
//	}
//
// Strides are in bytes, width in elements. FF copies float32, HF widens halves, FH rounds to half (to nearest even).
//
//	DI  dst in this row    R8   ldd    R12  dst of this row    AX  elements left
//	SI  src in this row    R9   lds    R13  src of this row    BX  rows left
//	DX  width              R10  pd     R14  dst of this plane  CX  planes left
//	                       R11  ps     R15  src of this plane  K1  mask of the last, partial vector (AVX-512)
//
// AVX2 does the last, partial vector element by element. Bytes per element: 8 (FF), 6 (HF, FH), 4 (zero).
`

type copyKind string

const (
	copyFF   copyKind = "FF"
	copyHF   copyKind = "HF"
	copyFH   copyKind = "FH"
	copyZero copyKind = "Zero"
)

func copies(a *asm) {
	for _, s := range isas {
		for _, k := range []copyKind{copyFF, copyHF, copyFH} {
			a.copyFunction(s, k)
		}
		a.copyFunction(s, copyZero)
	}
}

func (a *asm) copyFunction(s isa, kind copyKind) {
	srcSize, dstSize := 4, 4
	switch kind {
	case copyHF:
		srcSize = 2
	case copyFH:
		dstSize = 2
	}
	name := "copy" + string(kind) + s.name
	a.function(name, "func(dst, src *byte, ldd, lds, rows, width, pd, ps, planes int)",
		name+" copies planes x rows x width elements; see the assembly for the loop it equals.")
	a.Load(a.Param("dst"), R14)
	a.Load(a.Param("src"), R15)
	a.Load(a.Param("ldd"), R8)
	a.Load(a.Param("lds"), R9)
	a.Load(a.Param("width"), RDX)
	a.Load(a.Param("pd"), R10)
	a.Load(a.Param("ps"), R11)
	a.Load(a.Param("planes"), RCX)
	zero := s.regs[0]
	if s.lanes == 16 {
		a.MOVQ(RCX, R12)
		a.MOVQ(RDX, RCX)
		a.ANDQ(imm(15), RCX)
		a.MOVQ(imm(1), RAX)
		a.SHLQ(CL, RAX)
		a.DECQ(RAX)
		a.KMOVW(EAX, K1)
		a.MOVQ(R12, RCX)
	}
	if kind == copyZero {
		if s.lanes == 16 {
			a.VPXORQ(zero, zero, zero)
		} else {
			a.VXORPS(zero, zero, zero)
		}
	}

	plane, row, rowEnd, done := a.label("plane"), a.label("row"), a.label("rowend"), a.label("done")
	a.Label(plane)
	a.SUBQ(imm(1), RCX)
	a.JLT(LabelRef(done))
	a.MOVQ(R14, R12)
	a.MOVQ(R15, R13)
	a.Load(a.Param("rows"), RBX)
	a.Label(row)
	a.SUBQ(imm(1), RBX)
	a.JLT(LabelRef(rowEnd))
	a.MOVQ(R12, RDI)
	a.MOVQ(R13, RSI)
	a.MOVQ(RDX, RAX)

	for _, n := range []int{4, 1} { // vectors per turn
		loop, end := a.label("loop"), a.label("end")
		a.SUBQ(imm(n*s.lanes), RAX)
		a.JLT(LabelRef(end))
		a.Label(loop)
		for i := range n {
			a.copyLoad(s, kind, mem(RSI, i*s.lanes*srcSize), i)
		}
		for i := range n {
			a.copyStore(s, kind, i, mem(RDI, i*s.lanes*dstSize))
		}
		a.ADDQ(imm(n*s.lanes*srcSize), RSI)
		a.ADDQ(imm(n*s.lanes*dstSize), RDI)
		a.SUBQ(imm(n*s.lanes), RAX)
		a.JGE(LabelRef(loop))
		a.Label(end)
		a.ADDQ(imm(n*s.lanes), RAX)
	}

	next := a.label("next")
	a.copyRest(s, kind, srcSize, dstSize, next)
	a.Label(next)
	a.ADDQ(R8, R12)
	a.ADDQ(R9, R13)
	a.JMP(LabelRef(row))
	a.Label(rowEnd)
	a.ADDQ(R10, R14)
	a.ADDQ(R11, R15)
	a.JMP(LabelRef(plane))
	a.Label(done)
	a.VZEROUPPER()
	a.RET()
}

// copyRest copies what is left of a row, less than a vector.
func (a *asm) copyRest(s isa, kind copyKind, srcSize, dstSize int, next string) {
	if s.lanes == 16 {
		a.TESTQ(RAX, RAX)
		a.JE(LabelRef(next))
		switch kind {
		case copyFF:
			a.VMOVUPS_Z(mem(RSI, 0), K1, Z0)
			a.VMOVUPS(Z0, K1, mem(RDI, 0))
		case copyHF:
			a.VMOVDQU16_Z(mem(RSI, 0), K1, Y0)
			a.VCVTPH2PS(Y0, Z0)
			a.VMOVUPS(Z0, K1, mem(RDI, 0))
		case copyFH:
			a.VMOVUPS_Z(mem(RSI, 0), K1, Z0)
			a.VCVTPS2PH(U8(0), Z0, Y0)
			a.VMOVDQU16(Y0, K1, mem(RDI, 0))
		case copyZero:
			a.VMOVUPS(Z0, K1, mem(RDI, 0))
		}
	} else {
		one := a.label("one")
		a.Label(one)
		a.SUBQ(imm(1), RAX)
		a.JLT(LabelRef(next))
		switch kind {
		case copyFF:
			a.VMOVSS(mem(RSI, 0), X0)
			a.VMOVSS(X0, mem(RDI, 0))
		case copyHF:
			a.VPXOR(X0, X0, X0)
			a.VPINSRW(U8(0), mem(RSI, 0), X0, X0)
			a.VCVTPH2PS(X0, X0)
			a.VMOVSS(X0, mem(RDI, 0))
		case copyFH:
			a.VMOVSS(mem(RSI, 0), X0)
			a.VCVTPS2PH(U8(0), X0, X0)
			a.VPEXTRW(U8(0), X0, mem(RDI, 0))
		case copyZero:
			a.VMOVSS(X0, mem(RDI, 0))
		}
		a.ADDQ(imm(srcSize), RSI)
		a.ADDQ(imm(dstSize), RDI)
		a.JMP(LabelRef(one))
	}
}

func (a *asm) copyLoad(s isa, kind copyKind, m Mem, i int) {
	switch kind {
	case copyFF, copyFH:
		a.VMOVUPS(m, s.regs[i])
	case copyHF:
		a.VCVTPH2PS(m, s.regs[i])
	}
}

func (a *asm) copyStore(s isa, kind copyKind, i int, m Mem) {
	switch kind {
	case copyFF, copyHF:
		a.VMOVUPS(s.regs[i], m)
	case copyFH:
		a.VCVTPS2PH(U8(0), s.regs[i], m)
	case copyZero:
		a.VMOVUPS(s.regs[0], m)
	}
}
