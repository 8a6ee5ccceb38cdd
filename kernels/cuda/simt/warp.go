package simt

import "math/bits"

// lanes are the threads of a warp.
const lanes = 32

// vector is one register of a warp.
type vector = [lanes]uint64

// warp is 32 threads of a block.
type warp struct {
	cta        *cta
	number     int   // within the block
	id         int32 // in the launch, from 1
	alive      uint32
	began      uint32  // the lanes that there were at first
	groups     []group // of the lanes that are alive; in no order
	regs       []uint64
	defined    []uint32 // by register: lanes in which it has a value
	special    [numSpecials]*vector
	local      []byte // local memory of all lanes, one after the other
	localSet   []bool // which bytes of it have values
	frame      uint64 // where the .local variables of the function that runs begin
	args       []byte // .param variables of calls, likewise
	carry      uint32 // the condition code's carry, by lane
	stored     [16]byte
	storing    []byte // what a plain store is about to write, in stored; nil otherwise
	copies     [lanes]copies
	clock      uint64 // instructions executed
	last       [lanes]lastStore
	behind     *instr           // the last store in the program since the warp came to a barrier of the block
	broadcasts [lanes]broadcast // by address, of the load that is executed
	idle       bool             // it found that it has to wait: others should go on

	at      *instr // being executed
	sync    uint32 // counts the warp's synchronisations
	vc      []uint32
	known   map[int32]uint32 // what is known of warps of other blocks, by their number in the launch
	fence   map[int32]uint32 // what was known at the last fence, for relaxed writes after it
	pending map[int32]uint32 // what relaxed reads found, for the next fence

	fenceBlock, pendingBlock map[int32]uint32 // the same within the block, for fences of scope .cta

	waiting *waiting // at a barrier of the block, or nil
}

// group is lanes that run together.
type group struct {
	pc    int
	mask  uint32
	want  uint32 // lanes that a .sync instruction at pc still waits for; 0: it runs
	named uint32 // all lanes that it names, those that have ended too
	born  uint64 // the clock when it last lost lanes
	stack *frame // of calls
}

// frame is where a call came from.
type frame struct {
	pc     int // to return to
	call   *callSite
	parent *frame
	depth  int
	local  uint64   // where the called function's .local variables begin
	saved  []uint64 // registers of the called function before the call, if it was already running
	defs   []uint32
	args   []byte
}

func (g *group) depth() int {
	if g.stack == nil {
		return 0
	}
	return g.stack.depth
}

func (g *group) frame() uint64 {
	if g.stack == nil {
		return 0
	}
	return g.stack.local
}

// lanesOf calls f for every lane of a mask.
func lanesOf(mask uint32, f func(lane int)) {
	for m := mask; m != 0; m &= m - 1 {
		f(bits.TrailingZeros32(m))
	}
}

func (w *warp) reg(r int) *vector { return (*vector)(w.regs[r*lanes : r*lanes+lanes]) }

// pick chooses the group to run: the deepest in calls, then the one farthest behind; with a random schedule sometimes another. −1: all wait.
func (w *warp) pick() int {
	best, runnable := -1, 0
	for i := range w.groups {
		g := &w.groups[i]
		if g.want != 0 {
			continue
		}
		runnable++
		if best < 0 || g.depth() > w.groups[best].depth() || g.depth() == w.groups[best].depth() && g.pc < w.groups[best].pc {
			best = i
		}
	}
	if runnable > 1 && (w.cta.run.random != nil && w.cta.run.random.IntN(4) == 0 || w.clock%1024 == 0) { // fair to lanes that wait for lanes
		n := int(w.clock/1024) % runnable
		if w.cta.run.random != nil {
			n = w.cta.run.random.IntN(runnable)
		}
		for i := range w.groups {
			if w.groups[i].want == 0 {
				if n == 0 {
					return i
				}
				n--
			}
		}
	}
	return best
}

// merge joins the groups that stand at the same place.
func (w *warp) merge() {
	for i := 0; i < len(w.groups); i++ {
		for j := i + 1; j < len(w.groups); j++ {
			a, b := &w.groups[i], &w.groups[j]
			if a.pc == b.pc && a.want == b.want && a.stack.same(b.stack) {
				a.mask |= b.mask
				a.named |= b.named
				a.born = max(a.born, b.born)
				w.groups = append(w.groups[:j], w.groups[j+1:]...)
				j--
			}
		}
	}
}

// same says whether two groups came through the same calls, and so go on as one. Recursive calls, which keep registers, are apart.
func (f *frame) same(g *frame) bool {
	for ; f != g; f, g = f.parent, g.parent {
		if f == nil || g == nil || f.pc != g.pc || f.call != g.call || f.saved != nil || g.saved != nil {
			return false
		}
	}
	return true
}

