package simt

import (
	"slices"

	"onestep/kernels/cuda/ptx"
)

// callSite is a call: which function, and how values get there and back.
type callSite struct {
	f       *ptx.Function
	start   int
	args    []passing
	results []passing
	base, n int // the function's registers
}

// passing copies one value between caller and function: from a source or .param bytes to a register or .param bytes.
type passing struct {
	from    source
	fromArg int // of .param bytes; −1: from
	to      int // register; −1: toArg
	toArg   int
	size    int
}

// local says whether a .param variable is one of a call, not of the kernel.
func (d *decoder) local(v *ptx.Variable) bool {
	_, ok := d.p.places[v]
	return v != nil && ok
}

// control decodes branches, calls and ends.
func (d *decoder) control() {
	in := d.in
	d.out.class = ClassControl
	switch in.Op {
	case "bra":
		d.out.flow, d.out.target = branch, in.Target
	case "brx":
		d.out.flow, d.out.targets = branchIndexed, append([]int(nil), in.Targets...)
		d.out.index = d.src(0)
	case "ret":
		d.out.flow = ret
	case "exit":
		d.out.flow = exit
	case "trap", "brkpt":
		d.out.run = func(w *warp, mask uint32) {
			lanesOf(mask, func(i int) { w.fail(i, "%s", in.Op) })
		}
	case "call":
		d.call()
	}
}

func (d *decoder) call() {
	switch f := d.in.Callee; {
	case d.in.Indirect:
		d.callIndirect()
	case f.Body == nil: // declared elsewhere
		d.builtin(f)
	default:
		d.out.flow, d.out.call = call, d.site(f)
	}
}

// site is a call of a function, with the instruction's results and arguments.
func (d *decoder) site(f *ptx.Function) *callSite {
	in := d.in
	c := &callSite{f: f, start: -1, base: d.p.bases[f], n: len(f.Registers)}
	lists := in.Operands
	formal := func(regs []int, vars []*ptx.Variable, i int) (reg, arg int) {
		if regs != nil && regs[i] >= 0 {
			return c.base + regs[i], -1
		}
		return -1, int(d.p.places[vars[i]])
	}
	for i, o := range lists[0].Elems {
		reg, arg := formal(f.ReturnRegs, f.Returns, i)
		ps := passing{fromArg: arg, to: -1, toArg: -1, size: f.Returns[i].Size}
		if reg >= 0 {
			ps.from = source{reg: reg}
		}
		d.actual(&ps, o)
		c.results = append(c.results, ps)
	}
	for i, o := range lists[1].Elems {
		reg, arg := formal(f.ParamRegs, f.Params, i)
		ps := passing{fromArg: -1, to: reg, toArg: arg, size: f.Params[i].Size}
		if o.Kind == ptx.KindVariable {
			ps.fromArg = int(d.p.places[o.Var])
		} else {
			ps.from = d.source(o)
		}
		c.args = append(c.args, ps)
	}
	return c
}

// actual sets where a result goes.
func (d *decoder) actual(ps *passing, o ptx.Operand) {
	if o.Kind == ptx.KindVariable {
		ps.toArg = int(d.p.places[o.Var])
	} else {
		ps.to = d.register(o)
	}
}

// pass copies values for some lanes.
func (w *warp) pass(list []passing, mask uint32) {
	size := w.cta.p.argSize
	for _, ps := range list {
		lanesOf(mask, func(i int) {
			at := i * size
			switch {
			case ps.fromArg >= 0 && ps.toArg >= 0:
				copy(w.args[at+ps.toArg:][:ps.size], w.args[at+ps.fromArg:])
			case ps.fromArg >= 0:
				w.set(ps.to, i, get(w.args[at+ps.fromArg:][:ps.size]))
			case ps.toArg >= 0:
				put(w.args[at+ps.toArg:][:ps.size], ps.from.get(w)[i])
			default:
				w.set(ps.to, i, ps.from.get(w)[i])
			}
		})
		w.define(ps.to, mask)
	}
}

