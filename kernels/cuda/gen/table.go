package main

import "onestep/kernels/cuda/ptx/build"

// tablePart is how many elements of one buffer a block has (kernels/cuda: tablePart).
const tablePart = 4096

// table is a block's place in many lists of buffers of equal lengths, whose addresses are in device memory (kernels/cuda: newTable):
// words of 64 bits, for every block its row and its part of the row's buffers, 32 bits each, then the rows: length, whether all are
// aligned (32 bits each), addresses.
type table struct {
	*build.Kernel
	row           build.Reg // address
	first, length build.Reg // the block's first element, and the buffers' length
	aligned       build.Reg
}

// newTable declares the parameters table and rows, an address and the words of a row, and finds the place.
func newTable(k *build.Kernel) *table {
	t := &table{Kernel: k}
	blocks, words := k.Ptr("table"), k.I32("words")
	at := k.LoadV(build.GlobalNC, build.S32, 2, blocks.Index(k.CTAID(), 8), 0)
	t.row = blocks.Index(k.NCTAID().Add(at[0].Mul(words)), 8)
	head := k.LoadV(build.GlobalNC, build.S32, 2, t.row, 0)
	t.first, t.length, t.aligned = at[1].Mul(tablePart), head[0], head[1].Ne(0)
	return t
}

// buffer is the i-th address of the row.
func (t *table) buffer(i int) build.Reg {
	return t.Op("cvta.to.global.u64", build.U64, t.Load(build.GlobalNC, build.U64, t.row, 8*(1+i)))
}

// each runs f for the elements that the thread has: four at a time where possible, else one.
func (t *table) each(f func(e build.Reg, width int)) {
	end := t.first.Add(tablePart).Min(t.length)
	t.For(t.first.Add(t.TID().Shl(2)), end, 4*256, func(e build.Reg) {
		t.IfElse(t.aligned.And(e.Le(end.Sub(4))), func() { f(e, 4) }, func() {
			t.Repeat(e, e.Add(4).Min(end), 1, func(e build.Reg) { f(e, 1) })
		})
	})
}
