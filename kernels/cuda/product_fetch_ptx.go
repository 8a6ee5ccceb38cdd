package cuda

import (
	"math/bits"

	"onestep/kernels/cuda/asm"
)

// source is where an operand's slices come from.
type source interface {
	// alongK says whether neighbours in memory differ in k.
	alongK() bool
	// start prepares a block whose first row (of A, or column of B) and first k are given.
	start(p *productKernel, s *share, first, k asm.Reg)
	// fetch starts the copies of the next slice to a stage.
	fetch(p *productKernel, s *share, stage asm.Reg)
}

// share is which chunks of 16 bytes of every slice a thread copies: cols·i beside col, in the rows step·j below row.
type share struct {
	layout
	col, row   asm.Reg
	cols, step int
	dst        asm.Reg // of the first chunk, in the first stage
	active     *asm.Reg
}

// newShare spreads a slice over the threads, neighbours copying neighbouring chunks of at most cols in a row.
func newShare(p *productKernel, l layout, cols int, base asm.Reg) *share {
	s := &share{layout: l, cols: min(cols, l.rowBytes/16)}
	s.step = p.threads() / s.cols
	s.col, s.row = p.tid.And(s.cols-1), p.tid.Shr(log2(s.cols))
	if s.step > l.rows {
		a := s.row.Lt(l.rows)
		s.active = &a
	}
	s.dst = l.at(base, s.row, s.col.Shl(4))
	return s
}

func (s *share) passes() (cols, rows int) { return s.rowBytes / 16 / s.cols, max(1, s.rows/s.step) }

// copy copies a chunk, or makes it zero where valid (nil: everywhere) does not hold.
func (s *share) copy(p *productKernel, stage asm.Reg, i, j int, from asm.Reg, valid *asm.Reg) {
	xor, add := s.layout.step(j*s.step, i*s.cols*16)
	to := xored(s.dst.Add(stage), xor)
	var bytes any
	if valid != nil {
		bytes = valid.Select(asm.U32, 16, 0)
	}
	if s.active == nil {
		p.CopyAsync(to, add, from, 0, 16, bytes)
		return
	}
	p.When(*s.active, func() { p.CopyAsync(to, add, from, 0, 16, bytes) })
}

// matrixSource has the element (x,k) at x·ld + k or, if across, at k·ld + x; x is m or n. ld is a multiple of a chunk, and so is the number of
// neighbours unless ld has room for the rest.
type matrixSource struct {
	across     bool
	ptr, ld    asm.Reg
	extent     asm.Reg // of x
	k          asm.Reg
	next       asm.Reg     // address of the next slice
	pos        asm.Reg     // of this thread's first chunk in it
	offsets    [][]asm.Reg // of the thread's chunks from next, in chunks
	sliceBytes any
}

func (m *matrixSource) alongK() bool { return !m.across }

func (m *matrixSource) start(p *productKernel, s *share, first, k asm.Reg) {
	cols, rows := s.passes()
	shift := log2(p.chunk())
	ld := m.ld.Shr(shift)
	m.offsets = make([][]asm.Reg, rows)
	if !m.across {
		for j := range rows { // rows beyond the matrix repeat the last one
			m.offsets[j] = []asm.Reg{first.Add(s.row).Add(j * s.step).Min(m.extent.Sub(1)).Mul(ld)}
		}
		m.pos = p.Var(asm.S32, s.col.FMA(p.chunk(), k))
		m.next = p.Var(asm.U64, m.ptr.Index(m.pos.Shr(shift), 16))
		m.sliceBytes = 64
		return
	}
	m.pos = p.Var(asm.S32, k.Add(s.row))
	last := m.extent.Sub(1).Shr(shift)
	for j := range rows {
		for i := range cols { // columns beyond the matrix repeat the last ones
			col := first.Shr(shift).Add(s.col).Add(i * s.cols).Min(last)
			m.offsets[j] = append(m.offsets[j], ld.FMA(j*s.step, col))
		}
	}
	m.next = p.Var(asm.U64, m.ptr.Index(m.pos.Mul(ld), 16))
	m.sliceBytes = ld.MulWide(16 * p.slice())
}

func (m *matrixSource) fetch(p *productKernel, s *share, stage asm.Reg) {
	for j, offsets := range m.offsets {
		pos := m.pos
		if m.across && j > 0 {
			pos = pos.Add(j * s.step)
		}
		valid := pos.Lt(m.k)
		for i, o := range offsets {
			s.copy(p, stage, i, j, m.next.Index(o, 16), &valid)
		}
	}
	p.Emit("add.s64", m.next, m.next, m.sliceBytes)
	p.Emit("add.s32", m.pos, m.pos, p.slice())
}

// weightSource is a convolution's weight read along its output channels: x is the input channel and k is (tap, o). Taps count backwards through
// the weight from the one at first, in rows of per taps.
type weightSource struct {
	ptr, extent, k asm.Reg
	channels       divider // output channels; a multiple of a chunk
	per            divider // taps in a row
	first          asm.Reg
	tapStep        asm.Reg // elements from a tap to the one before, and
	rowStep        asm.Reg // from a row of taps to the one before
	pos            asm.Reg
	offsets        []asm.Reg
}

func (w *weightSource) alongK() bool { return true }

func (w *weightSource) start(p *productKernel, s *share, first, k asm.Reg) {
	_, rows := s.passes()
	for j := range rows {
		w.offsets = append(w.offsets, first.Add(s.row).Add(j*s.step).Min(w.extent.Sub(1)).Mul(w.channels.by.Shr(log2(p.chunk()))))
	}
	w.pos = p.Var(asm.S32, s.col.FMA(p.chunk(), k))
}

func (w *weightSource) fetch(p *productKernel, s *share, stage asm.Reg) {
	tap, o := w.channels.split(w.pos)
	i, j := w.per.split(tap)
	at := w.first.Add(o).Sub(i.Mul(w.rowStep)).Sub(j.Mul(w.tapStep))
	from := w.ptr.Index(at.Shr(log2(p.chunk())), 16)
	valid := w.pos.Lt(w.k)
	for r, offset := range w.offsets {
		s.copy(p, stage, 0, r, from.Index(offset, 16), &valid)
	}
	p.Emit("add.s32", w.pos, w.pos, p.slice())
}

func log2(n int) int { return bits.TrailingZeros(uint(n)) }