// loadParam decodes ld.param of a call's variable; storeParam st.param.
func (d *decoder) loadParam(rs []int, t ptx.Type) {
	o := d.in.Operands[1]
	if o.Var == nil {
		d.unsupported("a computed address of a function's parameter")
	}
	at := int(d.p.places[o.Var] + o.Imm)
	size, sign := t.Bytes(), t.Signed()
	d.out.run = func(w *warp, mask uint32) {
		for k, r := range rs {
			if r < 0 {
				continue
			}
			cut := bitsMask(w.cta.p.types[r].Type.Bits())
			lanesOf(mask, func(i int) {
				w.set(r, i, extend(get(w.args[i*w.cta.p.argSize+at+k*size:][:size]), 8*size, sign)&cut)
			})
			w.define(r, mask)
		}
	}
}

func (d *decoder) storeParam(vs []source, t ptx.Type) {
	o := d.in.Operands[0]
	if o.Var == nil {
		d.unsupported("a computed address of a function's parameter")
	}
	at := int(d.p.places[o.Var] + o.Imm)
	size := t.Bytes()
	d.out.run = func(w *warp, mask uint32) {
		for k := range vs {
			x := vs[k].get(w)
			lanesOf(mask, func(i int) { put(w.args[i*w.cta.p.argSize+at+k*size:][:size], x[i]) })
		}
	}
}

// enter makes a group call a function.
func (w *warp) enter(g *group, c *callSite, active uint32, back int) {
	caller := w.cta.p.kernel
	if g.stack != nil {
		caller = g.stack.call.f
	}
	fr := &frame{pc: back, call: c, parent: g.stack, depth: g.depth() + 1, local: g.frame() + uint64(w.cta.p.frames[caller])}
	if fr.depth > 256 {
		w.fail(-1, "calls are nested 256 deep")
	}
	for s := g.stack; s != nil; s = s.parent {
		if s.call.f == c.f { // its registers and parameters are in use: keep them
			fr.saved = append([]uint64(nil), w.regs[c.base*lanes:(c.base+c.n)*lanes]...)
			fr.defs = append([]uint32(nil), w.defined[c.base:c.base+c.n]...)
			fr.args = append([]byte(nil), w.args...)
			break
		}
	}
	w.pass(c.args, active)
	g.stack = fr
	g.pc = w.cta.p.starts[c.f]
	g.mask = active
}

// leave makes a group return.
func (w *warp) leave(g *group) {
	fr := g.stack
	c := fr.call
	if fr.saved == nil {
		w.pass(c.results, g.mask)
	} else {
		w.restore(fr, g.mask)
	}
	g.stack, g.pc = fr.parent, fr.pc
}

// restore gives the lanes of a recursive function the registers of their call back, and then the results.
func (w *warp) restore(fr *frame, mask uint32) {
	c := fr.call
	left := slices.Clone(w.args) // by the function
	values := make([]vector, len(c.results))
	for k, ps := range c.results {
		if ps.fromArg < 0 {
			values[k] = *ps.from.get(w)
		}
	}
	for r := range c.n {
		lanesOf(mask, func(i int) { w.regs[(c.base+r)*lanes+i] = fr.saved[r*lanes+i] })
		w.defined[c.base+r] = w.defined[c.base+r]&^mask | fr.defs[r]&mask
	}
	size := w.cta.p.argSize
	lanesOf(mask, func(i int) { copy(w.args[i*size:(i+1)*size], fr.args[i*size:]) })
	for k, ps := range c.results {
		lanesOf(mask, func(i int) {
			at := i * size
			switch {
			case ps.fromArg >= 0 && ps.toArg >= 0:
				copy(w.args[at+ps.toArg:][:ps.size], left[at+ps.fromArg:])
			case ps.fromArg >= 0:
				w.set(ps.to, i, get(left[at+ps.fromArg:][:ps.size]))
			case ps.toArg >= 0:
				put(w.args[at+ps.toArg:][:ps.size], values[k][i])
			default:
				w.set(ps.to, i, values[k][i])
			}
		})
		w.define(ps.to, mask)
	}
}
