package simt

import (
	"maps"
	"slices"

	"onestep/kernels/cuda/ptx"
)

// addressed finds the functions whose addresses a module takes, in instructions or in initial values. An address says which of the module's
// functions it is, so that all its kernels agree.
func addressed(m *ptx.Module) map[uint64]*ptx.Function {
	taken := map[*ptx.Function]bool{}
	for _, v := range m.Variables {
		for _, r := range v.Refs {
			taken[r.Func] = true
		}
	}
	for _, f := range m.Functions {
		for _, in := range f.Body {
			for _, o := range in.Operands {
				taken[o.Func] = true
			}
		}
	}
	at := map[uint64]*ptx.Function{}
	for i, f := range m.Functions {
		if taken[f] {
			at[codeWindow+16*uint64(i)] = f
		}
	}
	return at
}

// functionAddress is where a function stands among the addressed; 0 for one without a body.
func functionAddress(addressed map[uint64]*ptx.Function, f *ptx.Function) uint64 {
	for at, g := range addressed {
		if f == g {
			return at
		}
	}
	return 0
}

// callees are the functions with a body that an instruction may call.
func (p *Program) callees(in *ptx.Instruction) (list []*ptx.Function) {
	switch {
	case in.Indirect:
		for _, at := range slices.Sorted(maps.Keys(p.addressed)) {
			if f := p.addressed[at]; f.SameHead(in.Callee) {
				list = append(list, f)
			}
		}
	case in.Callee != nil && in.Callee.Body != nil:
		list = append(list, in.Callee)
	}
	return list
}

// callIndirect decodes a call through a register: of any function whose address is taken and whose head is the prototype's.
func (d *decoder) callIndirect() {
	d.out.flow, d.out.index, d.out.calls = callIndirect, d.src(2), map[uint64]*callSite{}
	for at, f := range d.p.addressed {
		if f.SameHead(d.in.Callee) {
			d.out.calls[at] = d.site(f)
		}
	}
}

// enterEach makes the lanes of a group call the functions whose addresses they hold: one group for each.
func (w *warp) enterEach(i int, in *instr) {
	g := w.groups[i]
	x := in.index.get(w)
	to := map[uint64]uint32{}
	var order []uint64
	lanesOf(g.mask, func(l int) {
		if in.calls[x[l]] == nil {
			what := "is the address of no function"
			if f := w.cta.p.addressed[x[l]]; f != nil {
				what = "is " + f.Name + ", whose parameters are not those of the prototype"
			}
			w.fail(l, "%#x %s", x[l], what)
		}
		if to[x[l]] == 0 {
			order = append(order, x[l])
		}
		to[x[l]] |= 1 << l
	})
	w.groups = append(w.groups[:i], w.groups[i+1:]...)
	for _, at := range order {
		h := group{pc: g.pc, stack: g.stack, born: w.clock}
		w.enter(&h, in.calls[at], to[at], g.pc+1)
		w.groups = append(w.groups, h)
	}
}
