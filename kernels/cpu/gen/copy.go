package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
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
	a.Load(a.Param("dst"), reg.R14)
	a.Load(a.Param("src"), reg.R15)
	a.Load(a.Param("ldd"), reg.R8)
	a.Load(a.Param("lds"), reg.R9)
	a.Load(a.Param("width"), reg.RDX)
	a.Load(a.Param("pd"), reg.R10)
	a.Load(a.Param("ps"), reg.R11)
	a.Load(a.Param("planes"), reg.RCX)
	zero := s.regs[0]
	if s.lanes == 16 {
		a.MOVQ(reg.RCX, reg.R12)
		a.MOVQ(reg.RDX, reg.RCX)
		a.ANDQ(imm(15), reg.RCX)
		a.MOVQ(imm(1), reg.RAX)
		a.SHLQ(reg.CL, reg.RAX)
		a.DECQ(reg.RAX)
		a.KMOVW(reg.EAX, reg.K1)
		a.MOVQ(reg.R12, reg.RCX)
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
	a.SUBQ(imm(1), reg.RCX)
	a.JLT(operand.LabelRef(done))
	a.MOVQ(reg.R14, reg.R12)
	a.MOVQ(reg.R15, reg.R13)
	a.Load(a.Param("rows"), reg.RBX)
	a.Label(row)
	a.SUBQ(imm(1), reg.RBX)
	a.JLT(operand.LabelRef(rowEnd))
	a.MOVQ(reg.R12, reg.RDI)
	a.MOVQ(reg.R13, reg.RSI)
	a.MOVQ(reg.RDX, reg.RAX)

	for _, n := range []int{4, 1} { // vectors per turn
		loop, end := a.label("loop"), a.label("end")
		a.SUBQ(imm(n*s.lanes), reg.RAX)
		a.JLT(operand.LabelRef(end))
		a.Label(loop)
		for i := range n {
			a.copyLoad(s, kind, mem(reg.RSI, i*s.lanes*srcSize), i)
		}
		for i := range n {
			a.copyStore(s, kind, i, mem(reg.RDI, i*s.lanes*dstSize))
		}
		a.ADDQ(imm(n*s.lanes*srcSize), reg.RSI)
		a.ADDQ(imm(n*s.lanes*dstSize), reg.RDI)
		a.SUBQ(imm(n*s.lanes), reg.RAX)
		a.JGE(operand.LabelRef(loop))
		a.Label(end)
		a.ADDQ(imm(n*s.lanes), reg.RAX)
	}

	next := a.label("next")
	if s.lanes == 16 {
		a.TESTQ(reg.RAX, reg.RAX)
		a.JE(operand.LabelRef(next))
		switch kind {
		case copyFF:
			a.VMOVUPS_Z(mem(reg.RSI, 0), reg.K1, reg.Z0)
			a.VMOVUPS(reg.Z0, reg.K1, mem(reg.RDI, 0))
		case copyHF:
			a.VMOVDQU16_Z(mem(reg.RSI, 0), reg.K1, reg.Y0)
			a.VCVTPH2PS(reg.Y0, reg.Z0)
			a.VMOVUPS(reg.Z0, reg.K1, mem(reg.RDI, 0))
		case copyFH:
			a.VMOVUPS_Z(mem(reg.RSI, 0), reg.K1, reg.Z0)
			a.VCVTPS2PH(operand.U8(0), reg.Z0, reg.Y0)
			a.VMOVDQU16(reg.Y0, reg.K1, mem(reg.RDI, 0))
		case copyZero:
			a.VMOVUPS(reg.Z0, reg.K1, mem(reg.RDI, 0))
		}
	} else {
		one := a.label("one")
		a.Label(one)
		a.SUBQ(imm(1), reg.RAX)
		a.JLT(operand.LabelRef(next))
		switch kind {
		case copyFF:
			a.VMOVSS(mem(reg.RSI, 0), reg.X0)
			a.VMOVSS(reg.X0, mem(reg.RDI, 0))
		case copyHF:
			a.VPXOR(reg.X0, reg.X0, reg.X0)
			a.VPINSRW(operand.U8(0), mem(reg.RSI, 0), reg.X0, reg.X0)
			a.VCVTPH2PS(reg.X0, reg.X0)
			a.VMOVSS(reg.X0, mem(reg.RDI, 0))
		case copyFH:
			a.VMOVSS(mem(reg.RSI, 0), reg.X0)
			a.VCVTPS2PH(operand.U8(0), reg.X0, reg.X0)
			a.VPEXTRW(operand.U8(0), reg.X0, mem(reg.RDI, 0))
		case copyZero:
			a.VMOVSS(reg.X0, mem(reg.RDI, 0))
		}
		a.ADDQ(imm(srcSize), reg.RSI)
		a.ADDQ(imm(dstSize), reg.RDI)
		a.JMP(operand.LabelRef(one))
	}
	a.Label(next)
	a.ADDQ(reg.R8, reg.R12)
	a.ADDQ(reg.R9, reg.R13)
	a.JMP(operand.LabelRef(row))
	a.Label(rowEnd)
	a.ADDQ(reg.R10, reg.R14)
	a.ADDQ(reg.R11, reg.R15)
	a.JMP(operand.LabelRef(plane))
	a.Label(done)
	a.VZEROUPPER()
	a.RET()
}

func (a *asm) copyLoad(s isa, kind copyKind, m operand.Mem, i int) {
	switch kind {
	case copyFF, copyFH:
		a.VMOVUPS(m, s.regs[i])
	case copyHF:
		a.VCVTPH2PS(m, s.regs[i])
	}
}

func (a *asm) copyStore(s isa, kind copyKind, i int, m operand.Mem) {
	switch kind {
	case copyFF, copyHF:
		a.VMOVUPS(s.regs[i], m)
	case copyFH:
		a.VCVTPS2PH(operand.U8(0), s.regs[i], m)
	case copyZero:
		a.VMOVUPS(s.regs[0], m)
	}
}
