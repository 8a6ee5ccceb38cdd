package simt

import (
	"math/bits"
	"slices"

	"onestep/kernels/cuda/ptx"
)

// copies are the asynchronous copies of one lane that are under way, the oldest first: groups that are closed, and what came since.
type copies struct {
	list []*asyncCopy
	ends []int // of the groups, in the list
}

// underWay lists the copies that have not landed.
func (c *copies) underWay() []*asyncCopy {
	return slices.DeleteFunc(slices.Clone(c.list), func(a *asyncCopy) bool { return a.landed })
}

// asyncCopy is one cp.async. Its bytes are read and written as late as it may be, when it is waited for.
type asyncCopy struct {
	dst, src    uint64
	size, given int
	at          *instr
	landed      bool
	sync        uint32 // the warp's count when an arrival was tied to it, and so what it is ordered by; 0: none was
}

// asyncCopy decodes cp.async and its companions.
func (d *decoder) asyncCopy() {
	in := d.in
	switch {
	case in.Has("commit_group"):
		d.out.class = ClassSync
		d.out.run = func(w *warp, mask uint32) {
			lanesOf(mask, func(i int) {
				c := &w.copies[i]
				c.ends = append(c.ends, len(c.list))
			})
		}
	case in.Has("wait_group"):
		n := int(in.Operands[0].Imm)
		d.out.class = ClassSync
		d.out.run = func(w *warp, mask uint32) { lanesOf(mask, func(i int) { w.land(i, n) }) }
	case in.Has("wait_all"):
		d.out.class = ClassSync
		d.out.run = func(w *warp, mask uint32) { lanesOf(mask, func(i int) { w.landAll(i) }) }
	case in.Has("mbarrier"):
		d.asyncArrive()
	default:
		d.startCopy()
	}
}

func (d *decoder) startCopy() {
	in := d.in
	to, from := d.address(in.Operands[0]), d.address(in.Operands[1])
	size := int(in.Operands[2].Imm)
	given := constant(uint64(size))
	ignore, negated := constant(0), false
	hinted := in.Has("L2::cache_hint")
	if n := len(in.Operands); n > 3 && !(hinted && n == 4) {
		o := in.Operands[3]
		if o.Kind == ptx.KindReg && d.f.Registers[o.Reg].Type == ptx.Pred {
			ignore, negated = d.src(3), o.Negated
		} else {
			given = d.src(3)
		}
	}
	d.out.class = ClassAsync
	out := d.out
	d.out.run = func(w *warp, mask uint32) {
		dst := *to(w)
		src := *from(w)
		n, skip := given.get(w), ignore.get(w)
		w.cta.count.access(w, ptx.Shared, &dst, mask, size, true)
		var reads uint32
		started := make([]asyncCopy, bits.OnesCount32(mask))
		lanesOf(mask, func(i int) {
			k := int(n[i] & bitsMask(32))
			if skip[i]&1 != 0 != negated {
				k = 0
			}
			if k > size {
				w.fail(i, "%d source bytes of a copy of %d", k, size)
			}
			if dst[i]%uint64(size) != 0 || src[i]%uint64(size) != 0 {
				w.fail(i, "a copy of %d bytes from %#x to shared %d is misaligned", size, src[i], dst[i])
			}
			if k > 0 {
				reads |= 1 << i
				if w.cta.run.mem.find(src[i], k) == nil {
					w.fail(i, "address %#x of %d bytes is out of bounds: %s", src[i], k, w.cta.run.mem.nearest(src[i]))
				}
			}
			at := dst[i]
			if s, a := space(at); s == ptx.Shared {
				at = a
			}
			w.shared(i, at, size, write)
			for b := range size { // poisoned until it lands
				w.cta.sharedState[int(at)+b] = copying
			}
			c := &w.copies[i]
			started[0] = asyncCopy{dst: at, src: src[i], size: size, given: k, at: out}
			c.list = append(c.list, &started[0])
			started = started[1:]
		})
		w.cta.count.access(w, ptx.Global, &src, reads, size, false)
	}
}

// land ends a lane's groups of copies but the n latest.
func (w *warp) land(lane, n int) {
	c := &w.copies[lane]
	over := len(c.ends) - n
	if over <= 0 {
		return
	}
	k := c.ends[over-1]
	w.finish(lane, c.list[:k])
	c.list = slices.Delete(c.list, 0, k)
	c.ends = slices.Delete(c.ends, 0, over)
	for i := range c.ends {
		c.ends[i] -= k
	}
}

func (w *warp) landAll(lane int) {
	c := &w.copies[lane]
	w.finish(lane, c.list)
	c.list, c.ends = c.list[:0], c.ends[:0]
}

func (w *warp) finish(lane int, list []*asyncCopy) {
	now := w.at
	for _, a := range list {
		if a.landed {
			continue
		}
		a.landed = true
		count := w.sync
		if w.at = a.at; a.sync > 0 {
			w.sync = a.sync
		}
		setValued(w.cta.sharedState[a.dst : a.dst+uint64(a.size)])
		to := w.shared(lane, a.dst, a.size, write)
		clear(to)
		for k := 0; k < a.given; { // in pieces that are aligned
			step := 1
			for step*2 <= a.given-k && (a.src+uint64(k))%uint64(step*2) == 0 {
				step *= 2
			}
			copy(to[k:], w.global(lane, a.src+uint64(k), step, read))
			k += step
		}
		w.sync = count
	}
	w.at = now
}

// mbarrier objects are 64 bits [ptx, "mbarrier"], whose layout is left open; here: the arrivals that a phase wants (bits 0 to 19), those that
// are outstanding (20 to 39), the phase's number (40 to 62).
const mbarrierBits = 20

