package simt

import (
	"bytes"
	"encoding/binary"
	"slices"

	"onestep/kernels/cuda/ptx"
)

// Contents of a byte of shared memory.
const (
	unset   = iota
	valued  // it has a value
	copying // an asynchronous copy to it is under way
	outside // it is in no variable
)

// unsettled is the states of an access's bytes, or none if all have values.
func unsettled(state []uint8) []uint8 {
	const all = 0x01_01_01_01_01_01_01_01 * valued
	settled := false
	switch len(state) {
	case 1:
		settled = state[0] == valued
	case 2:
		settled = binary.LittleEndian.Uint16(state) == all&0xffff
	case 4:
		settled = binary.LittleEndian.Uint32(state) == all&0xffff_ffff
	case 8:
		settled = binary.LittleEndian.Uint64(state) == all
	case 16:
		settled = binary.LittleEndian.Uint64(state) == all && binary.LittleEndian.Uint64(state[8:]) == all
	}
	if settled {
		return nil
	}
	return state
}

// setValued notes that bytes have values.
func setValued(state []uint8) {
	for i := range state {
		state[i] = valued
	}
}

// address decodes an address operand: the addresses of all lanes.
func (d *decoder) address(o ptx.Operand) func(w *warp) *vector {
	switch {
	case o.Kind != ptx.KindAddress:
		d.unsupported("an operand of kind %d as an address", o.Kind)
	case o.Reg >= 0:
		r := d.base + o.Reg
		d.out.reads = append(d.out.reads, r)
		cut := bitsMask(d.f.Registers[o.Reg].Type.Bits())
		if o.Imm == 0 {
			return func(w *warp) *vector { return w.reg(r) }
		}
		return func(w *warp) *vector {
			x, y := w.reg(r), &w.cta.scratch
			for i := range y {
				y[i] = (x[i] + o.Imm) & cut
			}
			return y
		}
	case o.Var != nil && o.Var.Space == ptx.Local:
		s := d.source(ptx.Operand{Kind: ptx.KindVariable, Var: o.Var, Imm: o.Imm})
		return func(w *warp) *vector { return s.get(w) }
	case o.Var != nil:
		v := constant(d.p.address(o.Var) + o.Imm).fixed
		return func(*warp) *vector { return v }
	}
	v := constant(o.Imm).fixed
	return func(*warp) *vector { return v }
}

// window is where a space begins among generic addresses.
func window(s ptx.Space) uint64 {
	switch s {
	case ptx.Shared:
		return sharedWindow
	case ptx.Local:
		return localWindow
	case ptx.Const:
		return constWindow
	case ptx.Param:
		return paramWindow
	}
	return 0
}

// space finds where a generic address points.
func space(addr uint64) (ptx.Space, uint64) {
	switch {
	case addr >= sharedWindow && addr < sharedWindow+windowSize:
		return ptx.Shared, addr - sharedWindow
	case addr >= localWindow && addr < localWindow+windowSize:
		return ptx.Local, addr - localWindow
	case addr >= constWindow && addr < constWindow+windowSize:
		return ptx.Const, addr - constWindow
	case addr >= paramWindow && addr < paramWindow+windowSize:
		return ptx.Param, addr - paramWindow
	}
	return ptx.Global, addr
}

// bytes is the memory of one lane's access, after all checks.
func (w *warp) bytes(s ptx.Space, lane int, addr uint64, n int, kind access) []byte {
	if s == ptx.Generic {
		s, addr = space(addr)
	}
	if addr%uint64(n) != 0 {
		w.fail(lane, "address %#x of %d bytes is misaligned", addr, n)
	}
	switch s {
	case ptx.Shared:
		return w.shared(lane, addr, n, kind)
	case ptx.Local:
		size := uint64(w.cta.p.localSize)
		if !within(addr, uint64(n), size) {
			w.fail(lane, "local address %d of %d bytes is out of bounds: a thread has %d", int64(addr), n, size)
		}
		at := uint64(lane)*size + addr
		set := w.localSet[at : at+uint64(n)]
		if kind.writes() {
			for i := range set {
				set[i] = true
			}
		} else if w.cta.run.o.Uninitialized && (!w.cta.p.depots || w.at.element) && !slices.Contains(set, true) { // of a struct's padding a part may be read with the rest
			w.fail(lane, "local bytes %d to %d are read, but nothing wrote them", addr, addr+uint64(n))
		}
		return w.local[at : at+uint64(n)]
	case ptx.Param:
		ps := w.cta.run.params
		if kind.writes() || !within(addr, uint64(n), uint64(len(ps))) {
			w.fail(lane, "parameter address %d of %d bytes is out of bounds: there are %d bytes, and they are only read", int64(addr), n, len(ps))
		}
		return ps[addr : addr+uint64(n)]
	case ptx.Const:
		if c := &w.cta.p.constants; kind.writes() || !c.holds(addr, uint64(n)) {
			w.fail(lane, "constant address %d of %d bytes is out of bounds: %s; constants are only read", int64(addr), n, c.nearest(addr))
		}
		return w.cta.p.constant[addr : addr+uint64(n)]
	}
	return w.global(lane, addr, n, kind)
}

