package main

import "onestep/kernels/cuda/ptx/build"

// product is a tiled matrix product being written,
//
//	C[m,n] = max( scale·(Σ_k A[m,k]·B[k,n] + bias[n] + residual[m,n]), floor )
//
// as far as its operation has these ([finishing]).
// Blocks with the same ctaid.x, which numbers tiles of C, share its sum: that of ctaid.y takes a run of slices, and if there are several, each
// writes a C of its own that another kernel adds up.
type product struct {
	*build.Kernel
	tile
	a, b         source
	m, n, slices build.Reg // of C; how many slices the sum has
	run          build.Reg // and how many of these a block takes
	epilogue

	tid, lane      build.Reg
	warpM, warpN   build.Reg // first row and column of the warp's part of the block's tile
	tileM, tileN   build.Reg // first row and column of the block's tile
	shared         build.Reg
	shareA, shareB *share
}

// multiplier multiplies the slices in a block's shared memory, in steps of a few k, for which fragments are loaded into one of two sets of
// registers.
type multiplier interface {
	steps() int
	load(p *product, set, step int, stage build.Reg)
	multiply(p *product, set int)
	// spill puts the warp's sums into shared memory, from a row on.
	spill(p *product, to layout, row build.Reg)
}

// newProduct starts a kernel. Its parameters begin with C and what is applied to it; sources declare theirs next.
func newProduct(f *build.File, name string, t tile, does finishing) *product {
	p := &product{Kernel: f.Kernel(name+"_"+t.name, t.threads()), tile: t}
	p.DynamicBytes(t.stages * t.stageBytes())
	p.MinBlocks(t.blocks)
	p.epilogue = newEpilogue(p.Kernel, does)
	p.m, p.n, p.slices, p.run = p.I32("m"), p.I32("n"), p.I32("slices"), p.I32("run")
	return p
}

// write emits the kernel.
func (p *product) write() {
	p.tid, p.lane = p.TID(), p.Lane()
	p.place()
	p.shared = p.Dynamic(128)
	layoutA, layoutB := p.layoutOf(p.a, p.tile.m), p.layoutOf(p.b, p.tile.n)
	mul := p.multiplier(layoutA, layoutB)

	first := p.CTAIDY().Mul(p.run)
	count := p.Var(build.S32, p.slices.Sub(first).Min(p.run)) // never 0: blocks are as many as runs
	k := first.Mul(p.k())
	p.Comment("the first slices of A (%d,%d) and B (%d,%d)", p.tile.m, p.tile.k(), p.tile.k(), p.tile.n)
	p.shareA = newShare(p, layoutA, p.columns(p.a), p.shared)
	p.shareB = newShare(p, layoutB, p.columns(p.b), p.shared.Add(p.tile.m*64))
	p.a.start(p, p.shareA, p.tileM, k)
	p.b.start(p, p.shareB, p.tileN, k)
	write, read := p.Var(build.U32, 0), p.Var(build.U32, 0)
	for range p.stages - 1 {
		p.fetch(write)
	}
	p.WaitCopies(p.stages - 2)
	p.Barrier()
	mul.load(p, 0, 0, read)

	p.Comment("a slice is multiplied while the %d after it arrive", p.stages-1)
	p.Do(func() build.Reg { return count.Gt(0) }, func() {
		for step := range mul.steps() {
			if step == mul.steps()-1 {
				p.next(read)
				p.WaitCopies(p.stages - 2)
				p.Barrier()
			}
			mul.load(p, (step+1)&1, (step+1)%mul.steps(), read)
			if step == 0 {
				p.fetch(write)
			}
			mul.multiply(p, step&1)
		}
		p.Emit("sub.s32", count, count, 1)
	})
	p.Comment("C (%d,%d)", p.tile.m, p.tile.n)
	p.epilogue.store(p, mul)
}

// place finds the block's tile and the warp's part of it. Tiles are numbered down columns of 8, so that blocks that run at the same time share
// rows of A and columns of B in the second-level cache.
func (p *product) place() {
	const group = 8
	tilesM := p.m.Add(p.tile.m - 1).Shr(log2(p.tile.m)).As(build.U32)
	tilesN := p.n.Add(p.tile.n - 1).Shr(log2(p.tile.n)).As(build.U32)
	id := p.CTAID().As(build.U32)
	width := tilesN.Mul(group)
	g := id.Div(width)
	first := g.Mul(group)
	rows := tilesM.Sub(first).Min(group)
	within := id.Sub(g.Mul(width))
	col := within.Div(rows)
	row := first.Add(within.Sub(col.Mul(rows)))
	p.tileM, p.tileN = row.As(build.S32).Mul(p.tile.m), col.As(build.S32).Mul(p.tile.n)

	warp, down := p.Warp(), p.tile.m/p.wm
	p.warpM, p.warpN = warp.And(down-1).Mul(p.wm), warp.Shr(log2(down)).Mul(p.wn)
}

func (p *product) layoutOf(s source, length int) layout {
	if s.alongK() {
		return p.tile.alongK(length)
	}
	return p.tile.acrossK(length)
}

// columns is how many chunks of a row neighbouring threads copy. Pixels are found one for each row, so their rows are shared by few.
func (p *product) columns(s source) int {
	if _, is := s.(*pixels); is {
		return max(8, p.threads()/p.tile.k())
	}
	return p.threads()
}

func (p *product) multiplier(a, b layout) multiplier {
	if p.arithmetic == ffma {
		return newLanes(p, a, b)
	}
	return newTensorCores(p, a, b)
}

// fetch starts the copies of the next slices of A and B.
func (p *product) fetch(stage build.Reg) {
	p.a.fetch(p, p.shareA, stage)
	p.b.fetch(p, p.shareB, stage)
	p.CommitCopies()
	p.next(stage)
}

// next moves an offset to the next stage of the ring.
func (p *product) next(stage build.Reg) {
	p.Emit("add.u32", stage, stage, p.stageBytes())
	stage.Set(stage.Eq(p.stages*p.stageBytes()).Select(build.U32, 0, stage))
}
