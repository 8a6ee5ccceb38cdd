package cuda

import (
	"slices"

	"onestep/kernels/cuda/asm"
)

// point is where a pointwise kernel's thread is: element e (the first of those it computes), which is element j of row r if the kernel has rows.
type point struct {
	*asm.Kernel
	types   []asm.Type // of y and the inputs
	e, j, r asm.Reg
}

// eachPoint computes n neighbouring elements of y from those of the inputs, xs[input][i].
type eachPoint func(n int, xs [][]asm.Reg) []asm.Reg

// pointwise describes kernels that compute every element of a buffer from the same elements of others, in float32. There is one for each combination
// of types; it moves 16 bytes at a time of the wider of them, whose buffers (and with rows, rows) start at multiples of that, and beside it
// is one of one element a thread, name_any.
type pointwise struct {
	of     *family
	name   string
	inputs []string
	rows   bool // buffers are (R,I): grid (R, parts of a row), and the kernels are given I; otherwise the grid is over parts of n elements

	each func(p *point) eachPoint // after it has declared the other parameters
}

// add adds the kernels for some types, those of y and of the inputs.
func (w pointwise) add(add func(*Kernel), types ...asm.Type) {
	add(w.kernel(types, true))
	add(w.kernel(types, false))
}

// width is how many elements a thread has at a time.
func (w pointwise) width(types []asm.Type, vectors bool) int {
	switch {
	case !vectors:
		return 1
	case slices.Contains(types, asm.F32):
		return 16 / asm.F32.Size()
	}
	return 16 / asm.F16.Size()
}

func (w pointwise) kernel(types []asm.Type, vectors bool) *Kernel {
	name := typed(w.name, types...)
	if !vectors {
		name += "_any"
	}
	return w.of.kernel(name, 256, func(k *asm.Kernel) { w.write(k, types, w.width(types, vectors)) })
}

func (w pointwise) write(k *asm.Kernel, types []asm.Type, width int) {
	y := k.Ptr("y")
	xs := make([]asm.Reg, len(w.inputs))
	for i, name := range w.inputs {
		xs[i] = k.Ptr(name)
	}
	n := k.I32("n")
	p := &point{Kernel: k, types: types}
	if w.rows {
		p.r = k.CTAID()
		p.j = k.CTAIDY().FMA(k.NTID(), k.TID()).Mul(width)
		p.e = p.r.FMA(n, p.j)
	} else {
		p.e = k.GlobalIndex().Mul(width)
		p.j = p.e
	}
	each := w.each(p)
	run := func(e asm.Reg, width int) {
		in := make([][]asm.Reg, len(xs))
		for i, x := range xs {
			t := types[1+i]
			in[i] = loadFloats(k, asm.Global, t, width, x.Index(e, t.Size()), 0)
		}
		storeFloats(k, asm.Global, types[0], y.Index(e, types[0].Size()), 0, each(width, in))
	}
	if width == 1 || w.rows {
		k.If(p.j.Lt(n), func() { run(p.e, width) })
		return
	}
	k.IfElse(p.e.Le(n.Sub(width)), func() { run(p.e, width) }, func() {
		k.While(func() asm.Reg { return p.e.Lt(n) }, func() {
			run(p.e, 1)
			k.Emit("add.s32", p.e, p.e, 1)
		})
	})
}

// eachOne is a function of one element for all that a thread has.
func eachOne(f func(x []asm.Reg) asm.Reg) eachPoint {
	return func(n int, xs [][]asm.Reg) []asm.Reg {
		ys := make([]asm.Reg, n)
		for i := range ys {
			args := make([]asm.Reg, len(xs))
			for j := range xs {
				args[j] = xs[j][i]
			}
			ys[i] = f(args)
		}
		return ys
	}
}
