package simt

import (
	"fmt"
	"slices"
	"sort"

	"onestep/kernels/cuda/ptx"
)

// Windows of generic addresses. Global addresses are the same in both spaces.
const (
	firstGlobal  = 0x7f00_0000_0000
	codeWindow   = 0x0500_0000_0000 // functions
	sharedWindow = 0x0100_0000_0000
	localWindow  = 0x0200_0000_0000
	constWindow  = 0x0300_0000_0000
	paramWindow  = 0x0400_0000_0000 // a kernel's parameters
	windowSize   = 0x0100_0000_0000
	guardBytes   = 4096 // between allocations
)

// Memory is a device's global memory: allocations that start at multiples of 256 bytes, apart from each other, so that what reaches over an
// end is seen.
type Memory struct {
	next    uint64
	blocks  []*block // by address
	epochs  uint32   // launches and blocks so far: races are looked for within one
	last    *part
	globals map[*ptx.Variable]uint64 // .global variables of modules

	histories []pages // of the shared memory of blocks that have ended
}

// block is one allocation.
type block struct {
	base    uint64
	data    []byte
	written []uint8 // of every byte, unset or valued; nil: all have values
	touched pages   // of every 4 bytes, made when first needed
	parts   []*part // by address: what may be accessed. One over all of it unless Mark was called
	marked  bool
}

// part is a piece of a block that kernels may access.
type part struct {
	b      *block
	lo, hi uint64 // addresses
}

// NewMemory is an empty memory.
func NewMemory() *Memory { return &Memory{next: firstGlobal, globals: map[*ptx.Variable]uint64{}} }

// newEpoch is the number of a launch or block.
func (m *Memory) newEpoch() uint32 {
	m.epochs++
	return m.epochs
}

// history is for so many bytes of shared memory. What it holds is of other epochs.
func (m *Memory) history(bytes int) pages {
	k := len(m.histories)
	if k == 0 {
		return newPages(bytes)
	}
	ps := m.histories[k-1]
	m.histories = m.histories[:k-1]
	for need := len(newPages(bytes)); len(ps) < need; {
		ps = append(ps, nil)
	}
	return ps
}

// Alloc takes memory with undefined contents.
func (m *Memory) Alloc(bytes int) (uint64, error) {
	if bytes <= 0 || bytes > 1<<40 {
		return 0, fmt.Errorf("simt: allocation of %d bytes", bytes)
	}
	b := &block{base: m.next, data: make([]byte, bytes), written: make([]uint8, bytes)}
	b.parts = []*part{{b, b.base, b.base + uint64(bytes)}}
	m.next = (m.next + uint64(bytes) + guardBytes + 255) / 256 * 256
	m.blocks = append(m.blocks, b) // addresses only grow here
	return b.base, nil
}

// Map makes data the memory at an address, all of which has a value. Several places may share data. Nothing may lie there yet.
func (m *Memory) Map(addr uint64, data []byte) error {
	b := &block{base: addr, data: data}
	b.parts = []*part{{b, addr, addr + uint64(len(data))}}
	i := sort.Search(len(m.blocks), func(i int) bool { return m.blocks[i].base >= addr })
	if i > 0 && m.blocks[i-1].base+uint64(len(m.blocks[i-1].data)) > addr || i < len(m.blocks) && m.blocks[i].base < addr+uint64(len(data)) {
		return fmt.Errorf("simt: %d bytes at %#x overlap an allocation", len(data), addr)
	}
	m.blocks = slices.Insert(m.blocks, i, b)
	if end := addr + uint64(len(data)); end > m.next {
		m.next = (end + guardBytes + 255) / 256 * 256
	}
	return nil
}

// Free gives back an allocation; later accesses to it are errors.
func (m *Memory) Free(addr uint64) error {
	i := slices.IndexFunc(m.blocks, func(b *block) bool { return b.base == addr })
	if i < 0 {
		return fmt.Errorf("simt: no allocation starts at %#x", addr)
	}
	m.blocks = slices.Delete(m.blocks, i, i+1)
	m.last = nil
	return nil
}