func mbarrierState(x uint64) (want, pending, phase uint64) {
	m := bitsMask(mbarrierBits)
	return x & m, x >> mbarrierBits & m, x >> (2 * mbarrierBits)
}

func mbarrierWord(want, pending, phase uint64) uint64 {
	return want | pending<<mbarrierBits | phase<<(2*mbarrierBits)
}

// mbarrier is the bytes of an mbarrier object, which is read and written.
func (w *warp) mbarrier(lane int, addr uint64) []byte {
	w.shared(lane, addr, 8, readStrong)
	return w.shared(lane, addr, 8, writeStrong)
}

// arrive counts n arrivals, of which drop are taken from later phases too; when none is outstanding the next phase begins.
func (w *warp) arrive(m []byte, lane int, n, drop uint64) (token uint64) {
	want, pending, phase := mbarrierState(get(m))
	token = mbarrierWord(want, pending, phase)
	if n > pending {
		w.fail(lane, "%d arrivals at an mbarrier that waits for %d", n, pending)
	}
	want -= drop
	if pending -= n; pending == 0 {
		pending = want
		phase++
	}
	put(m, mbarrierWord(want, pending, phase))
	return token
}

func (d *decoder) mbarrier() {
	in := d.in
	d.out.class = ClassSync
	sync := func(w *warp, addr uint64, o ordering) { w.order(w.place(ptx.Shared, addr), o) }
	switch in.Mods[0] {
	case "init":
		at, n := d.address(in.Operands[0]), d.src(1)
		d.out.run = func(w *warp, mask uint32) {
			addrs, x := *at(w), n.get(w)
			lanesOf(mask, func(i int) { put(w.shared(i, addrs[i], 8, write), mbarrierWord(x[i], x[i], 0)) })
		}
	case "inval":
		at := d.address(in.Operands[0])
		d.out.run = func(w *warp, mask uint32) {
			addrs := *at(w)
			lanesOf(mask, func(i int) { w.shared(i, addrs[i], 8, write) })
		}
	case "arrive", "arrive_drop":
		r, at := d.dst(0), d.address(in.Operands[1])
		n := constant(1)
		if len(in.Operands) > 2 {
			n = d.src(2)
		}
		drop := in.Mods[0] == "arrive_drop"
		d.out.run = func(w *warp, mask uint32) {
			addrs, x := *at(w), n.get(w)
			lanesOf(mask, func(i int) {
				m := w.mbarrier(i, addrs[i])
				k := x[i] & bitsMask(32)
				dropped := uint64(0)
				if drop {
					dropped = k
				}
				sync(w, addrs[i], ordering{reads: true, writes: true, release: true})
				w.set(r, i, w.arrive(m, i, k, dropped))
			})
			w.define(r, mask)
		}
	case "test_wait", "try_wait": // which may wait, and need not
		p, at, token := d.dst(0), d.address(in.Operands[1]), d.src(2)
		parity := in.Has("parity")
		d.out.run = func(w *warp, mask uint32) {
			addrs, x := *at(w), token.get(w)
			lanesOf(mask, func(i int) {
				w.cta.arriveLate(addrs[i], w.place(ptx.Shared, addrs[i]))
				_, _, phase := mbarrierState(get(w.shared(i, addrs[i], 8, readStrong)))
				_, _, of := mbarrierState(x[i])
				done := phase != of
				if parity {
					done = phase&1 != x[i]&1
				}
				if done {
					sync(w, addrs[i], ordering{reads: true, acquire: true})
				} else {
					w.idle = true
				}
				w.set(p, i, truth(done))
			})
			w.define(p, mask)
		}
	case "pending_count":
		d.unary(func(a uint64) uint64 { _, p, _ := mbarrierState(a); return p })
	default:
		d.unsupported("this form")
	}
}

// lateArrival is the arrival of a lane at an mbarrier, which waits for copies. It comes as late as it may: when someone looks whether the phase is over.
type lateArrival struct {
	w      *warp
	lane   int
	at     *instr
	copies []*asyncCopy
	seen   map[int32]uint32 // what it passes on
}

// asyncArrive decodes cp.async.mbarrier.arrive: an arrival when the lane's copies so far have ended. Without .noinc the phase is made to wait for it.
func (d *decoder) asyncArrive() {
	at := d.address(d.in.Operands[0])
	counted := d.in.Has("noinc")
	d.out.class = ClassSync
	out := d.out
	d.out.run = func(w *warp, mask uint32) {
		addrs := *at(w)
		lanesOf(mask, func(i int) {
			m := w.mbarrier(i, addrs[i])
			if !counted {
				want, pending, phase := mbarrierState(get(m))
				if pending++; pending > bitsMask(mbarrierBits) {
					w.fail(i, "an mbarrier waits for %d arrivals, more than it can", pending)
				}
				put(m, mbarrierWord(want, pending, phase))
			}
			place := w.place(ptx.Shared, addrs[i])
			late := &lateArrival{w: w, lane: i, at: out, copies: w.copies[i].underWay()}
			for _, a := range late.copies {
				if a.sync == 0 {
					a.sync = w.sync
				}
			}
			late.seen = w.seen()
			w.cta.late[place] = append(w.cta.late[place], late)
		})
	}
}

// arriveLate makes the arrivals that were left for later at an mbarrier.
func (c *cta) arriveLate(addr, place uint64) {
	list := c.late[place]
	delete(c.late, place)
	for _, l := range list {
		w := l.w
		at := w.at
		w.at = l.at
		w.finish(l.lane, l.copies)
		m := w.mbarrier(l.lane, addr)
		w.hand(place, l.seen)
		w.arrive(m, l.lane, 1, 0)
		w.at = at
	}
}
