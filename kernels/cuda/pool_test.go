package cuda

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"onestep/kernels/cuda/driver"
)

// memory is a driver of which only the memory is there.
type memory struct {
	driver.Driver
	info  driver.Info
	next  driver.Ptr
	limit int
	held  map[driver.Ptr]int
	used  int
	calls int
}

func newMemory(limit, guard int) *memory {
	return &memory{info: driver.Info{Guard: guard}, next: 1 << 40, limit: limit, held: map[driver.Ptr]int{}}
}

func (m *memory) Info() driver.Info            { return m.info }
func (m *memory) Relaxed(f func() error) error { return f() }

func (m *memory) Alloc(n int) (driver.Ptr, error) {
	m.calls++
	if m.used+n > m.limit {
		return 0, fmt.Errorf("stub: %w", driver.ErrMemory)
	}
	p := m.next
	m.next += driver.Ptr(n) + 1<<21
	m.held[p] = n
	m.used += n
	return p, nil
}

func (m *memory) Free(p driver.Ptr) error {
	m.calls++
	m.used -= m.held[p]
	delete(m.held, p)
	return nil
}

// consistent checks all that must always be so: blocks tile their segments, free neighbours are one, every free block lies on its shelf, once.
func consistent(t *testing.T, p *pool, shelves ...*shelf) {
	t.Helper()
	free := map[*block]*shelf{}
	for _, s := range append(shelves, &p.free) {
		for i, b := range s.blocks {
			if b.used || b.shelf != s || free[b] != nil {
				t.Fatalf("block %+v lies on a shelf", b)
			}
			if i > 0 && s.order(s.blocks[i-1], b.size, b.addr) >= 0 {
				t.Fatalf("shelf out of order at %d", i)
			}
			free[b] = s
		}
	}
	used, held := 0, int64(0)
	for _, s := range p.segments {
		at := s.addr
		for b := s.first; b != nil; b = b.next {
			if b.addr != at || b.size <= 0 || b.size%granule != 0 || b.seg != s || b.next != nil && b.next.prev != b {
				t.Fatalf("block %+v at %#x", b, at)
			}
			if b.used {
				used++
				if p.live[b.addr] != b {
					t.Fatalf("a used block is not known: %+v", b)
				}
			} else if free[b] == nil {
				t.Fatalf("a free block is on no shelf: %+v", b)
			} else if b.next != nil && !b.next.used && b.next.shelf == b.shelf {
				t.Fatalf("two free neighbours: %+v", b)
			}
			at += uint64(b.size)
		}
		if at != s.addr+uint64(s.size) {
			t.Fatalf("a segment of %d bytes holds blocks of %d", s.size, at-s.addr)
		}
		held += int64(s.size)
	}
	if used != len(p.live) || held != p.held {
		t.Fatalf("%d blocks are used, %d known; %d bytes of segments, %d counted", used, len(p.live), held, p.held)
	}
}

// inUse is what p.now must be: all that is given out or a graph's.
func inUse(p *pool) (n int64) {
	for _, s := range p.segments {
		for b := s.first; b != nil; b = b.next {
			if b.used || b.shelf != &p.free {
				n += int64(b.size)
			}
		}
	}
	return n
}

// size draws a buffer's size: mostly small ones, some of many megabytes.
func size(r *rand.Rand) int { return 1 + r.IntN(1<<(1+r.IntN(25))) }

