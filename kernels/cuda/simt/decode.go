package simt

import (
	"onestep/kernels/cuda/ptx"
)

// decode turns one instruction into code.
func (d *decoder) decode(in *ptx.Instruction) *instr {
	d.in, d.out = in, &instr{guard: -1, line: in.Line, text: spelling(in), class: ClassOther}
	if in.Guard >= 0 {
		d.out.guard, d.out.not = d.base+in.Guard, in.Not
	}
	d.dispatch()
	if d.out.run == nil {
		d.out.run = func(*warp, uint32) {}
	}
	if d.out.class == ClassOther {
		d.out.class = classOf(in)
	}
	if d.out.flops == 0 {
		d.out.flops = flopsOf(in)
	}
	return d.out
}

func (d *decoder) dispatch() {
	in := d.in
	t := ptx.NoType
	if len(in.Types) > 0 {
		t = in.Types[len(in.Types)-1]
	}
	switch in.Op {
	case "mov":
		d.move()
	case "cvta":
		d.cvta()
	case "isspacep":
		want := in.Space
		d.unary(func(a uint64) uint64 { s, _ := space(a); return truth(s == want) })
	case "ld", "ldu":
		d.load()
	case "st":
		d.store()
	case "atom", "red":
		d.atomic()
	case "cvt":
		d.convert()
	case "setp":
		d.setp(in.Types[0])
	case "set":
		d.set()
	case "selp":
		d.selp()
	case "slct":
		d.slct()
	case "testp":
		d.testp(t)
	case "bra", "brx", "ret", "exit", "call", "trap", "brkpt":
		d.control()
	case "bar", "barrier":
		d.barrier()
	case "membar", "fence":
		d.out.class = ClassSync
		if block := in.Has("cta"); !in.Has("proxy") {
			d.out.run = func(w *warp, _ uint32) { w.fenced(block) }
		}
	case "shfl", "vote", "match", "redux", "activemask":
		d.exchange()
	case "mma":
		d.mma()
		d.together()
	case "wmma":
		d.wmma()
		d.together()
	case "ldmatrix":
		d.ldmatrix()
		d.together()
	case "movmatrix":
		d.movmatrix()
		d.together()
	case "cp":
		d.asyncCopy()
	case "mbarrier":
		d.mbarrier()
	case "nanosleep":
		d.out.run = func(w *warp, _ uint32) { w.idle = true }
	case "vabsdiff2", "vabsdiff4":
		d.differences()
	case "prefetch", "prefetchu", "discard", "applypriority", "pmevent":
	case "createpolicy":
		r := d.dst(0)
		d.out.run = func(w *warp, mask uint32) {
			lanesOf(mask, func(i int) { w.set(r, i, 0) })
			w.define(r, mask)
		}
	default:
		if d.bitwise(t) {
			return
		}
		ok := false
		if t.Float() || t == ptx.F16x2 || t == ptx.BF16x2 {
			ok = d.float(t)
		} else {
			ok = d.integer(t)
		}
		if !ok {
			d.unsupported("this instruction is not executed")
		}
	}
}

// move decodes mov: registers, immediates, addresses, and the packing and unpacking of vectors, whose first element is the low one.
func (d *decoder) move() {
	in := d.in
	to, from := in.Operands[0], in.Operands[1]
	switch {
	case in.Types[0] == ptx.B128:
		d.move128()
	case to.Kind == ptx.KindVector:
		rs, a := d.registers(to), d.src(1)
		n := in.Types[0].Bits() / len(rs)
		d.out.run = func(w *warp, mask uint32) {
			x := *a.get(w)
			for k, r := range rs {
				lanesOf(mask, func(i int) { w.set(r, i, x[i]>>(k*n)&bitsMask(n)) })
				w.define(r, mask)
			}
		}
	case from.Kind == ptx.KindVector:
		r, vs := d.dst(0), d.elements(from)
		n := in.Types[0].Bits() / len(vs)
		d.out.run = func(w *warp, mask uint32) {
			lanesOf(mask, func(i int) {
				var x uint64
				for k := range vs {
					x |= vs[k].get(w)[i] & bitsMask(n) << (k * n)
				}
				w.set(r, i, x)
			})
			w.define(r, mask)
		}
	case from.Kind == ptx.KindReg:
		d.copy(d.dst(0), d.base+from.Reg)
	default:
		d.unary(func(a uint64) uint64 { return a })
	}
}

// copy decodes mov of a register. One without a value may be copied, as compilers do, and its copy has none.
func (d *decoder) copy(to, from int) {
	d.out.run = func(w *warp, mask uint32) {
		x, y := w.reg(from), w.reg(to)
		lanesOf(mask, func(i int) { y[i] = x[i] })
		w.defined[to] = w.defined[to]&^mask | w.defined[from]&mask
	}
}

