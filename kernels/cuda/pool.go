package cuda

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"onestep/kernels/cuda/driver"
)

// The pool takes segments from the driver and cuts blocks out of them. Sizes in bytes.
const (
	granule      = 512       // blocks start and end at multiples
	smallBlock   = 1 << 20   // up to here blocks come from segments of their own, so that they do not break up large ones
	segmentUnit  = 2 << 20   // segments are multiples: the driver's own unit
	segmentLimit = 512 << 20 // up to here a new segment doubles what the pool has
)

// pool is the memory of a device. All use of it is in the order of one stream, so that a block that is freed may be given out at once: the work
// that used it is done before the work that will.
type pool struct {
	drv   driver.Driver
	guard int // bytes between blocks

	segments  []*segment
	live      map[uint64]*block // by address
	free      shelf             // blocks that anyone may have
	capture   *shelf            // while a graph is captured: its blocks; nil otherwise
	held      int64             // bytes of all segments
	now, peak int64             // bytes of blocks that are given out, or belong to graphs
}

// segment is memory as the driver gave it.
type segment struct {
	addr  uint64
	size  int
	small bool
	first *block
}

// block is a part of a segment. Blocks of a segment are a list in the order of addresses; no two neighbours are free and on the same shelf.
type block struct {
	seg        *segment
	addr       uint64
	size       int
	used       bool
	shelf      *shelf // where it lies while it is free, and goes when it is freed
	prev, next *block
}

// shelf is a set of free blocks: the pool's, or a graph's, whose memory nothing else may have as long as the graph can be launched.
type shelf struct {
	blocks []*block // free ones, by size, then address
}

func newPool(drv driver.Driver) *pool {
	return &pool{drv: drv, guard: drv.Info().Guard, live: map[uint64]*block{}}
}

// alloc gives out memory for n bytes.
func (p *pool) alloc(n int) (uint64, error) {
	size := (n + p.guard + granule - 1) / granule * granule
	small := size <= smallBlock
	b := p.find(size, small)
	if b == nil {
		if err := p.grow(size, small); err != nil {
			return 0, err
		}
		b = p.find(size, small)
	}
	if b.shelf == &p.free {
		p.now += int64(size)
	}
	b.shelf.take(b)
	if b.size > size {
		rest := &block{seg: b.seg, addr: b.addr + uint64(size), size: b.size - size, shelf: b.shelf, prev: b, next: b.next}
		if b.next != nil {
			b.next.prev = rest
		}
		b.next, b.size = rest, size
		rest.shelf.put(rest)
	}
	b.used = true
	if p.capture != nil {
		b.shelf = p.capture
	}
	p.peak = max(p.peak, p.now)
	p.live[b.addr] = b
	return b.addr, nil
}

// find is the best block for a size: the smallest that is large enough, of the graph that is captured or else of the pool.
func (p *pool) find(size int, small bool) *block {
	if p.capture != nil {
		if b := p.capture.find(size, small); b != nil {
			return b
		}
	}
	return p.free.find(size, small)
}

// release takes memory back. What belongs to a graph goes back to it; during a capture all does, since the graph may use it.
func (p *pool) release(addr uint64) error {
	b := p.live[addr]
	if b == nil {
		return fmt.Errorf("no buffer starts at %#x", addr)
	}
	delete(p.live, addr)
	b.used = false
	if p.capture != nil {
		b.shelf = p.capture
	}
	if b.shelf == &p.free {
		p.now -= int64(b.size)
	}
	p.merge(b)
	return nil
}

// merge puts a free block on its shelf, as one with its free neighbours there.
func (p *pool) merge(b *block) {
	if n := b.next; n != nil && !n.used && n.shelf == b.shelf {
		b.shelf.take(n)
		b.absorb()
	}
	if l := b.prev; l != nil && !l.used && l.shelf == b.shelf {
		b.shelf.take(l)
		l.absorb()
		b = l
	}
	b.shelf.put(b)
}