// TestPool allocates, frees, captures and releases at random, and has no two buffers overlap, nor one in use overlap a graph's.
func TestPool(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := newMemory(1<<62, int(seed%2)*512)
		p := newPool(m)
		live := map[uint64]int{}
		var addresses []uint64
		var graphs []*shelf
		for range 600 {
			switch k := r.IntN(100); {
			case k < 50:
				n := size(r)
				a, err := p.alloc(n)
				if err != nil {
					t.Fatal(err)
				}
				if a%granule != 0 {
					t.Fatalf("address %#x", a)
				}
				for b, m := range live {
					if a < b+uint64(m+p.guard) && b < a+uint64(n+p.guard) {
						t.Fatalf("buffers overlap: %#x of %d, %#x of %d", a, n, b, m)
					}
				}
				live[a] = n
				addresses = append(addresses, a)
			case k < 92 && len(addresses) > 0:
				i := r.IntN(len(addresses))
				if err := p.release(addresses[i]); err != nil {
					t.Fatal(err)
				}
				delete(live, addresses[i])
				addresses[i] = addresses[len(addresses)-1]
				addresses = addresses[:len(addresses)-1]
			case k < 95 && p.capture == nil:
				p.capture = &shelf{}
				graphs = append(graphs, p.capture)
			case k < 97:
				p.capture = nil
			case p.capture == nil && len(graphs) > 0:
				p.disband(graphs[0])
				graphs = graphs[1:]
			case p.capture == nil:
				if err := p.trim(); err != nil {
					t.Fatal(err)
				}
			}
			consistent(t, p, graphs...)
			if n := inUse(p); p.now != n || p.peak < n {
				t.Fatalf("%d bytes are in use, counted %d, at most %d", n, p.now, p.peak)
			}
		}
		p.capture = nil
		for _, a := range addresses {
			if err := p.release(a); err != nil {
				t.Fatal(err)
			}
		}
		for _, g := range graphs {
			p.disband(g)
		}
		if p.now != 0 {
			t.Errorf("%d bytes in use at the end", p.now)
		}
		if err := p.trim(); err != nil || m.used != 0 || len(p.free.blocks) != 0 {
			t.Errorf("%d bytes of the driver's at the end, %v", m.used, err)
		}
	}
}

// TestSteadyPool repeats a step, and has the driver asked for nothing after the first few.
func TestSteadyPool(t *testing.T) {
	for seed := range uint64(20) {
		m := newMemory(1<<62, 0)
		p := newPool(m)
		step := func() {
			r := rand.New(rand.NewPCG(seed, 2))
			var live []uint64
			for range 300 {
				if len(live) > 0 && r.IntN(5) < 2 {
					i := r.IntN(len(live))
					p.release(live[i])
					live[i] = live[len(live)-1]
					live = live[:len(live)-1]
					continue
				}
				a, err := p.alloc(size(r))
				if err != nil {
					t.Fatal(err)
				}
				live = append(live, a)
			}
			for _, a := range live {
				p.release(a)
			}
		}
		step()
		step()
		before := m.calls
		for range 5 {
			step()
		}
		if m.calls != before {
			t.Errorf("seed %d: a steady step asks the driver %d times", seed, m.calls-before)
		}
		if waste := float64(p.held) / float64(p.peak); waste > 2.5 {
			t.Errorf("seed %d: %d bytes are held for %d", seed, p.held, p.peak)
		}
	}
}

// TestFullPool gives back what lies unused before it says that there is no memory.
func TestFullPool(t *testing.T) {
	const mib = 1 << 20
	m := newMemory(102*mib, 0)
	p := newPool(m)
	take := func(n int) uint64 {
		t.Helper()
		a, err := p.alloc(n)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	x := take(100) // of a segment of 2 MiB
	a, b, c := take(30*mib), take(20*mib), take(20*mib)
	p.release(b)
	p.release(a)
	take(21 * mib) // in b's segment, which is a generous one
	p.release(c)
	take(70 * mib) // only once those of a and c are given back
	if m.used != 102*mib {
		t.Errorf("%d MiB are held", m.used/mib)
	}
	if _, err := p.alloc(30 * mib); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("full: %v", err)
	}
	consistent(t, p)
	if err := p.release(12345); err == nil {
		t.Error("freed what was never given out")
	}
	p.release(x)
	if err := p.release(x); err == nil {
		t.Error("freed twice")
	}
}
