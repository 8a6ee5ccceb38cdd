package simt

import (
	"fmt"

	"onestep/kernels/cuda/ptx"
)

// instr is a decoded instruction.
type instr struct {
	run   func(w *warp, mask uint32)
	flow  flow
	guard int // predicate register, or −1
	not   bool
	reads []int // registers that must have values
	pc    int   // where it is in the program
	first []int // registers of its first operand, which most instructions set
	line  int
	text  string
	class Class
	flops int // of one thread; of mma, of the warp

	target  int // of a branch
	targets []int
	index   source // of brx.idx, and of an indirect call
	call    *callSite
	calls   map[uint64]*callSite // of an indirect call, by the function's address, which is in index
	members source               // of *.sync: the lanes that take part
	whole   bool                 // all lanes of the warp take part
	strong  bool                 // a load or store that other threads may see in any order
	element bool                 // a load of an array's element
	loose   []source             // of a barrier at which lanes may come by several instructions: the operands that these have alike; nil: they may not
}

// flow is how an instruction moves the program counter.
type flow uint8

const (
	next flow = iota
	branch
	branchIndexed
	exit
	ret
	call
	callIndirect
	rendezvous // all lanes of members must be here
	barrier    // all lanes of the warp must be here
)

// source is where a value comes from: a register, or the same vector each time.
type source struct {
	reg   int
	fixed *vector
	spec  ptx.Special
	local bool // the address of a .local variable, at offset within the frame of the function that runs
	at    uint64
}

func (s *source) get(w *warp) *vector {
	switch {
	case s.reg >= 0:
		return w.reg(s.reg)
	case s.fixed != nil:
		return s.fixed
	case s.local:
		return constant(w.frame + s.at).fixed
	}
	return w.specialValue(s.spec)
}

// constant is the same value in all lanes.
func constant(x uint64) source {
	v := new(vector)
	for i := range v {
		v[i] = x
	}
	return source{reg: -1, fixed: v}
}

// decoder turns the instructions of one function into code.
type decoder struct {
	p    *Program
	f    *ptx.Function
	base int // of its registers among the program's

	swapped guesses // addresses of compare-and-swap
	depot   *depot  // of functions whose local memory is a compiler's
	in      *ptx.Instruction
	out     *instr
}

// unsupported ends the decoding of a program.
func (d *decoder) unsupported(format string, args ...any) {
	panic(fmt.Errorf("%s:%d: %s: %s", d.p.file, d.in.Line, d.in.Spelling(), fmt.Sprintf(format, args...)))
}

// src is operand i as a source; it must have a value when the instruction runs.
func (d *decoder) src(i int) source { return d.source(d.in.Operands[i]) }

func (d *decoder) source(o ptx.Operand) source {
	switch o.Kind {
	case ptx.KindReg:
		r := d.base + o.Reg
		d.out.reads = append(d.out.reads, r)
		return source{reg: r}
	case ptx.KindImm:
		return constant(o.Imm)
	case ptx.KindSpecial:
		return source{reg: -1, spec: o.Special}
	case ptx.KindFunction:
		return constant(functionAddress(d.p.addressed, o.Func))
	case ptx.KindVariable:
		if o.Var.Space == ptx.Local {
			return source{reg: -1, local: true, at: d.p.places[o.Var] + o.Imm}
		}
		return constant(d.p.address(o.Var) + o.Imm)
	}
	d.unsupported("an operand of kind %d", o.Kind)
	return source{}
}

// dst is operand i as a destination register, or −1 for a sink.
func (d *decoder) dst(i int) int { return d.register(d.in.Operands[i]) }

func (d *decoder) register(o ptx.Operand) int {
	switch o.Kind {
	case ptx.KindReg:
		return d.base + o.Reg
	case ptx.KindSink:
		return -1
	}
	d.unsupported("a destination of kind %d", o.Kind)
	return -1
}

// elements are the sources of a vector operand, or of a single one.
func (d *decoder) elements(o ptx.Operand) []source {
	if o.Kind != ptx.KindVector {
		return []source{d.source(o)}
	}
	var ss []source
	for _, e := range o.Elems {
		ss = append(ss, d.source(e))
	}
	return ss
}

// registers are the destinations of a vector operand, or of a single one.
func (d *decoder) registers(o ptx.Operand) []int {
	if o.Kind != ptx.KindVector {
		return []int{d.register(o)}
	}
	var rs []int
	for _, e := range o.Elems {
		rs = append(rs, d.register(e))
	}
	return rs
}

// width is the number of bits of a register.
func (d *decoder) width(reg int) int { return d.f.Registers[reg-d.base].Type.Bits() }

// set writes one lane.
func (w *warp) set(reg, lane int, x uint64) {
	if reg >= 0 {
		w.regs[reg*lanes+lane] = x
	}
}

// define notes that lanes of a register have values.
func (w *warp) define(reg int, mask uint32) {
	if reg >= 0 {
		w.defined[reg] |= mask
	}
}

func bitsMask(n int) uint64 {
	if n >= 64 {
		return ^uint64(0)
	}
	return 1<<n - 1
}

// Helpers that make the code of an instruction from a function of one lane's values. Results are cut to the width of the destination.

func (d *decoder) unary(f func(a uint64) uint64) {
	r, a := d.dst(0), d.src(1)
	d.out.run = func(w *warp, mask uint32) {
		x := a.get(w)
		y := w.reg(r)
		if mask == ^uint32(0) {
			for i := range y {
				y[i] = f(x[i])
			}
		} else {
			for i := range y {
				if mask>>i&1 != 0 {
					y[i] = f(x[i])
				}
			}
		}
		w.defined[r] |= mask
	}
	d.discard(r)
}

func (d *decoder) binary(f func(a, b uint64) uint64) {
	r, a, b := d.dst(0), d.src(1), d.src(2)
	d.out.run = func(w *warp, mask uint32) {
		x, z := a.get(w), b.get(w)
		y := w.reg(r)
		if mask == ^uint32(0) {
			for i := range y {
				y[i] = f(x[i], z[i])
			}
		} else {
			for i := range y {
				if mask>>i&1 != 0 {
					y[i] = f(x[i], z[i])
				}
			}
		}
		w.defined[r] |= mask
	}
	d.discard(r)
}

func (d *decoder) ternary(f func(a, b, c uint64) uint64) {
	r, a, b, c := d.dst(0), d.src(1), d.src(2), d.src(3)
	d.out.run = func(w *warp, mask uint32) {
		x, z, v := a.get(w), b.get(w), c.get(w)
		y := w.reg(r)
		if mask == ^uint32(0) {
			for i := range y {
				y[i] = f(x[i], z[i], v[i])
			}
		} else {
			for i := range y {
				if mask>>i&1 != 0 {
					y[i] = f(x[i], z[i], v[i])
				}
			}
		}
		w.defined[r] |= mask
	}
	d.discard(r)
}

// discard makes the instruction do nothing if its result goes nowhere.
func (d *decoder) discard(r int) {
	if r < 0 {
		d.out.run = func(*warp, uint32) {}
	}
}