// shared is bytes of the block's shared memory.
func (w *warp) shared(lane int, addr uint64, n int, kind access) []byte {
	c := w.cta
	if s, a := space(addr); s == ptx.Shared { // a generic address where one within shared memory may stand
		addr = a
	}
	if !within(addr, uint64(n), uint64(len(c.shared))) {
		w.fail(lane, "shared address %d of %d bytes is out of bounds: the block has %d", fromStart(addr), n, len(c.shared))
	}
	state := c.sharedState[addr : addr+uint64(n)]
	for i, s := range unsettled(state) {
		switch {
		case s == copying:
			w.fail(lane, "shared byte %d is touched while an asynchronous copy to it is under way", int(addr)+i)
		case s == outside:
			w.fail(lane, "shared address %d of %d bytes is out of bounds: %s", addr, n, c.p.shared.nearest(addr+uint64(i)))
		case kind.writes():
			state[i] = valued
		case s == unset && c.run.o.Uninitialized:
			w.fail(lane, "shared byte %d is read, but nothing wrote it", int(addr)+i)
		}
	}
	if c.run.o.Races {
		w.note(c.sharedHistory, c.epoch, int(addr), n, lane, kind, w.repeats(c.shared[addr:addr+uint64(n)], kind), -1)
	}
	return c.shared[addr : addr+uint64(n)]
}

// fromStart is an address within a space as a person reads it: one before its start is negative.
func fromStart(addr uint64) int64 {
	if addr < 1<<32 && addr >= 1<<31 {
		return int64(int32(addr))
	}
	return int64(addr)
}

// global is bytes of global memory.
func (w *warp) global(lane int, addr uint64, n int, kind access) []byte {
	mem := w.cta.run.mem
	p := mem.find(addr, n)
	if p == nil {
		w.fail(lane, "address %#x of %d bytes is out of bounds: %s", addr, n, mem.nearest(addr))
	}
	at := int(addr - p.b.base)
	if p.b.written != nil {
		f := p.b.written[at : at+n]
		if kind.writes() {
			setValued(f)
		} else if w.cta.run.o.Uninitialized {
			for i, s := range unsettled(f) {
				if s == unset {
					w.fail(lane, "byte %d of an allocation of %d is read, but nothing wrote it", int(addr-p.lo)+i, p.hi-p.lo)
				}
			}
		}
	}
	if w.cta.run.o.Races {
		if p.b.touched == nil {
			p.b.touched = newPages(len(p.b.data))
		}
		w.note(p.b.touched, w.cta.run.epoch, at, n, lane, kind, w.repeats(p.b.data[at:at+n], kind), int(p.lo-p.b.base))
	}
	return p.b.data[at : at+n]
}

// place names an address among those through which threads synchronise: shared memory is another one in every block.
func (w *warp) place(s ptx.Space, addr uint64) uint64 {
	if s == ptx.Generic {
		s, addr = space(addr)
	}
	if s == ptx.Shared {
		return sharedWindow + uint64(w.cta.number)<<24 + addr&(1<<24-1)
	}
	return addr
}

// repeats says whether a store leaves memory as it is. Such stores of several threads are no race: compilers let all threads that hold the same
// value store it.
func (w *warp) repeats(b []byte, kind access) bool {
	return kind == write && w.storing != nil && bytes.Equal(b, w.storing)
}

