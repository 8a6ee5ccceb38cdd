package main

import (
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const tapsHeader = `
// Sums of what the taps of a convolution of up to four output channels give, four floats a pixel:
//
//	for r := 0; r < pixels; r++ {
//		for o := 0; o < 4; o++ {
//			sum := init[o]
//			for t := 0; t < taps; t++ {
//				sum += x[off[t] + r*ldx + o]
//			}
//			dst[4*r + o] = sum
//		}
//	}
//
// off and ldx are in bytes. Four pixels go at once, then one at a time. 4 bytes read and 1 FLOP for each term.
//
//	DI  dst     R8  off    R10  ldx          AX  tap    X0-X3  sums
//	SI  x       R9  taps   R11  3ldx         BX  its place, of the first of the pixels
//	CX  pixels left                          X4  init
`

func taps(a *asm) {
	a.function("tapSums", "func(dst, x, init *float32, off *int, taps, ldx, pixels int)",
		"tapSums sums the products of taps; see the assembly for the loop it equals.")
	a.Load(a.Param("dst"), RDI)
	a.Load(a.Param("x"), RSI)
	a.Load(a.Param("init"), RAX)
	a.VMOVUPS(mem(RAX, 0), X4)
	a.Load(a.Param("off"), R8)
	a.Load(a.Param("taps"), R9)
	a.Load(a.Param("ldx"), R10)
	a.LEAQ(at(R10, 0, R10, 2), R11)
	a.Load(a.Param("pixels"), RCX)
	sums := []Register{X0, X1, X2, X3}
	for _, n := range []int{4, 1} { // pixels at once
		loop, tap, store, end := a.label("loop"), a.label("tap"), a.label("store"), a.label("end")
		a.SUBQ(imm(n), RCX)
		a.JLT(LabelRef(end))
		a.Label(loop)
		for i := range n {
			a.VMOVAPS(X4, sums[i])
		}
		a.XORQ(RAX, RAX)
		a.Label(tap)
		a.CMPQ(RAX, R9)
		a.JGE(LabelRef(store))
		a.MOVQ(at(R8, 0, RAX, 8), RBX)
		a.ADDQ(RSI, RBX)
		for i := range n {
			a.VADDPS(strided(RBX, 0, R10, R11, i), sums[i], sums[i])
		}
		a.INCQ(RAX)
		a.JMP(LabelRef(tap))
		a.Label(store)
		for i := range n {
			a.VMOVUPS(sums[i], mem(RDI, 16*i))
		}
		a.ADDQ(imm(16*n), RDI)
		if n == 4 {
			a.LEAQ(at(RSI, 0, R10, 4), RSI)
		} else {
			a.ADDQ(R10, RSI)
		}
		a.SUBQ(imm(n), RCX)
		a.JGE(LabelRef(loop))
		a.Label(end)
		a.ADDQ(imm(n), RCX)
	}
	a.RET()
}