// Mark says that of the allocation around addr the bytes from there on may be accessed, with undefined contents, for an allocator that hands
// out parts of it. The first call takes the rest of the allocation away; bytes = 0 takes away the part that starts at addr.
func (m *Memory) Mark(addr uint64, bytes int) error {
	b := m.block(addr)
	if b == nil || addr+uint64(bytes) > b.base+uint64(len(b.data)) {
		return fmt.Errorf("simt: mark of %d bytes at %#x, which are in no allocation", bytes, addr)
	}
	m.last = nil
	if !b.marked {
		b.marked, b.parts = true, nil
	}
	i := sort.Search(len(b.parts), func(i int) bool { return b.parts[i].lo >= addr })
	if i < len(b.parts) && b.parts[i].lo == addr {
		b.parts = slices.Delete(b.parts, i, i+1)
	}
	if bytes > 0 {
		b.parts = slices.Insert(b.parts, i, &part{b, addr, addr + uint64(bytes)})
		if b.written != nil {
			clear(b.written[addr-b.base:][:bytes])
		}
	}
	return nil
}

// Read copies memory out. Bytes without a value are copied as they are.
func (m *Memory) Read(dst []byte, addr uint64) error {
	b, err := m.whole(addr, len(dst))
	if err == nil {
		copy(dst, b.data[addr-b.base:])
	}
	return err
}

// Write copies memory in.
func (m *Memory) Write(addr uint64, src []byte) error {
	b, err := m.whole(addr, len(src))
	if err != nil {
		return err
	}
	at := addr - b.base
	copy(b.data[at:], src)
	if b.written != nil {
		setValued(b.written[at:][:len(src)])
	}
	return nil
}

func (m *Memory) whole(addr uint64, n int) (*block, error) {
	b := m.block(addr)
	if b == nil || addr+uint64(n) > b.base+uint64(len(b.data)) {
		return nil, fmt.Errorf("simt: copy of %d bytes at %#x, which are not all in one allocation", n, addr)
	}
	return b, nil
}

// block is the allocation around an address, or nil.
func (m *Memory) block(addr uint64) *block {
	i := sort.Search(len(m.blocks), func(i int) bool { return m.blocks[i].base > addr })
	if i == 0 {
		return nil
	}
	if b := m.blocks[i-1]; addr-b.base < uint64(len(b.data)) {
		return b
	}
	return nil
}

// find is the accessible part that holds n bytes at an address, or nil.
func (m *Memory) find(addr uint64, n int) *part {
	if p := m.last; p != nil && addr >= p.lo && within(addr, uint64(n), p.hi) {
		return p
	}
	b := m.block(addr)
	if b == nil {
		return nil
	}
	i := sort.Search(len(b.parts), func(i int) bool { return b.parts[i].lo > addr })
	if i == 0 {
		return nil
	}
	if p := b.parts[i-1]; within(addr, uint64(n), p.hi) {
		m.last = p
		return p
	}
	return nil
}

// nearest describes where an address that no part holds lies.
func (m *Memory) nearest(addr uint64) string {
	best, distance := "", uint64(1<<63)
	for _, b := range m.blocks {
		for _, p := range b.parts {
			switch {
			case addr >= p.hi && addr-p.hi < distance:
				distance = addr - p.hi
				best = fmt.Sprintf("%d bytes after the end of an allocation of %d", distance, p.hi-p.lo)
			case addr < p.lo && p.lo-addr < distance:
				distance = p.lo - addr
				best = fmt.Sprintf("%d bytes before an allocation of %d", distance, p.hi-p.lo)
			case addr >= p.lo && addr < p.hi:
				return fmt.Sprintf("%d bytes before the end of an allocation of %d", p.hi-addr, p.hi-p.lo)
			}
		}
	}
	if distance > 1<<20 {
		return "near no allocation"
	}
	return best
}