func get(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func put(b []byte, x uint64) {
	switch len(b) {
	case 1:
		b[0] = byte(x)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(x))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(x))
	default:
		binary.LittleEndian.PutUint64(b, x)
	}
}

// broadcast is lanes that load from one address of shared memory. What may be wrong with the third and later ones is wrong with one of the first two.
type broadcast struct {
	addr, clock uint64
	lanes       int
	bytes       []byte
}

// broadcast is bytes of shared memory for a lane of a load.
func (w *warp) broadcast(lane int, addr uint64, n int) []byte {
	b := &w.broadcasts[addr/uint64(n)%lanes]
	if b.addr != addr || b.clock != w.clock {
		*b = broadcast{addr: addr, clock: w.clock}
	}
	if b.lanes++; b.lanes < 3 {
		b.bytes = w.bytes(ptx.Shared, lane, addr, n, read)
	}
	return b.bytes
}

// load decodes ld and ldu.
func (d *decoder) load() {
	in := d.in
	t := in.Types[len(in.Types)-1]
	size, sign := t.Bytes(), t.Signed()
	rs := d.registers(in.Operands[0])
	if b := in.Operands[1]; in.Space == ptx.Param && (!d.f.Kernel || b.Var != nil && b.Var.Offset < 0 || d.local(b.Var)) {
		d.loadParam(rs, t)
		return
	}
	at := d.address(in.Operands[1])
	d.out.element = d.depot != nil && d.depot.element(in)
	kind, o := read, ordering{reads: true, block: in.Has("cta")}
	if in.Has("volatile") || in.Has("relaxed") || in.Has("acquire") {
		kind, o.acquire = read.strongly(o.block), in.Has("acquire")
	}
	if in.Has("nc") {
		kind = readOnly
	}
	if kind == read && d.swapped.holds(in, d.depot != nil) {
		kind = readStrong
	}
	d.out.strong = kind.strong()
	total := size * len(rs)
	widths := make([]uint64, len(rs))
	for i, r := range rs {
		if r >= 0 {
			widths[i] = bitsMask(d.width(r))
		}
	}
	s := in.Space
	d.out.class = memoryClass(s, false)
	d.out.run = func(w *warp, mask uint32) {
		addrs := *at(w)
		if s != ptx.Param && s != ptx.Const {
			w.cta.count.access(w, s, &addrs, mask, total, false)
		}
		for l := range lanes {
			if mask>>l&1 == 0 {
				continue
			}
			var b []byte
			if s == ptx.Shared && kind == read {
				b = w.broadcast(l, addrs[l], total)
			} else {
				b = w.bytes(s, l, addrs[l], total, kind)
			}
			for i, r := range rs {
				switch {
				case r < 0:
				case size == 4 && !sign:
					w.regs[r*lanes+l] = uint64(binary.LittleEndian.Uint32(b[4*i:])) & widths[i]
				default:
					w.regs[r*lanes+l] = extend(get(b[i*size:(i+1)*size]), 8*size, sign) & widths[i]
				}
			}
			if kind.strong() {
				w.order(w.place(s, addrs[l]), o)
			}
		}
		for _, r := range rs {
			w.define(r, mask)
		}
	}
}

// store decodes st.
func (d *decoder) store() {
	in := d.in
	t := in.Types[len(in.Types)-1]
	size := t.Bytes()
	vs := d.elements(in.Operands[1])
	if in.Space == ptx.Param {
		d.out.reads = nil // compilers pass members of structs that have no value
		d.storeParam(vs, t)
		return
	}
	at := d.address(in.Operands[0])
	kind, o := write, ordering{writes: true, block: in.Has("cta")}
	if in.Has("volatile") || in.Has("relaxed") || in.Has("release") {
		kind, o.release = write.strongly(o.block), in.Has("release")
	}
	d.out.strong = kind.strong()
	total := size * len(vs)
	s := in.Space
	d.out.class = memoryClass(s, true)
	d.out.run = func(w *warp, mask uint32) {
		addrs := *at(w)
		w.cta.count.access(w, s, &addrs, mask, total, true)
		w.stores(mask)
		for l := range lanes {
			if mask>>l&1 == 0 {
				continue
			}
			for i := range vs {
				put(w.stored[i*size:(i+1)*size], vs[i].get(w)[l])
			}
			w.storing = w.stored[:total]
			copy(w.bytes(s, l, addrs[l], total, kind), w.storing)
			w.storing = nil
			if kind.strong() {
				w.order(w.place(s, addrs[l]), o)
			}
		}
	}
}

