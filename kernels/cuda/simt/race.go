package simt

import (
	"fmt"
	"maps"
)

// access is how memory is touched.
type access uint8

const (
	read access = iota
	write
	readOnly   // by ld.global.nc: of what no thread writes in the launch
	readBlock  // by an atomic operation, or with .volatile, .relaxed or .acquire, of scope .cta
	writeBlock // likewise, or .release
	readStrong // the same of wider scopes
	writeStrong
)

func (a access) writes() bool { return a == write || a == writeBlock || a == writeStrong }
func (a access) strong() bool { return a >= readBlock }

// strongly is an access as one with a scope.
func (a access) strongly(block bool) access {
	switch {
	case a.writes() && block:
		return writeBlock
	case a.writes():
		return writeStrong
	case block:
		return readBlock
	}
	return readStrong
}

// history is who touched 4 bytes last in the present launch, or of shared memory in the present block: the last write, and the last reads. Two accesses of which one writes are a race
// unless one happened before the other (or both are strong, and the scope of each has the other's thread). What happened before is known by
// clocks [ptx, "Memory Consistency Model"]: every warp counts its synchronisations, and knows up to which count of other warps it has seen. A
// read that happened before another is forgotten: what waited for the later one waited for it too. Of other blocks' reads two are kept.
type history struct {
	epoch  uint32 // of what it tells; of another one it tells nothing
	write  touch
	read   touch
	others []touch // reads by more warps, and writes of other bytes before the last one
}

type touch struct {
	warp  int32 // its number in the launch, from 1; 0: none
	clock uint32
	lane  uint8 // severalLanes: that is what it was
	bytes uint8 // of the four
	kind  access
}

const severalLanes = 255

const pageWords = 1024

// pages hold the history of a memory, made where it is touched.
type pages []*[pageWords]history

func newPages(bytes int) pages { return make(pages, (bytes/4+pageWords)/pageWords) }

func (ps pages) at(word uint) *history {
	p := ps[word/pageWords]
	if p == nil {
		p = new([pageWords]history)
		ps[word/pageWords] = p
	}
	return &p[word%pageWords]
}

// before says whether a touch happened before what the warp's lane does now.
func (w *warp) before(t *touch, lane int) bool {
	if t.warp == w.id {
		return int(t.lane) == lane || t.clock < w.sync
	}
	if n := int(t.warp - w.cta.firstWarp); n >= 0 && n < len(w.vc) {
		return t.clock < w.vc[n]
	}
	return t.clock < w.known[t.warp]
}

// note checks an access of n bytes at an offset of a memory against its history of an epoch, and adds it. repeats says that it writes what is there.
func (w *warp) note(ps pages, epoch uint32, offset, n, lane int, kind access, repeats bool, base int) {
	now := touch{w.id, w.sync, uint8(lane), 15, kind}
	if n < 4 {
		now.bytes = uint8((1<<n - 1) << (offset % 4))
	}
	writes := kind.writes()
	for word := uint(offset) / 4; word <= uint(offset+n-1)/4; word++ {
		h := ps.at(word)
		if h.epoch != epoch { // nothing has touched it yet
			h.epoch, h.write, h.read, h.others = epoch, touch{}, touch{}, h.others[:0]
			if writes {
				h.write = now
			} else {
				h.read = now
			}
			continue
		}
		if !repeats && h.write.warp != 0 && w.conflicts(&h.write, lane, &now) {
			w.race(lane, 4*int(word), base, &h.write, kind)
		}
		if kind == readOnly && h.write.bytes&now.bytes != 0 {
			w.fail(lane, "a read-only load of %s, which this launch wrote", byteOf(4*int(word), base))
		}
		for i := range h.others {
			if t := &h.others[i]; (writes || t.kind.writes()) && !(repeats && t.kind.writes()) && w.conflicts(t, lane, &now) {
				w.race(lane, 4*int(word), base, t, kind)
			}
		}
		if !writes {
			if !h.read.again(&now) {
				w.keep(h, now, lane)
			}
			continue
		}
		if h.read.warp != 0 && w.conflicts(&h.read, lane, &now) {
			w.race(lane, 4*int(word), base, &h.read, kind)
		}
		h.written(now)
	}
}

