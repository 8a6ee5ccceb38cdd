package cuda

import "onestep/kernels/cuda/asm"

// tensorCores multiplies by mma: a warp's fragments of A are 16 rows of a step's k (16 halves or 8 float32), and those of B 8 columns. Lane l
// has, of each 16×8 of C, the rows l/4 and l/4+8 and the columns 2(l%4) and the next.
type tensorCores struct {
	a, b tensorOperand
	acc  [][][]asm.Reg // by rows of 16, columns of 8
}

// tensorOperand is one operand's fragments: 16 rows (of A, or columns of B) in four registers each.
type tensorOperand struct {
	layout
	alongK bool
	isB    bool
	base   asm.Reg
	set    [2][][]asm.Reg
}

func newTensorCores(p *productKernel, a, b layout) *tensorCores {
	t := &tensorCores{a: tensorOperand{layout: a, alongK: p.a.alongK()}, b: tensorOperand{layout: b, alongK: p.b.alongK(), isB: true}}
	t.a.start(p, p.shared, p.warpM, p.wm)
	t.b.start(p, p.shared.Add(p.tile.m*64), p.warpN, p.wn)
	for range p.wm / 16 {
		var row [][]asm.Reg
		for range p.wn / 8 {
			acc := p.News(asm.F32, 4)
			for _, r := range acc {
				r.Set(0)
			}
			row = append(row, acc)
		}
		t.acc = append(t.acc, row)
	}
	return t
}

// start finds the addresses that the lane gives to ldmatrix (PTX ISA, "Matrix Fragments"). Its four 8×8 matrices are, in this order, of A: the
// first rows and k, then 8 more rows, 8 more k, and both; of B: 8 more k come before 8 more columns, so that a pair is one fragment.
func (o *tensorOperand) start(p *productKernel, base, first asm.Reg, length int) {
	low, second, third := p.lane.And(7), p.lane.Shr(3).And(1), p.lane.Shr(4)
	moreX, moreK := second, third
	if o.isB {
		moreX, moreK = third, second
	}
	switch {
	case o.alongK:
		o.base = o.at(base, first.Add(low).Add(moreX.Shl(3)), moreK.Shl(4))
	case p.arithmetic == tensor:
		o.base = o.at(base, low.Add(moreK.Shl(3)), first.Shl(1).Add(moreX.Shl(4)))
	default: // no instruction transposes 32-bit elements: lane l loads k = l%4 of element l/4
		o.base = o.at(base, p.lane.And(3), first.Add(p.lane.Shr(2)).Shl(2))
	}
	for set := range o.set {
		for range length / 16 {
			o.set[set] = append(o.set[set], p.News(asm.B32, 4))
		}
	}
}

func (o *tensorOperand) load(p *productKernel, set, step int, stage asm.Reg) {
	base := o.base.Add(stage)
	for i, regs := range o.set[set] {
		switch {
		case o.alongK:
			o.matrices(p, base, "", 16*i, 32*step, regs)
		case p.arithmetic == tensor:
			o.matrices(p, base, ".trans", 16*step, 32*i, regs)
		default:
			for r, reg := range regs {
				moreX, moreK := r&1, r>>1
				if o.isB {
					moreX, moreK = moreK, moreX
				}
				xor, add := o.step(8*step+4*moreK, 64*i+32*moreX)
				p.Emit("ld.shared.b32", reg, asm.Addr{Base: xored(base, xor), Offset: add})
			}
		}
	}
}

func (o *tensorOperand) matrices(p *productKernel, base asm.Reg, trans string, rows, bytes int, to []asm.Reg) {
	xor, add := o.step(rows, bytes)
	p.Emit("ldmatrix.sync.aligned.m8n8.x4"+trans+".shared.b16", to, asm.Addr{Base: xored(base, xor), Offset: add})
}

func (t *tensorCores) steps() int { return 2 }

func (t *tensorCores) load(p *productKernel, set, step int, stage asm.Reg) {
	t.a.load(p, set, step, stage)
	t.b.load(p, set, step, stage)
}

func (t *tensorCores) multiply(p *productKernel, set int) {
	a, b := t.a.set[set], t.b.set[set]
	mma := p.MMA
	if p.arithmetic == tf32 {
		a, b, mma = roundTF32(p, a), roundTF32(p, b), p.MMATF32
	}
	for i := range t.acc {
		for j := range t.acc[i] {
			at := j
			if i&1 == 1 { // back and forth, so that neighbours share a fragment
				at = len(t.acc[i]) - 1 - j
			}
			mma(t.acc[i][at], a[i], b[at/2][at%2*2:][:2])
		}
	}
}

func roundTF32(p *productKernel, fragments [][]asm.Reg) [][]asm.Reg {
	rounded := make([][]asm.Reg, len(fragments))
	for i, f := range fragments {
		for _, r := range f {
			rounded[i] = append(rounded[i], p.Op("cvt.rna.tf32.f32", asm.B32, r.Bits(asm.F32)))
		}
	}
	return rounded
}

func (t *tensorCores) spill(p *productKernel, to layout, row asm.Reg) {
	base := to.at(p.shared, row.Add(p.lane.Shr(2)), p.warpN.Add(p.lane.And(3).Shl(1)).Shl(2))
	for i := range t.acc {
		for j, acc := range t.acc[i] {
			for half := range 2 {
				xor, add := to.step(16*i+8*half, 32*j)
				p.StoreV(asm.Shared, xored(base, xor), add, acc[2*half:][:2])
			}
		}
	}
}
