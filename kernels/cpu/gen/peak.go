package main

import (
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const peakHeader = `
// The FMA rate with nothing in the way: 12 independent accumulators, no memory.
//
//	for i := 0; i < turns; i++ {
//		for j := 0; j < 12*v; j++ {
//			acc[j] = fma(x[j%v], y[j%v], acc[j])
//		}
//	}
//
// v is 16 (AVX-512) or 8 (AVX2): 24v FLOP per turn. V0-V11 are acc, V12 and V13 zero. CX counts turns.
`

func peaks(a *asm) {
	for _, s := range isas {
		name := "fma" + s.name
		a.function(name, "func(turns int)", name+" does 12 independent vector FMAs per turn.")
		a.Load(a.Param("turns"), RCX)
		for i := range 14 {
			if s.lanes == 16 {
				a.VPXORQ(s.regs[i], s.regs[i], s.regs[i])
			} else {
				a.VXORPS(s.regs[i], s.regs[i], s.regs[i])
			}
		}
		loop, done := a.label("loop"), a.label("done")
		a.Label(loop)
		a.SUBQ(imm(1), RCX)
		a.JLT(LabelRef(done))
		for i := range 12 {
			a.VFMADD231PS(s.regs[12], s.regs[13], s.regs[i])
		}
		a.JMP(LabelRef(loop))
		a.Label(done)
		a.VZEROUPPER()
		a.RET()
	}
}
