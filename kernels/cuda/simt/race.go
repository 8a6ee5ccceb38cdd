package simt

import "maps"

// access is how memory is touched.
type access uint8

const (
	read access = iota
	write
	readOnly    // by ld.global.nc: of what no thread writes in the launch
	readStrong  // by an atomic operation, or with .volatile, .relaxed or .acquire
	writeStrong // likewise, or .release
)

func (a access) writes() bool { return a == write || a == writeStrong }
func (a access) strong() bool { return a >= readStrong }

// history is who touched 4 bytes last in the present launch: the last write, and the last reads of two warps. Two accesses of which one writes
// are a race unless one happened before the other (both may be strong). What happened before is known by clocks [ptx, "Memory Consistency
// Model"]: every warp counts its synchronisations, and knows up to which count of other warps it has seen.
type history struct {
	launch uint32
	write  touch
	reads  [2]touch
}

type touch struct {
	warp   int32 // its number in the launch, from 1; 0: none
	clock  uint32
	lane   uint8
	bytes  uint8 // of the four
	strong bool
}

const pageWords = 1024

// pages hold the history of a memory, made where it is touched.
type pages []*[pageWords]history

func newPages(bytes int) pages { return make(pages, (bytes/4+pageWords)/pageWords) }

func (ps pages) at(word int) *history {
	p := ps[word/pageWords]
	if p == nil {
		p = new([pageWords]history)
		ps[word/pageWords] = p
	}
	return &p[word%pageWords]
}

// before says whether a touch happened before what the warp's lane does now.
func (w *warp) before(t *touch, lane int) bool {
	if t.warp == w.id() {
		return int(t.lane) == lane || t.clock < w.sync
	}
	first := w.cta.firstWarp()
	if n := int(t.warp - first); n >= 0 && n < len(w.cta.warps) {
		return t.clock < w.vc[n]
	}
	return t.clock < w.known[t.warp]
}

func (w *warp) id() int32 { return w.cta.firstWarp() + int32(w.number) }

// note checks an access of n bytes at an offset of a memory against its history, and adds it. repeats says that it writes what is there.
func (w *warp) note(ps pages, offset, n, lane int, kind access, repeats bool, where string) {
	for word := offset / 4; word <= (offset+n-1)/4; word++ {
		mask := uint8(15)
		if n < 4 {
			mask = uint8((1<<n - 1) << (offset % 4))
		}
		h := ps.at(word)
		if h.launch != w.cta.run.launch {
			*h = history{launch: w.cta.run.launch}
		}
		now := touch{w.id(), w.sync, uint8(lane), mask, kind.strong()}
		if !repeats && w.conflicts(&h.write, lane, &now) {
			w.race(lane, word, where, "written", &h.write, kind)
		}
		if kind == readOnly && h.write.bytes&mask != 0 {
			w.fail(lane, "a read-only load of %s byte %d, which this launch wrote", where, 4*word)
		}
		if !kind.writes() {
			r := &h.reads[0]
			if r.warp != 0 && r.warp != now.warp {
				r = &h.reads[1]
				if r.warp != 0 && r.warp != now.warp { // forget the one that is known to be over, if one is
					if w.before(&h.reads[0], lane) {
						r = &h.reads[0]
					}
				}
			}
			*r = now
			continue
		}
		for i := range h.reads {
			if w.conflicts(&h.reads[i], lane, &now) {
				w.race(lane, word, where, "read", &h.reads[i], kind)
			}
		}
		h.write = now
		h.reads = [2]touch{}
	}
}

func (w *warp) conflicts(t *touch, lane int, now *touch) bool {
	return t.warp != 0 && t.bytes&now.bytes != 0 && !(t.strong && now.strong) && !w.before(t, lane)
}

func (w *warp) race(lane, word int, where, what string, t *touch, kind access) {
	verb := "reads"
	if kind.writes() {
		verb = "writes"
	}
	cta, n := w.cta.run.warpOf(t.warp)
	w.fail(lane, "race: %s %s byte %d, %s by thread %d of block %d without a synchronisation between", verb, where, 4*word, what, n*32+int(t.lane), cta)
}

// synchronise orders all that was done by these warps before all that they do from here on.
func synchronise(ws []*warp) {
	known, fenced := map[int32]uint32{}, map[int32]uint32{}
	vc := make([]uint32, len(ws[0].cta.warps))
	for _, w := range ws {
		w.sync++
		w.vc[w.number] = w.sync
		for i, c := range w.vc {
			vc[i] = max(vc[i], c)
		}
		join(known, w.known)
		join(fenced, w.fence)
	}
	for _, w := range ws {
		copy(w.vc, vc)
		if len(known) > 0 {
			w.known = maps.Clone(known)
		}
		if len(fenced) > 0 {
			w.fence = maps.Clone(fenced)
		}
	}
}

func join(into, from map[int32]uint32) {
	for k, c := range from {
		into[k] = max(into[k], c)
	}
}

// learn adds to what the warp knows, of its own block's warps too.
func (w *warp) learn(from map[int32]uint32) {
	if w.known == nil {
		w.known = map[int32]uint32{}
	}
	join(w.known, from)
	for i := range w.vc {
		w.vc[i] = max(w.vc[i], from[w.cta.firstWarp()+int32(i)])
	}
}

// seen is all that the warp knows to have happened, itself included.
func (w *warp) seen() map[int32]uint32 {
	w.sync++
	w.vc[w.number] = w.sync
	s := maps.Clone(w.known)
	if s == nil {
		s = map[int32]uint32{}
	}
	for i, c := range w.vc {
		s[w.cta.firstWarp()+int32(i)] = c
	}
	return s
}

// fenced is a fence of scope gpu or sys: what was seen is passed on by later strong writes, and what strong reads found is seen.
func (w *warp) fenced() {
	if w.pending != nil {
		w.learn(w.pending)
		w.pending = nil
	}
	w.fence = w.seen()
}

// order does what a strong access to global memory passes on and takes over.
func (w *warp) order(addr uint64, o ordering) {
	syncs := w.cta.run.syncs
	if o.acquire || !o.release && o.reads {
		if from := syncs[addr]; from != nil {
			if o.acquire {
				w.learn(from)
			} else {
				if w.pending == nil {
					w.pending = map[int32]uint32{}
				}
				join(w.pending, from)
			}
		}
	}
	if !o.writes {
		return
	}
	pass := w.fence
	if o.release {
		pass = w.seen()
	}
	if !o.reads { // a plain write ends the chain of those before
		syncs[addr] = maps.Clone(pass)
		return
	}
	if syncs[addr] == nil {
		syncs[addr] = map[int32]uint32{}
	}
	join(syncs[addr], pass)
}

// ordering is what a strong access is.
type ordering struct{ reads, writes, acquire, release bool }
