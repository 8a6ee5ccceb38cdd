package main

import (
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const transposeHeader = `
// Transposition of a strip of v rows (16 with AVX-512, 8 with AVX2) and a multiple of v columns:
//
//	for j := 0; j < v*blocks; j++ {
//		for i := 0; i < v; i++ {
//			dst[j*ldd + i] = src[i*lds + j]
//		}
//	}
//
// Strides are in bytes. A block of v x v is loaded by rows, interleaved by 32 bits, then 64, then by 128-bit lanes, and stored
// by rows: log2(v) rounds of v shuffles. 8 bytes per element.
//
//	DI  dst of this block    R8  ldd    AX  row of the block, loading or storing
//	SI  src of this block    R9  lds    CX  blocks left
`

func transposes(a *asm) {
	for _, s := range isas {
		a.transposeFunction(s)
	}
}

func (a *asm) transposeFunction(s isa) {
	v := s.lanes
	name := "transpose" + s.name
	a.function(name, "func(dst, src *float32, ldd, lds, blocks int)",
		name+" transposes blocks of the vector length; see the assembly for the loop it equals.")
	a.Load(a.Param("dst"), RDI)
	a.Load(a.Param("src"), RSI)
	a.Load(a.Param("ldd"), R8)
	a.Load(a.Param("lds"), R9)
	a.Load(a.Param("blocks"), RCX)
	block, done := a.label("block"), a.label("done")
	a.Label(block)
	a.SUBQ(imm(1), RCX)
	a.JLT(LabelRef(done))
	a.MOVQ(RSI, RAX)
	for i := range v {
		a.VMOVUPS(mem(RAX, 0), s.regs[i])
		if i < v-1 {
			a.ADDQ(R9, RAX)
		}
	}
	if v == 16 {
		a.transpose16()
	} else {
		a.transpose8()
	}
	a.ADDQ(imm(s.bytes()), RSI)
	a.JMP(LabelRef(block))
	a.Label(done)
	a.VZEROUPPER()
	a.RET()
}

// storeRows stores registers as the next rows of dst.
func (a *asm) storeRows(rows []Register) {
	for _, r := range rows {
		a.VMOVUPS(r, mem(RDI, 0))
		a.ADDQ(R8, RDI)
	}
}

func (a *asm) transpose8() {
	r, t := avx2.regs[:8], avx2.regs[8:]
	for i := 0; i < 8; i += 2 { // rows i, i+1: columns 0 1 4 5, then 2 3 6 7
		a.VUNPCKLPS(r[i+1], r[i], t[i])
		a.VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	for i := 0; i < 8; i += 4 { // rows i..i+3: columns 0 4, 1 5, 2 6, 3 7
		a.VUNPCKLPD(t[i+2], t[i], r[i])
		a.VUNPCKHPD(t[i+2], t[i], r[i+1])
		a.VUNPCKLPD(t[i+3], t[i+1], r[i+2])
		a.VUNPCKHPD(t[i+3], t[i+1], r[i+3])
	}
	for i := range 4 {
		a.VPERM2F128(U8(0x20), r[i+4], r[i], t[i])
		a.VPERM2F128(U8(0x31), r[i+4], r[i], t[i+4])
	}
	a.storeRows(t)
}

func (a *asm) transpose16() {
	r, t := avx512.regs[:16], avx512.regs[16:]
	for i := 0; i < 16; i += 2 {
		a.VUNPCKLPS(r[i+1], r[i], t[i])
		a.VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	for i := 0; i < 16; i += 4 { // r[i+c], lane q: rows i..i+3 of column 4q+c
		a.VUNPCKLPD(t[i+2], t[i], r[i])
		a.VUNPCKHPD(t[i+2], t[i], r[i+1])
		a.VUNPCKLPD(t[i+3], t[i+1], r[i+2])
		a.VUNPCKHPD(t[i+3], t[i+1], r[i+3])
	}
	for c := range 4 { // lanes q=0,2 of rows 0-3, 4-7; lanes 1,3; and the same of rows 8-15
		a.VSHUFF32X4(U8(0x88), r[4+c], r[c], t[c])
		a.VSHUFF32X4(U8(0xdd), r[4+c], r[c], t[4+c])
		a.VSHUFF32X4(U8(0x88), r[12+c], r[8+c], t[8+c])
		a.VSHUFF32X4(U8(0xdd), r[12+c], r[8+c], t[12+c])
	}
	for c := range 4 { // column 4q+c, whole
		a.VSHUFF32X4(U8(0x88), t[8+c], t[c], r[c])       // q=0
		a.VSHUFF32X4(U8(0xdd), t[8+c], t[c], r[8+c])     // q=2
		a.VSHUFF32X4(U8(0x88), t[12+c], t[4+c], r[4+c])  // q=1
		a.VSHUFF32X4(U8(0xdd), t[12+c], t[4+c], r[12+c]) // q=3
	}
	a.storeRows(r)
}