// steps runs the warp for at most so many instructions, or until it waits at a barrier or ends. It returns how many it ran.
func (w *warp) steps(most int) int {
	done := 0
	w.idle = false
	for done < most && w.waiting == nil && w.alive != 0 && !w.idle {
		i := w.pick()
		if i < 0 {
			if !w.release() {
				w.stuck()
			}
			continue
		}
		if len(w.groups) == 1 {
			done += w.straight(&w.groups[0], most-done)
			continue
		}
		w.step(i)
		done++
		w.merge()
	}
	return done
}

// straight runs the only group up to and including the next instruction that may move it elsewhere.
func (w *warp) straight(g *group, most int) int {
	code := w.cta.p.code
	w.frame = g.frame()
	done := 0
	for done < most {
		in := code[g.pc]
		if in.flow != next {
			w.step(0)
			return done + 1
		}
		if in.strong && w.cta.run.random != nil && w.cta.run.random.IntN(4) == 0 && bits.OnesCount32(g.mask) > 1 {
			return done + w.scatter()
		}
		w.execute(in, g.mask)
		g.pc++
		done++
		if w.idle {
			break
		}
	}
	return done
}

// execute runs an instruction for the lanes of a group that its guard lets.
func (w *warp) execute(in *instr, mask uint32) {
	w.at = in
	w.clock++
	if in.guard >= 0 {
		mask = w.guarded(in, mask)
	}
	for _, r := range in.reads {
		if w.defined[r]&mask != mask {
			w.uninitialised(r, mask&^w.defined[r])
		}
	}
	if c := w.cta.count; c != nil {
		c.instruction(in, mask)
	}
	if mask != 0 {
		in.run(w, mask)
	}
}

// guarded is the lanes for which an instruction's guard holds.
func (w *warp) guarded(in *instr, mask uint32) uint32 {
	if w.defined[in.guard]&mask != mask {
		w.at = in
		w.uninitialised(in.guard, mask&^w.defined[in.guard])
	}
	p := w.reg(in.guard)
	var on uint32
	for i := range p {
		on |= uint32(p[i]&1) << i
	}
	if in.not {
		on = ^on
	}
	return mask & on
}

// uninitialised fails for a register without a value, unless such reads are allowed: it then is zero.
func (w *warp) uninitialised(r int, mask uint32) {
	if w.cta.run.o.Uninitialized {
		w.fail(bits.TrailingZeros32(mask), "register %s has no value", w.cta.p.types[r].Name)
	}
	w.defined[r] |= mask
}

// step runs one instruction of a group, with all that it does to the warp's groups.
func (w *warp) step(i int) {
	g := &w.groups[i]
	in := w.cta.p.code[g.pc]
	w.at, w.frame = in, g.frame()
	active := g.mask
	if in.guard >= 0 {
		active = w.guarded(in, g.mask)
	}
	switch in.flow {
	case next:
		w.execute(in, g.mask)
		g.pc++
		return
	case rendezvous, barrier:
		w.meet(i, in, active)
		return
	}
	w.clock++
	if c := w.cta.count; c != nil {
		c.instruction(in, active)
	}
	if active == 0 {
		g.pc++
		return
	}
	if rest := g.mask &^ active; rest != 0 { // the others go on
		w.groups = append(w.groups, group{pc: g.pc + 1, mask: rest, stack: g.stack, born: w.clock})
		g = &w.groups[i]
		g.mask, g.born = active, w.clock
	}
	switch in.flow {
	case branch:
		g.pc = in.target
	case branchIndexed:
		w.jump(i, in)
	case call:
		w.enter(g, in.call, active, g.pc+1)
	case callIndirect:
		w.enterEach(i, in)
	case ret:
		if g.stack != nil {
			w.leave(g)
			return
		}
		w.end(i)
	case exit:
		w.end(i)
	}
}

// jump splits a group by the entries of a table that its lanes choose.
func (w *warp) jump(i int, in *instr) {
	g := w.groups[i]
	x := in.index.get(w)
	w.groups = append(w.groups[:i], w.groups[i+1:]...)
	to := map[int]uint32{}
	lanesOf(g.mask, func(l int) {
		k := int(x[l] & bitsMask(32))
		if k >= len(in.targets) {
			w.fail(l, "entry %d of a table of %d", k, len(in.targets))
		}
		to[in.targets[k]] |= 1 << l
	})
	for _, pc := range in.targets {
		if m := to[pc]; m != 0 {
			w.groups = append(w.groups, group{pc: pc, mask: m, stack: g.stack, born: w.clock})
			delete(to, pc)
		}
	}
}

