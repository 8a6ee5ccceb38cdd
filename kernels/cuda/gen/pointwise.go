package main

import "onestep/kernels/cuda/ptx/build"

// point is where a pointwise kernel's thread is: element e (the first of those it computes), which is element j of row r if the kernel has rows.
type point struct {
	*build.Kernel
	e, j, r build.Reg
}

// pointwise describes kernels that compute every element of a buffer from the same elements of others, in float32.
type pointwise struct {
	name   string
	types  []build.Type // of y, then of the inputs
	inputs []string
	rows   bool // buffers are (R,I): grid (R, parts of a row), and the kernels are given I; otherwise the grid is over parts of n elements

	// each declares the other parameters and returns the function of n neighbouring elements, whose inputs are xs[input][i].
	each func(p *point) func(n int, xs [][]build.Reg) []build.Reg
}

// add adds the kernel that moves 16 bytes at a time of the wider of its types, whose buffers (and with rows, rows) start at multiples of that,
// and the kernel name_any of one element a thread.
func (w pointwise) add(f *build.File) {
	for _, width := range []int{16 / widest(w.types).Size(), 1} {
		name := w.name
		if width == 1 {
			name += "_any"
		}
		w.kernel(f.Kernel(name, 256), width)
	}
}

func (w pointwise) kernel(k *build.Kernel, width int) {
	y := k.Ptr("y")
	xs := make([]build.Reg, len(w.inputs))
	for i, name := range w.inputs {
		xs[i] = k.Ptr(name)
	}
	n := k.I32("n")
	p := &point{Kernel: k}
	if w.rows {
		p.r = k.CTAID()
		p.j = k.CTAIDY().FMA(k.NTID(), k.TID()).Mul(width)
		p.e = p.r.FMA(n, p.j)
	} else {
		p.e = k.GlobalIndex().Mul(width)
		p.j = p.e
	}
	each := w.each(p)
	run := func(e build.Reg, width int) {
		in := make([][]build.Reg, len(xs))
		for i, x := range xs {
			t := w.types[1+i]
			in[i] = loadFloats(k, build.Global, t, width, x.Index(e, t.Size()), 0)
		}
		storeFloats(k, build.Global, w.types[0], y.Index(e, w.types[0].Size()), 0, each(width, in))
	}
	if width == 1 || w.rows {
		k.If(p.j.Lt(n), func() { run(p.e, width) })
		return
	}
	k.IfElse(p.e.Le(n.Sub(width)), func() { run(p.e, width) }, func() {
		k.While(func() build.Reg { return p.e.Lt(n) }, func() {
			run(p.e, 1)
			k.Emit("add.s32", p.e, p.e, 1)
		})
	})
}

// eachOne is a function of one element for all that a thread has.
func eachOne(f func(x []build.Reg) build.Reg) func(int, [][]build.Reg) []build.Reg {
	return func(n int, xs [][]build.Reg) []build.Reg {
		ys := make([]build.Reg, n)
		for i := range ys {
			args := make([]build.Reg, len(xs))
			for j := range xs {
				args[j] = xs[j][i]
			}
			ys[i] = f(args)
		}
		return ys
	}
}

// widest is F32 if one of the types is.
func widest(types []build.Type) build.Type {
	for _, t := range types {
		if t == build.F32 {
			return t
		}
	}
	return build.F16
}

// typed is a name with its types behind it: name_f32_f16, or name_f16 if all are that.
func typed(name string, types ...build.Type) string {
	equal := true
	for _, t := range types {
		equal = equal && t == types[0]
	}
	if equal {
		types = types[:1]
	}
	for _, t := range types {
		name += "_" + t.String()
	}
	return name
}
