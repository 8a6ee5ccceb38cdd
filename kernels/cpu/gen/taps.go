package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
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
	a.Load(a.Param("dst"), reg.RDI)
	a.Load(a.Param("x"), reg.RSI)
	a.Load(a.Param("init"), reg.RAX)
	a.VMOVUPS(mem(reg.RAX, 0), reg.X4)
	a.Load(a.Param("off"), reg.R8)
	a.Load(a.Param("taps"), reg.R9)
	a.Load(a.Param("ldx"), reg.R10)
	a.LEAQ(at(reg.R10, 0, reg.R10, 2), reg.R11)
	a.Load(a.Param("pixels"), reg.RCX)
	sums := []reg.Register{reg.X0, reg.X1, reg.X2, reg.X3}
	for _, n := range []int{4, 1} { // pixels at once
		loop, tap, store, end := a.label("loop"), a.label("tap"), a.label("store"), a.label("end")
		a.SUBQ(imm(n), reg.RCX)
		a.JLT(operand.LabelRef(end))
		a.Label(loop)
		for i := range n {
			a.VMOVAPS(reg.X4, sums[i])
		}
		a.XORQ(reg.RAX, reg.RAX)
		a.Label(tap)
		a.CMPQ(reg.RAX, reg.R9)
		a.JGE(operand.LabelRef(store))
		a.MOVQ(at(reg.R8, 0, reg.RAX, 8), reg.RBX)
		a.ADDQ(reg.RSI, reg.RBX)
		for i := range n {
			a.VADDPS(strided(reg.RBX, 0, reg.R10, reg.R11, i), sums[i], sums[i])
		}
		a.INCQ(reg.RAX)
		a.JMP(operand.LabelRef(tap))
		a.Label(store)
		for i := range n {
			a.VMOVUPS(sums[i], mem(reg.RDI, 16*i))
		}
		a.ADDQ(imm(16*n), reg.RDI)
		if n == 4 {
			a.LEAQ(at(reg.RSI, 0, reg.R10, 4), reg.RSI)
		} else {
			a.ADDQ(reg.R10, reg.RSI)
		}
		a.SUBQ(imm(n), reg.RCX)
		a.JGE(operand.LabelRef(loop))
		a.Label(end)
		a.ADDQ(imm(n), reg.RCX)
	}
	a.RET()
}
