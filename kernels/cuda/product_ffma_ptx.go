package cuda

import "onestep/kernels/cuda/asm"

// ffmaLanes multiplies in float32: a thread makes 8×8 of C, in four blocks of 4×4, and a warp 32×64 or 64×32. Of an operand whose k are neighbours, 4 k of a
// row are loaded at a time; of another, 4 elements of a k.
type ffmaLanes struct {
	a, b     laneOperand
	row, col asm.Reg // of the thread's first element, in the warp's part of C
	acc      [8][8]asm.Reg
}

// laneOperand is one operand's 8 rows (of A, or columns of B) of a thread: 4 neighbours, and 4 that are gap behind these.
type laneOperand struct {
	layout
	alongK bool
	gap    int
	base   asm.Reg
	set    [2][4][8]asm.Reg // by k and row
}

func newFFMA(p *productKernel, a, b layout) *ffmaLanes {
	l := &ffmaLanes{a: laneOperand{layout: a, alongK: p.a.alongK(), gap: p.wm / 2}, b: laneOperand{layout: b, alongK: p.b.alongK(), gap: p.wn / 2}}
	across := p.wn / 8 // lanes beside each other
	l.row, l.col = p.lane.Shr(log2(across)).Shl(2), p.lane.And(across-1).Shl(2)
	l.a.start(p, p.shared, p.warpM.Add(l.row))
	l.b.start(p, p.shared.Add(p.tile.m*64), p.warpN.Add(l.col))
	for i := range l.acc {
		for j := range l.acc[i] {
			l.acc[i][j] = p.Var(asm.F32, 0)
		}
	}
	return l
}

func (o *laneOperand) start(p *productKernel, base, row asm.Reg) {
	zero := p.Const(asm.S32, 0)
	if o.alongK {
		o.base = o.at(base, row, zero)
	} else {
		o.base = o.at(base, zero, row.Shl(2))
	}
	for set := range o.set {
		for k := range o.set[set] {
			copy(o.set[set][k][:], p.News(asm.F32, 8))
		}
	}
}

func (o *laneOperand) load(p *productKernel, set, step int, stage asm.Reg) {
	regs := &o.set[set]
	base := o.base.Add(stage)
	quad := func(row, bytes int, to []asm.Reg) {
		xor, add := o.step(row, bytes)
		p.Emit("ld.shared.v4.f32", to, asm.Addr{Base: xored(base, xor), Offset: add})
	}
	for half := range 2 {
		for i := range 4 {
			if o.alongK {
				r := 4*half + i
				quad(half*o.gap+i, 16*step, []asm.Reg{regs[0][r], regs[1][r], regs[2][r], regs[3][r]})
			} else {
				quad(4*step+i, 4*half*o.gap, regs[i][4*half:][:4])
			}
		}
	}
}

func (l *ffmaLanes) steps() int { return 4 }

func (l *ffmaLanes) load(p *productKernel, set, step int, stage asm.Reg) {
	l.a.load(p, set, step, stage)
	l.b.load(p, set, step, stage)
}

func (l *ffmaLanes) multiply(p *productKernel, set int) {
	for k := range 4 {
		for i := range l.acc {
			for j := range l.acc[i] {
				p.Emit("fma.rn.f32", l.acc[i][j], l.a.set[set][k][i], l.b.set[set][k][j], l.acc[i][j])
			}
		}
	}
}

func (l *ffmaLanes) spill(p *productKernel, to layout, row asm.Reg) {
	base := to.at(p.shared, row.Add(l.row), p.warpN.Add(l.col).Shl(2))
	for i := range l.acc {
		for half := range 2 {
			xor, add := to.step(i/4*l.a.gap+i%4, half*l.b.gap*4)
			p.StoreV(asm.Shared, xored(base, xor), add, l.acc[i][4*half:][:4])
		}
	}
}
