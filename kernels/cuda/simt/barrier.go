package simt

import "fmt"

// barrierState is one of a block's sixteen barriers.
type barrierState struct {
	arrived  int // threads
	expected int // 0: all threads of the block that are alive
	waiting  []*warp
	seen     knowledge // of all that arrived, whether they wait or not
	value    uint32    // of a reduction: how many threads say yes, or 0 and 1
	voters   int
}

// waiting is where a warp waits.
type waiting struct {
	in      *instr
	barrier int
	w       *warp
	finish  func(yes, voters int) // of a reduction
}

func (x *waiting) describe() string {
	return fmt.Sprintf("warp %d waits at barrier %d in line %d", x.w.number, x.barrier, x.in.line)
}

// barrier decodes bar and barrier: sync, arrive, red; and bar.warp.sync.
func (d *decoder) barrier() {
	in := d.in
	d.out.class = ClassSync
	if in.Has("warp") {
		d.out.flow = rendezvous
		d.out.members = d.src(0)
		d.out.loose = []source{d.out.members}
		d.out.run = func(w *warp, _ uint32) {
			w.sync++
			w.vc[w.number] = w.sync
		}
		return
	}
	d.out.flow = barrier
	out := d.out
	if in.Has("red") {
		d.barrierReduce()
		return
	}
	id := d.src(0)
	n := constant(0)
	if len(in.Operands) > 1 {
		n = d.src(1)
	}
	wait := !in.Has("arrive")
	if wait && in.Op == "barrier" && !in.Has("aligned") {
		d.out.loose = []source{id, n}
	}
	d.out.run = func(w *warp, mask uint32) {
		k, threads := w.barrierArgs(mask, &id, &n)
		var x *waiting
		if wait {
			x = &waiting{in: out, barrier: k, w: w}
		}
		w.cta.arrive(w, k, threads, x, 0, 0)
	}
}

// barrierArgs are a barrier's number and thread count, which all lanes give alike.
func (w *warp) barrierArgs(mask uint32, id, n *source) (k, threads int) {
	x, y := id.get(w), n.get(w)
	first := true
	lanesOf(mask, func(l int) {
		if first {
			k, threads, first = int(x[l]&bitsMask(32)), int(y[l]&bitsMask(32)), false
		} else if int(x[l]&bitsMask(32)) != k || int(y[l]&bitsMask(32)) != threads {
			w.fail(l, "lanes of a warp come to different barriers")
		}
	})
	if k > 15 {
		w.fail(-1, "barrier %d: there are 16", k)
	}
	if threads%lanes != 0 {
		w.fail(-1, "a barrier of %d threads, which is no multiple of 32", threads)
	}
	return k, threads
}

func (d *decoder) barrierReduce() {
	in := d.in
	r, id := d.dst(0), d.src(1)
	n := constant(0)
	last := len(in.Operands) - 1
	if last == 3 {
		n = d.src(2)
	}
	p, negated := d.src(last), in.Operands[last].Negated
	kind := "popc"
	for _, m := range in.Mods {
		if m == "and" || m == "or" {
			kind = m
		}
	}
	out := d.out
	d.out.run = func(w *warp, mask uint32) {
		k, threads := w.barrierArgs(mask, &id, &n)
		yes, voters := 0, 0
		x := p.get(w)
		lanesOf(mask, func(l int) {
			voters++
			if x[l]&1 != 0 != negated {
				yes++
			}
		})
		finish := func(yes, voters int) {
			v := uint64(yes)
			switch kind {
			case "and":
				v = truth(yes == voters)
			case "or":
				v = truth(yes > 0)
			}
			lanesOf(mask, func(l int) { w.set(r, l, v) })
			w.define(r, mask)
		}
		w.cta.arrive(w, k, threads, &waiting{in: out, barrier: k, w: w, finish: finish}, yes, voters)
	}
}

// arrive counts a warp, all 32 threads of it, at a barrier; x is nil if it does not wait.
func (c *cta) arrive(w *warp, k, threads int, x *waiting, yes, voters int) {
	b := &c.barriers[k]
	if b.arrived > 0 && b.expected != threads {
		w.fail(-1, "barrier %d is for %d threads here, and %d elsewhere", k, threads, b.expected)
	}
	b.expected = threads
	b.arrived += lanes
	w.behind = nil
	b.seen.give(w)
	b.value += uint32(yes)
	b.voters += voters
	if x != nil {
		w.waiting = x
		b.waiting = append(b.waiting, w)
	}
	c.complete(k)
}

// left notes that a warp has ended: barriers no longer wait for it.
func (c *cta) left(*warp) {
	for k := range c.barriers {
		if c.barriers[k].arrived > 0 {
			c.complete(k)
		}
	}
}

// complete lets the warps at a barrier go on, if all have come.
func (c *cta) complete(k int) {
	b := &c.barriers[k]
	expected := b.expected
	if expected == 0 {
		for _, w := range c.warps {
			if w.alive != 0 {
				expected += lanes
			}
		}
	}
	if b.arrived < expected {
		return
	}
	if b.expected == 0 && len(b.waiting) > 0 {
		c.passedBy(b.waiting[0].waiting)
	}
	for _, w := range b.waiting {
		b.seen.take(w)
		if w.waiting.finish != nil {
			w.waiting.finish(int(b.value), b.voters)
		}
		w.waiting = nil
	}
	*b = barrierState{}
}