// written adds a write to a history. What it has not overwritten stays.
func (h *history) written(now touch) {
	before, read := h.write, h.read
	h.write, h.read = now, touch{}
	if now.bytes == 15 || before.bytes|read.bytes == 0 && len(h.others) == 0 {
		h.others = h.others[:0]
		return
	}
	n := 0
	stay := func(t touch) {
		if t.bytes &^= now.bytes; t.warp != 0 && t.bytes != 0 {
			h.others = append(h.others[:n], t)
			n++
		}
	}
	for _, t := range h.others { // n is never past it
		stay(t)
	}
	h.others = h.others[:n]
	stay(before)
	stay(read)
}

// keep adds a read to a history.
func (w *warp) keep(h *history, now touch, lane int) {
	if h.read.warp == 0 {
		h.read = now
		return
	}
	for i := range h.others {
		if h.others[i].again(&now) {
			return
		}
	}
	n, foreign := 0, 0
	for i := range h.others {
		t := &h.others[i]
		if w.replaces(t, &now, lane) {
			continue
		}
		if !t.kind.writes() && !w.near(t) {
			if foreign++; foreign > 1 {
				continue
			}
		}
		h.others[n] = *t
		n++
	}
	h.others = h.others[:n]
	if w.replaces(&h.read, &now, lane) {
		h.read = now
	} else {
		h.others = append(h.others, now)
	}
}

// again adds a read to one that differs in its lane alone; false if it differs in more.
func (t *touch) again(now *touch) bool {
	if t.warp != now.warp || t.clock != now.clock || t.kind != now.kind || t.bytes != now.bytes {
		return false
	}
	if t.lane != now.lane {
		t.lane = severalLanes
	}
	return true
}

// near says whether a touch is by a warp of the same block.
func (w *warp) near(t *touch) bool {
	n := t.warp - w.cta.firstWarp
	return n >= 0 && int(n) < len(w.vc)
}

// replaces says whether a read may be forgotten for another, and adds to that what it has to keep of it.
func (w *warp) replaces(t, now *touch, lane int) bool {
	switch {
	case t.warp == now.warp && t.clock == now.clock && t.kind == now.kind && t.lane == now.lane && t.lane != severalLanes:
		now.bytes |= t.bytes
		return true
	case t.bytes&^now.bytes != 0 || t.kind != now.kind:
		return false
	}
	return w.before(t, lane)
}

// conflicts says whether a touch and what the warp's lane does now are a race.
func (w *warp) conflicts(t *touch, lane int, now *touch) bool {
	if t.warp == 0 || t.bytes&now.bytes == 0 || w.before(t, lane) {
		return false
	}
	if !t.kind.strong() || !now.kind.strong() {
		return true
	}
	return !w.near(t) && (t.kind < readStrong || now.kind < readStrong)
}

func (w *warp) race(lane, at, base int, t *touch, kind access) {
	verb, what := "reads", "read"
	if kind.writes() {
		verb = "writes"
	}
	if t.kind.writes() {
		what = "written"
	}
	cta, n := w.cta.run.warpOf(t.warp)
	who := fmt.Sprintf("thread %d", n*lanes+int(t.lane))
	if t.lane == severalLanes {
		who = fmt.Sprintf("threads of warp %d", n)
	}
	w.fail(lane, "race: %s %s, %s by %s of block %d without a synchronisation between", verb, byteOf(at, base), what, who, cta)
}

// byteOf names a byte: of an allocation that begins at base, or of shared memory, if that is negative.
func byteOf(at, base int) string {
	if base < 0 {
		return fmt.Sprintf("shared memory's byte %d", at)
	}
	return fmt.Sprintf("byte %d of an allocation in global memory", at-base)
}