// move128 decodes mov.b128: a register of 128 bits is two, the second of them its upper half.
func (d *decoder) move128() {
	halves := func(o ptx.Operand) []ptx.Operand {
		if o.Kind == ptx.KindVector {
			return o.Elems
		}
		return []ptx.Operand{o, {Kind: ptx.KindReg, Reg: d.upper(d.base+o.Reg) - d.base}}
	}
	to, from := halves(d.in.Operands[0]), halves(d.in.Operands[1])
	lo, hi := d.source(from[0]), d.source(from[1])
	rl, rh := d.register(to[0]), d.register(to[1])
	d.out.run = func(w *warp, mask uint32) {
		x, y := *lo.get(w), *hi.get(w)
		lanesOf(mask, func(i int) {
			w.set(rl, i, x[i])
			w.set(rh, i, y[i])
		})
		w.define(rl, mask)
		w.define(rh, mask)
	}
}

// upper is the register that holds the upper half of one of 128 bits.
func (d *decoder) upper(r int) int {
	if _, ok := d.p.uppers[r]; !ok {
		if d.p.uppers == nil {
			d.p.uppers = map[int]int{}
		}
		d.p.uppers[r] = d.p.registers
		d.p.types = append(d.p.types, ptx.Register{Name: d.p.types[r].Name, Type: ptx.B64})
		d.p.registers++
	}
	return d.p.uppers[r]
}

// cvta decodes the conversion between addresses of a space and generic ones.
func (d *decoder) cvta() {
	base := window(d.in.Space)
	if d.in.Has("to") {
		d.unary(func(a uint64) uint64 { return a - base })
	} else {
		d.unary(func(a uint64) uint64 { return a + base })
	}
}

// specialValue is a special register.
func (w *warp) specialValue(s ptx.Special) *vector {
	if v := w.special[s]; v != nil {
		return v
	}
	v := new(vector)
	c := w.cta
	block, grid := c.run.l.Block, c.run.l.Grid
	for i := range v {
		t := w.number*lanes + i
		var x uint64
		switch s {
		case ptx.TidX:
			x = uint64(t % block[0])
		case ptx.TidY:
			x = uint64(t / block[0] % block[1])
		case ptx.TidZ:
			x = uint64(t / block[0] / block[1])
		case ptx.NTidX, ptx.NTidY, ptx.NTidZ:
			x = uint64(block[s-ptx.NTidX])
		case ptx.CTAIdX, ptx.CTAIdY, ptx.CTAIdZ:
			x = uint64(c.index[s-ptx.CTAIdX])
		case ptx.NCTAIdX, ptx.NCTAIdY, ptx.NCTAIdZ:
			x = uint64(grid[s-ptx.NCTAIdX])
		case ptx.LaneID:
			x = uint64(i)
		case ptx.WarpID:
			x = uint64(w.number)
		case ptx.NWarpID:
			x = uint64(len(c.warps))
		case ptx.SMID:
			x = uint64(c.number % 108)
		case ptx.NSMID:
			x = 108
		case ptx.LaneMaskEQ:
			x = 1 << i
		case ptx.LaneMaskLE:
			x = 2<<i - 1
		case ptx.LaneMaskLT:
			x = 1<<i - 1
		case ptx.LaneMaskGE:
			x = bitsMask(32) &^ (1<<i - 1)
		case ptx.LaneMaskGT:
			x = bitsMask(32) &^ (2<<i - 1)
		case ptx.Clock, ptx.GlobalTimerLo:
			x = w.clock & bitsMask(32)
		case ptx.Clock64, ptx.GlobalTimer:
			x = w.clock
		case ptx.ClockHi, ptx.GlobalTimerHi:
			x = w.clock >> 32
		case ptx.DynamicSharedSize:
			x = uint64(c.run.l.Shared)
		case ptx.TotalSharedSize:
			x = uint64(roundUp(c.p.shared.size, c.p.dynamic) + c.run.l.Shared)
		case ptx.ReservedBegin, ptx.Reserved0:
		case ptx.Reserved1:
			x = reservedShared / 2
		case ptx.ReservedEnd, ptx.ReservedCap:
			x = reservedShared
		case ptx.WarpSize:
			x = lanes
		}
		v[i] = x
	}
	switch s {
	case ptx.Clock, ptx.Clock64, ptx.ClockHi, ptx.GlobalTimer, ptx.GlobalTimerLo, ptx.GlobalTimerHi:
	default:
		w.special[s] = v
	}
	return v
}

const numSpecials = int(ptx.WarpSize) + 1

// together makes an instruction wait for all lanes of the warp that are alive (.sync.aligned).
func (d *decoder) together() {
	d.out.flow, d.out.whole = rendezvous, true
	d.out.members = constant(bitsMask(32))
}
