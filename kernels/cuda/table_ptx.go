package cuda

import "onestep/kernels/cuda/asm"

// tablePlace is a block's place in lists of buffers that [Device.table] put into device memory.
type tablePlace struct {
	*asm.Kernel
	row           asm.Reg // address
	first, length asm.Reg // the block's first element, and the buffers' length
	aligned       asm.Reg
}

// newTablePlace declares the parameters table and rows, an address and the words of a row, and finds the place.
func newTablePlace(k *asm.Kernel) *tablePlace {
	t := &tablePlace{Kernel: k}
	blocks, words := k.Ptr("table"), k.I32("words")
	at := k.LoadV(asm.GlobalNC, asm.S32, 2, blocks.Index(k.CTAID(), 8), 0)
	t.row = blocks.Index(k.NCTAID().Add(at[0].Mul(words)), 8)
	head := k.LoadV(asm.GlobalNC, asm.S32, 2, t.row, 0)
	t.first, t.length, t.aligned = at[1].Mul(tablePart), head[0], head[1].Ne(0)
	return t
}

// buffer is the i-th address of the row.
func (t *tablePlace) buffer(i int) asm.Reg {
	return t.Op("cvta.to.global.u64", asm.U64, t.Load(asm.GlobalNC, asm.U64, t.row, 8*(1+i)))
}

// each runs f for the elements that the thread has: four at a time where possible, else one.
func (t *tablePlace) each(f func(e asm.Reg, width int)) {
	end := t.first.Add(tablePart).Min(t.length)
	t.For(t.first.Add(t.TID().Shl(2)), end, 4*256, func(e asm.Reg) {
		t.IfElse(t.aligned.And(e.Le(end.Sub(4))), func() { f(e, 4) }, func() {
			t.Repeat(e, e.Add(4).Min(end), 1, func(e asm.Reg) { f(e, 1) })
		})
	})
}
