package cuda

import "onestep/kernels/cuda/asm"

// viewed is a batch of pictures (n,h,w,c) that a kernel of taps moves over, a [view]: what a convolution reads, or its input gradient of dy.
type viewed struct {
	ptr            asm.Reg
	h, w           asm.Reg
	channels       divider // a multiple of a chunk
	gridH, gridW   divider // positions of the kernel in a picture
	step           asm.Reg
	top, left      asm.Reg // pixel under tap (0,0) at position (0,0)
	taps           divider // by: taps in a row of the kernel
	tapRows        asm.Reg
	replicate      asm.Reg // Σ 2^(i·taps in a row) over the rows of the kernel
	positions, end asm.Reg // how many (n, gridH, gridW), and channels·taps
}

// newViewed declares the parameters that view.args gives.
func newViewed(k *asm.Kernel, ptr asm.Reg) viewed {
	return viewed{
		ptr: ptr,
		h:   k.I32("h"), w: k.I32("w"), channels: newDivider(k, "c"), gridH: newDivider(k, "grid_h"), gridW: newDivider(k, "grid_w"),
		step: k.I32("step"), top: k.I32("top"), left: k.I32("left"),
		taps: newDivider(k, "taps"), tapRows: k.I32("tap_rows"), replicate: k.I32("replicate"),
	}
}

// pixel is the picture, and line and column in it under tap (0,0), at a position of the kernel.
func (m *viewed) pixel(position asm.Reg) (n, h, w asm.Reg) {
	rows, q := m.gridW.split(position)
	n, p := m.gridH.split(rows)
	return n, p.FMA(m.step, m.top), q.FMA(m.step, m.left)
}

// chunkOf is the number of a pixel's first chunk; it may be negative for one outside.
func (m *viewed) chunkOf(p *productKernel, n, h, w asm.Reg) asm.Reg {
	return n.FMA(m.h, h).FMA(m.w, w).Mul(m.channels.by.Shr(log2(p.chunk())))
}

// patchSource is the matrix (position, k) with k = (tap, c), of which nothing is stored: x[n, h+i, w+j, c], and zero outside. A kernel has at
// most 32 taps.
type patchSource struct {
	viewed
	pos     asm.Reg
	pixels  []asm.Reg // first chunks of the thread's rows
	inside  []asm.Reg // their taps that are in the picture, as bits
	rowSkip asm.Reg   // chunks between the end of one row of taps and the start of the next
}

func (m *patchSource) alongK() bool { return true }

func (m *patchSource) start(p *productKernel, s *share, first, k asm.Reg) {
	_, rows := s.passes()
	for j := range rows {
		n, h, w := m.pixel(first.Add(s.row).Add(j * s.step).Min(m.positions.Sub(1)))
		m.pixels = append(m.pixels, m.chunkOf(p, n, h, w))
		m.inside = append(m.inside, m.mask(p, h, w))
	}
	m.pos = p.Var(asm.S32, s.col.FMA(p.chunk(), k))
	m.rowSkip = m.w.Sub(m.taps.by).Mul(m.channels.by.Shr(log2(p.chunk())))
}

// mask has the bit i·(taps in a row) + j where the line h+i and the column w+j are in the picture.
func (m *patchSource) mask(p *productKernel, h, w asm.Reg) asm.Reg {
	one := p.Const(asm.U32, 1)
	upTo := func(n asm.Reg) asm.Reg { return one.Shl(n).Sub(1) } // n ones
	between := func(from, limit, count, scale asm.Reg) asm.Reg {
		lo := from.Neg().Max(0).Mul(scale)
		hi := limit.Sub(from).Min(count).Max(0).Mul(scale)
		return upTo(hi).And(upTo(lo).Not())
	}
	unit := p.Const(asm.S32, 1)
	return between(h, m.h, m.tapRows, m.taps.by).And(between(w, m.w, m.taps.by, unit).Mul(m.replicate))
}

func (m *patchSource) fetch(p *productKernel, s *share, stage asm.Reg) {
	tap := m.channels.quotient(m.pos)
	i := m.taps.quotient(tap)
	from := m.ptr.Index(i.FMA(m.rowSkip, m.pos.Shr(log2(p.chunk()))), 16)
	bit := p.Const(asm.U32, 1).Shl(tap) // none from tap 32 on
	for j, pixel := range m.pixels {
		valid := m.inside[j].And(bit).Ne(0)
		s.copy(p, stage, 0, j, from.Index(pixel, 16), &valid)
	}
	p.Emit("add.s32", m.pos, m.pos, p.slice())
}

// pixelSource is the same matrix transposed, its k being the position and its rows (tap, c), which are neighbours: what the weight gradient sums over.
type pixelSource struct {
	viewed
	pos     asm.Reg
	di, dj  []asm.Reg // tap of each of the thread's columns
	offsets []asm.Reg // chunks from the pixel under tap (0,0)
}

func (m *pixelSource) alongK() bool { return false }

func (m *pixelSource) start(p *productKernel, s *share, first, k asm.Reg) {
	cols, _ := s.passes()
	shift := log2(p.chunk())
	for i := range cols {
		x := first.Add(s.col.Shl(shift)).Add(i * s.cols * p.chunk()).Min(m.end.Sub(p.chunk()))
		tap, c := m.channels.split(x)
		di, dj := m.taps.split(tap)
		m.di, m.dj = append(m.di, di), append(m.dj, dj)
		m.offsets = append(m.offsets, di.FMA(m.w, dj).Mul(m.channels.by).Add(c).Shr(shift))
	}
	m.pos = p.Var(asm.S32, k.Add(s.row))
}

func (m *pixelSource) fetch(p *productKernel, s *share, stage asm.Reg) {
	_, rows := s.passes()
	for j := range rows {
		pos := m.pos
		if j > 0 {
			pos = pos.Add(j * s.step)
		}
		n, h, w := m.pixel(pos)
		chunk := m.chunkOf(p, n, h, w)
		within := pos.Lt(m.positions)
		for i, offset := range m.offsets {
			inside := h.Add(m.di[i]).As(asm.U32).Lt(m.h).And(w.Add(m.dj[i]).As(asm.U32).Lt(m.w)).And(within)
			s.copy(p, stage, i, j, m.ptr.Index(chunk.Add(offset), 16), &inside)
		}
	}
	p.Emit("add.s32", m.pos, m.pos, p.slice())
}