// atomic decodes atom and red.
func (d *decoder) atomic() {
	in := d.in
	t := in.Types[len(in.Types)-1]
	size := t.Bytes()
	r, first := -1, 0
	if in.Op == "atom" {
		r, first = d.dst(0), 1
	}
	at := d.address(in.Operands[first])
	b := d.src(first + 1)
	c := constant(0)
	if len(in.Operands) > first+2 && in.Has("cas") {
		c = d.src(first + 2)
	}
	s := in.Space
	f, inShared := d.combine(t, s != ptx.Shared), d.combine(t, false)
	o := ordering{reads: true, writes: true, acquire: in.Has("acquire") || in.Has("acq_rel"), release: in.Has("release") || in.Has("acq_rel"), block: in.Has("cta")}
	d.out.class = memoryClass(s, true)
	d.out.run = func(w *warp, mask uint32) {
		addrs := *at(w)
		w.cta.count.access(w, s, &addrs, mask, size, true)
		w.stores(mask)
		x, y := b.get(w), c.get(w)
		lanesOf(mask, func(l int) {
			w.bytes(s, l, addrs[l], size, read.strongly(o.block))
			m := w.bytes(s, l, addrs[l], size, write.strongly(o.block))
			old := get(m)
			combine := f
			if s == ptx.Generic {
				if to, _ := space(addrs[l]); to == ptx.Shared {
					combine = inShared
				}
			}
			put(m, combine(old, x[l], y[l]))
			w.set(r, l, old)
			w.order(w.place(s, addrs[l]), o)
		})
		w.define(r, mask)
	}
}

// combine is the operation of an atomic: the new value from the old one, b and c. In global memory float32 sums flush subnormal numbers.
func (d *decoder) combine(t ptx.Type, flush bool) func(old, b, c uint64) uint64 {
	in := d.in
	n := t.Bits()
	cut := bitsMask(n)
	x := func(a uint64) uint64 { return extend(a, n, t.Signed()) }
	has := in.Has
	switch {
	case has("cas"):
		return func(old, b, c uint64) uint64 {
			if old == b&cut {
				return c
			}
			return old
		}
	case has("exch"):
		return func(old, b, c uint64) uint64 { return b }
	case has("and"):
		return func(old, b, c uint64) uint64 { return old & b }
	case has("or"):
		return func(old, b, c uint64) uint64 { return old | b }
	case has("xor"):
		return func(old, b, c uint64) uint64 { return old ^ b }
	case has("inc"):
		return func(old, b, c uint64) uint64 {
			if old >= b&cut {
				return 0
			}
			return old + 1
		}
	case has("dec"):
		return func(old, b, c uint64) uint64 {
			if old == 0 || old > b&cut {
				return b
			}
			return old - 1
		}
	case has("min"), has("max"):
		most := has("max")
		return func(old, b, c uint64) uint64 {
			less := x(old) < x(b)
			if t.Signed() {
				less = int64(x(old)) < int64(x(b))
			}
			if less == most {
				return b & cut
			}
			return old
		}
	case !has("add"):
		d.unsupported("this operation")
	case t == ptx.F32:
		return func(old, b, c uint64) uint64 {
			if flush {
				return fromF32(flush32(flush32(toF32(old)) + flush32(toF32(b))))
			}
			return fromF32(toF32(old) + toF32(b))
		}
	case t == ptx.F64:
		return func(old, b, c uint64) uint64 { return fromF64(toF64(old) + toF64(b)) }
	case t == ptx.F16 || t == ptx.BF16 || t == ptx.F16x2 || t == ptx.BF16x2:
		value, pack := floatOf(scalarType(t)), bitsOf(scalarType(t), nearest)
		one := func(a, b uint64) uint64 { return pack(odd(value(a&0xffff), value(b&0xffff))) }
		if n == 16 {
			return func(old, b, c uint64) uint64 { return one(old, b) }
		}
		return func(old, b, c uint64) uint64 { return one(old, b) | one(old>>16, b>>16)<<16 }
	}
	return func(old, b, c uint64) uint64 { return (old + b) & cut }
}
