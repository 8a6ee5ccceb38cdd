package simt

// scatter lets some lanes of the only group run ahead of the others, who stay where they are. Lanes of a warp may do so anywhere; between plain
// accesses of lanes it is a race, but what volatile and relaxed ones find must be seen to be wrong.
func (w *warp) scatter() (ran int) {
	r := w.cta.run.random
	ahead := r.Uint32() & w.groups[0].mask
	if ahead == 0 || ahead == w.groups[0].mask {
		ahead = w.groups[0].mask & -w.groups[0].mask // the first lane
	}
	g := &w.groups[0]
	g.mask &^= ahead
	g.born = w.clock
	w.groups = append(w.groups, group{pc: g.pc, mask: ahead, stack: g.stack, born: w.clock})
	for most := 1 + r.IntN(24); ran < most && len(w.groups) == 2 && w.groups[1].want == 0 && !w.idle; ran++ {
		w.step(1)
	}
	w.merge()
	return ran
}
