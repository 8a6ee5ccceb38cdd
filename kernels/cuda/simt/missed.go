package simt

import "slices"

// lastStore is a lane's last store.
type lastStore struct {
	at    *instr
	clock uint64
}

// stores notes who stores: lanes that end without coming to a barrier, and store what follows it, have gone past it.
func (w *warp) stores(mask uint32) {
	if w.behind == nil || w.at.pc > w.behind.pc {
		w.behind = w.at
	}
	lanesOf(mask, func(l int) { w.last[l] = lastStore{w.at, w.clock} })
}

// missed fails if lanes that a group waits for have ended, and since they parted from it went past the place where it waits. Lanes that
// returned before it are not waited for, as on hardware.
func (w *warp) missed(g *group, in *instr) {
	if gone := w.began &^ w.alive; in.whole && gone != 0 {
		w.at = in
		w.fail(-1, "divergent: all lanes of the warp take part in this instruction, and lanes %#x have ended", gone)
	}
	lanesOf(g.named&^w.alive, func(l int) {
		if s := w.last[l]; s.at != nil && s.clock > g.born && w.cta.run.follows(in, s.at) {
			w.at = in
			w.fail(-1, "divergent: lanes %#x wait here, and thread %d has ended without: it went past, to line %d", g.mask, w.number*lanes+l, s.at.line)
		}
	})
}

// passedBy fails if a warp of the block has ended without coming to a barrier of all, and went past it.
func (c *cta) passedBy(x *waiting) {
	for _, w := range c.warps {
		if w.alive == 0 && w.behind != nil && c.run.follows(x.in, w.behind) {
			x.w.at = x.in
			x.w.fail(-1, "divergent: warp %d waits here, and warp %d has ended without: it went past, to line %d", x.w.number, w.number, w.behind.line)
		}
	}
}

// follows says whether an instruction stands after another of the same function, and may be executed after it.
func (r *launch) follows(first, then *instr) bool {
	if then.pc <= first.pc {
		return false
	}
	pair := [2]*instr{first, then}
	known, ok := r.after[pair]
	if !ok {
		known = r.p.reaches(first.pc, then.pc) && (first.flow != barrier || !r.p.joined(first, then))
		r.after[pair] = known
	}
	return known
}

// joined says whether a store may be that of a return which a compiler joined with the one after a barrier: it stores what is computed in the
// code behind the barrier that such returns jump over, and elsewhere too.
func (p *Program) joined(barrier, store *instr) bool {
	end := len(p.code)
	for _, in := range p.code[:barrier.pc] {
		if in.flow == branch && in.target > barrier.pc {
			end = min(end, in.target)
		}
	}
	base, start := p.baseOf(barrier.pc)
	for pc := barrier.pc + 1; pc < min(end, store.pc); pc++ {
		for _, r := range store.reads {
			sets := func(in *instr) bool { return slices.Contains(in.first, r-base) }
			if sets(p.code[pc]) && slices.ContainsFunc(p.code[start:barrier.pc], sets) {
				return true
			}
		}
	}
	return false
}

// baseOf is where the registers and the code of the function begin that an instruction is in.
func (p *Program) baseOf(pc int) (base, start int) {
	start = -1
	for f, at := range p.starts {
		if at <= pc && at > start {
			base, start = p.bases[f], at
		}
	}
	return base, start
}

// reaches says whether control may go from one place to another.
func (p *Program) reaches(from, to int) bool {
	seen := make([]bool, len(p.code))
	for list := []int{from + 1}; len(list) > 0; {
		at := list[len(list)-1]
		list = list[:len(list)-1]
		if at == to {
			return true
		}
		if seen[at] {
			continue
		}
		seen[at] = true
		in := p.code[at]
		switch in.flow {
		case branch:
			list = append(list, in.target)
		case branchIndexed:
			list = append(list, in.targets...)
		}
		if in.guard >= 0 || in.flow != branch && in.flow != branchIndexed && in.flow != ret && in.flow != exit {
			list = append(list, at+1)
		}
	}
	return false
}