// absorb makes b and the next block one.
func (b *block) absorb() {
	b.size += b.next.size
	b.next = b.next.next
	if b.next != nil {
		b.next.prev = b
	}
}

// disband gives all memory of a graph to the pool. Buffers of it that are still in use become ordinary ones.
func (p *pool) disband(s *shelf) {
	for _, b := range p.live {
		if b.shelf == s {
			b.shelf = &p.free
		}
	}
	blocks := s.blocks
	s.blocks = nil
	for _, b := range blocks {
		b.shelf = nil
	}
	for _, b := range blocks {
		b.shelf = &p.free
		p.now -= int64(b.size)
		p.merge(b)
	}
}

// grow takes a segment from the driver that holds a block of so many bytes. If there is no room for a generous one, it tries a tight one, then
// gives back what lies unused, and tries again.
func (p *pool) grow(size int, small bool) error {
	tight := (size + segmentUnit - 1) / segmentUnit * segmentUnit
	generous := max(tight, min(int(p.held), segmentLimit))
	if small {
		generous = max(tight, min(int(p.held)/8, 16<<20)/segmentUnit*segmentUnit)
	}
	if p.guard > 0 { // a driver that checks accesses keeps books on all that it gave
		generous = tight
	}
	n := generous
	addr, err := p.ask(n)
	if errors.Is(err, driver.ErrMemory) && n > tight {
		n = tight
		addr, err = p.ask(n)
	}
	if errors.Is(err, driver.ErrMemory) && p.capture == nil {
		if err := p.trim(); err != nil {
			return err
		}
		addr, err = p.ask(n)
	}
	if err != nil {
		return err
	}
	s := &segment{addr: uint64(addr), size: n, small: small}
	s.first = &block{seg: s, addr: s.addr, size: n, shelf: &p.free}
	p.free.put(s.first)
	p.segments = append(p.segments, s)
	p.held += int64(n)
	return nil
}

func (p *pool) ask(n int) (addr driver.Ptr, err error) {
	if p.capture == nil {
		return p.drv.Alloc(n)
	}
	err = p.drv.Relaxed(func() error {
		var err error
		addr, err = p.drv.Alloc(n)
		return err
	})
	return addr, err
}

// trim gives segments back to the driver of which nothing is in use.
func (p *pool) trim() error {
	var kept []*segment
	var failed error
	for _, s := range p.segments {
		if b := s.first; b.used || b.next != nil || b.shelf != &p.free {
			kept = append(kept, s)
			continue
		}
		p.free.take(s.first)
		p.held -= int64(s.size)
		failed = cmp.Or(failed, p.drv.Free(driver.Ptr(s.addr)))
	}
	p.segments = kept
	return failed
}

func (s *shelf) order(b *block, size int, addr uint64) int {
	return cmp.Or(cmp.Compare(b.size, size), cmp.Compare(b.addr, addr))
}

func (s *shelf) put(b *block) {
	at, _ := slices.BinarySearchFunc(s.blocks, b, func(x, y *block) int { return s.order(x, y.size, y.addr) })
	s.blocks = slices.Insert(s.blocks, at, b)
}

func (s *shelf) take(b *block) {
	at, found := slices.BinarySearchFunc(s.blocks, b, func(x, y *block) int { return s.order(x, y.size, y.addr) })
	if !found {
		panic(fmt.Errorf("kernels/cuda: a free block of %d bytes at %#x is on no shelf", b.size, b.addr))
	}
	s.blocks = slices.Delete(s.blocks, at, at+1)
}

// find is the smallest block of at least so many bytes in a segment of the kind.
func (s *shelf) find(size int, small bool) *block {
	at, _ := slices.BinarySearchFunc(s.blocks, size, func(x *block, size int) int { return s.order(x, size, 0) })
	for _, b := range s.blocks[at:] {
		if b.seg.small == small {
			return b
		}
	}
	return nil
}