// end ends the lanes of a group.
func (w *warp) end(i int) {
	mask := w.groups[i].mask
	lanesOf(mask, func(l int) {
		if w.cta.run.o.Unwaited && len(w.copies[l].underWay()) > 0 {
			w.fail(l, "the thread ends while asynchronous copies of its own are under way")
		}
		w.landAll(l)
	})
	w.alive &^= mask
	w.groups = append(w.groups[:i], w.groups[i+1:]...)
	if w.alive == 0 {
		w.cta.left(w)
	}
}

// meet brings lanes to a .sync instruction, which runs when all that it names are there. Lanes that name others wait apart from them.
func (w *warp) meet(i int, in *instr, active uint32) {
	g := w.groups[i]
	if active == 0 {
		w.groups[i].pc++
		w.clock++
		return
	}
	w.groups = append(w.groups[:i], w.groups[i+1:]...)
	born := g.born
	if rest := g.mask &^ active; rest != 0 {
		w.groups = append(w.groups, group{pc: g.pc + 1, mask: rest, stack: g.stack, born: w.clock})
		born = w.clock
	}
	for left := active; left != 0; {
		part, want := left, uint32(bitsMask(lanes))
		if in.flow == rendezvous {
			part, want = w.members(in, active, bits.TrailingZeros32(left))
		}
		w.groups = append(w.groups, group{pc: g.pc, mask: part, want: want & w.alive, named: want, stack: g.stack, born: born})
		left &^= part
	}
	w.merge()
	for w.release() { // all parts that are whole, so that they go on together
	}
}

// members finds the active lanes that name the same members as a lane, and these.
func (w *warp) members(in *instr, active uint32, lane int) (part, named uint32) {
	m := in.members.get(w)
	named = uint32(m[lane])
	lanesOf(active, func(l int) {
		switch {
		case uint32(m[l]) == named:
			part |= 1 << l
		case named>>l&1 != 0:
			w.fail(l, "lanes name different members, %#x and %#x", uint32(m[l]), named)
		}
	})
	if outside := part &^ named; outside != 0 {
		w.fail(bits.TrailingZeros32(outside), "the lane is not among the members %#x", named)
	}
	return part, named
}

// release runs the .sync instructions whose lanes are all there; false if there is none.
func (w *warp) release() bool {
	for i := range w.groups {
		g := &w.groups[i]
		if g.want == 0 || g.want&w.alive&^g.mask != 0 && !w.elsewhere(g) {
			continue
		}
		in := w.cta.p.code[g.pc]
		w.missed(g, in)
		g.want = 0
		g.pc++
		mask := g.mask
		w.at, w.frame = in, g.frame()
		for _, r := range in.reads {
			if w.defined[r]&mask != mask {
				w.uninitialised(r, mask&^w.defined[r])
			}
		}
		w.clock++
		if c := w.cta.count; c != nil {
			c.instruction(in, mask)
		}
		in.run(w, mask)
		return true
	}
	return false
}

// elsewhere says whether all lanes that a group waits for wait at the same barrier too, by other instructions, and if so lets those go on.
func (w *warp) elsewhere(g *group) bool {
	in := w.cta.p.code[g.pc]
	if in.loose == nil {
		return false
	}
	var others []*group
	mask := g.mask
	for i := range w.groups {
		if o := &w.groups[i]; o != g && o.want == g.want && w.cta.p.code[o.pc].alike(w, in, o, g) {
			others = append(others, o)
			mask |= o.mask
		}
	}
	if g.want&w.alive&^mask != 0 {
		return false
	}
	for _, o := range others {
		o.want = 0
		o.pc++
	}
	return true
}

// alike says whether two barriers are the same one for the groups that wait there.
func (in *instr) alike(w *warp, other *instr, g, h *group) bool {
	if len(in.loose) == 0 || len(in.loose) != len(other.loose) {
		return false
	}
	for k := range in.loose {
		if in.loose[k].get(w)[bits.TrailingZeros32(g.mask)] != other.loose[k].get(w)[bits.TrailingZeros32(h.mask)] {
			return false
		}
	}
	return true
}

// stuck fails: every group waits for lanes that wait elsewhere.
func (w *warp) stuck() {
	g := w.groups[0]
	w.at = w.cta.p.code[g.pc]
	if len(w.groups) == 1 {
		w.fail(-1, "divergent: lanes %#x wait here for lanes %#x, which have ended", g.mask, g.want)
	}
	other := w.groups[1]
	w.fail(-1, "divergent: lanes %#x wait here for lanes %#x, and lanes %#x wait in line %d", g.mask, g.want, other.mask, w.cta.p.code[other.pc].line)
}