// knowledge is what warps that come to a barrier have seen together.
type knowledge struct {
	vc                       []uint32
	known, fence, fenceBlock map[int32]uint32
}

// give adds what a warp has seen so far; what it does from here on is not in it.
func (k *knowledge) give(w *warp) {
	if k.vc == nil {
		*k = knowledge{make([]uint32, len(w.vc)), map[int32]uint32{}, map[int32]uint32{}, map[int32]uint32{}}
	}
	w.sync++
	w.vc[w.number] = w.sync
	for i, c := range w.vc {
		k.vc[i] = max(k.vc[i], c)
	}
	join(k.known, w.known)
	join(k.fence, w.fence)
	join(k.fenceBlock, w.fenceBlock)
}

// take lets a warp that waited know all of it.
func (k *knowledge) take(w *warp) {
	copy(w.vc, k.vc)
	for _, m := range []struct {
		to   *map[int32]uint32
		from map[int32]uint32
	}{{&w.known, k.known}, {&w.fence, k.fence}, {&w.fenceBlock, k.fenceBlock}} {
		if len(m.from) > 0 {
			*m.to = maps.Clone(m.from)
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
	if len(from) == 0 {
		return
	}
	if w.known == nil {
		w.known = map[int32]uint32{}
	}
	join(w.known, from)
	for i := range w.vc {
		w.vc[i] = max(w.vc[i], from[w.cta.firstWarp+int32(i)])
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
		s[w.cta.firstWarp+int32(i)] = c
	}
	return s
}

// fenced is a fence: what was seen is passed on by later strong writes, and what strong reads found is seen. Of scope .cta it does so within
// the block only.
func (w *warp) fenced(block bool) {
	if w.pendingBlock != nil {
		w.learn(w.pendingBlock)
		w.pendingBlock = nil
	}
	if !block && w.pending != nil {
		w.learn(w.pending)
		w.pending = nil
	}
	w.fenceBlock = w.seen()
	if !block {
		w.fence = w.fenceBlock
	}
}

// passed is what strong writes to an address pass on: to all, and within a block to its warps.
type passed struct {
	all    map[int32]uint32
	blocks map[int]map[int32]uint32
}

// ordering is what a strong access is.
type ordering struct{ reads, writes, acquire, release, block bool }

// order does what a strong access passes on and takes over.
func (w *warp) order(addr uint64, o ordering) {
	at := w.cta.run.syncs[addr]
	if at == nil {
		at = &passed{}
		w.cta.run.syncs[addr] = at
	}
	switch {
	case o.acquire:
		w.learn(at.blocks[w.cta.number])
		if !o.block {
			w.learn(at.all)
		}
	case !o.release && o.reads:
		w.pendingBlock = joined(w.pendingBlock, at.blocks[w.cta.number])
		if !o.block {
			w.pending = joined(w.pending, at.all)
		}
	}
	if !o.writes {
		return
	}
	wide, near := w.fence, w.fenceBlock
	if o.release {
		wide = w.seen()
		near = wide
	}
	if !o.reads { // a plain write ends the chain of those before
		*at = passed{}
	}
	if !o.block {
		at.all = joined(at.all, wide)
	}
	if len(near) > 0 {
		if at.blocks == nil {
			at.blocks = map[int]map[int32]uint32{}
		}
		at.blocks[w.cta.number] = joined(at.blocks[w.cta.number], near)
	}
}

// hand passes what was seen on to those in the block who read an address.
func (w *warp) hand(addr uint64, seen map[int32]uint32) {
	at := w.cta.run.syncs[addr]
	if at == nil {
		at = &passed{}
		w.cta.run.syncs[addr] = at
	}
	if at.blocks == nil {
		at.blocks = map[int]map[int32]uint32{}
	}
	at.blocks[w.cta.number] = joined(at.blocks[w.cta.number], seen)
}

// joined adds to a map, which may be nil.
func joined(into, from map[int32]uint32) map[int32]uint32 {
	if into == nil && len(from) > 0 {
		into = map[int32]uint32{}
	}
	join(into, from)
	return into
}
