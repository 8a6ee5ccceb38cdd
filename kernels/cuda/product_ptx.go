package cuda

import "onestep/kernels/cuda/asm"

// productOp is an operation whose kernels are tiled products: what launches and the kernels' writer share.
type productOp struct {
	of    *family
	name  string // the kernels' names are this, the arithmetic, the form and the tile
	form  string // "_nn"; empty where there is one
	tiles []tile // that there are kernels for
	does  finishing

	// operands declares the parameters of A and B, the last ones.
	operands func(p *productKernel) (a, b source)
}

func (o *productOp) kernel(t tile) *Kernel {
	return o.of.kernel(o.name+"_"+t.arithmetic.String()+o.form+"_"+t.name, t.threads(), func(k *asm.Kernel) {
		p := newProduct(k, t, o.does)
		p.a, p.b = o.operands(p)
		p.write()
	})
}

// productText is what the kernels of all products have in common.
const productText = `Blocks make tiles of C from slices of A and B in shared memory; C is max(scale*(sum + bias + residual), floor),
of what is a parameter. bias, residual and mask may be null. types: 1 if C and residual are float32, 2 if the bias is, 4 if C's rows are vectors. Of
the sum's slices, 64 bytes deep, block (x,y) takes run from y*run on and, where there are several y, writes the y-th of as many C for
product_reduce to add up.
Bytes from memory for a tile m x n: (m+n)*K*size + 2*m*n. Error: that of a float32 sum of K products in any order.`

// productKernel is a tiled matrix product being written,
//
//	C[m,n] = max( scale·(Σ_k A[m,k]·B[k,n] + bias[n] + residual[m,n]), floor )
//
// as far as its operation has these ([finishing]).
// Blocks with the same ctaid.x, which numbers tiles of C, share its sum: that of ctaid.y takes a run of slices, and if there are several, each
// writes a C of its own that another kernel adds up.
type productKernel struct {
	*asm.Kernel
	tile
	a, b         source
	m, n, slices asm.Reg // of C; how many slices the sum has
	run          asm.Reg // and how many of these a block takes
	epilogue

	tid, lane      asm.Reg
	warpM, warpN   asm.Reg // first row and column of the warp's part of the block's tile
	tileM, tileN   asm.Reg // first row and column of the block's tile
	shared         asm.Reg
	shareA, shareB *share
}

// multiplier multiplies the slices in a block's shared memory, in steps of a few k, for which fragments are loaded into one of two sets of
// registers.
type multiplier interface {
	steps() int
	load(p *productKernel, set, step int, stage asm.Reg)
	multiply(p *productKernel, set int)
	// spill puts the warp's sums into shared memory, from a row on.
	spill(p *productKernel, to layout, row asm.Reg)
}

// newProduct starts a kernel. Its parameters begin with C and what is applied to it; operands declare theirs next.
func newProduct(k *asm.Kernel, t tile, does finishing) *productKernel {
	p := &productKernel{Kernel: k, tile: t}
	p.DynamicBytes(t.shared())
	p.MinBlocks(t.blocks)
	p.epilogue = newEpilogue(p.Kernel, does)
	p.m, p.n, p.slices, p.run = p.I32("m"), p.I32("n"), p.I32("slices"), p.I32("run")
	return p
}

// write emits the kernel.
func (p *productKernel) write() {
	p.tid, p.lane = p.TID(), p.Lane()
	p.place()
	p.shared = p.Dynamic(128)
	layoutA, layoutB := p.layoutOf(p.a, p.tile.m), p.layoutOf(p.b, p.tile.n)
	mul := p.multiplier(layoutA, layoutB)

	first := p.CTAIDY().Mul(p.run)
	count := p.Var(asm.S32, p.slices.Sub(first).Min(p.run)) // never 0: blocks are as many as runs
	k := first.Mul(p.slice())
	p.Comment("the first slices of A (%d,%d) and B (%d,%d)", p.tile.m, p.slice(), p.slice(), p.tile.n)
	p.shareA = newShare(p, layoutA, p.columns(p.a), p.shared)
	p.shareB = newShare(p, layoutB, p.columns(p.b), p.shared.Add(p.tile.m*64))
	p.a.start(p, p.shareA, p.tileM, k)
	p.b.start(p, p.shareB, p.tileN, k)
	write, read := p.Var(asm.U32, 0), p.Var(asm.U32, 0)
	for range p.stages - 1 {
		p.fetch(write)
	}
	p.WaitCopies(p.stages - 2)
	p.Barrier()
	mul.load(p, 0, 0, read)

	p.Comment("a slice is multiplied while the %d after it arrive", p.stages-1)
	p.Do(func() asm.Reg { return count.Gt(0) }, func() {
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
func (p *productKernel) place() {
	const group = 8
	tilesM := p.m.Add(p.tile.m - 1).Shr(log2(p.tile.m)).As(asm.U32)
	tilesN := p.n.Add(p.tile.n - 1).Shr(log2(p.tile.n)).As(asm.U32)
	id := p.CTAID().As(asm.U32)
	width := tilesN.Mul(group)
	g := id.Div(width)
	first := g.Mul(group)
	rows := tilesM.Sub(first).Min(group)
	within := id.Sub(g.Mul(width))
	col := within.Div(rows)
	row := first.Add(within.Sub(col.Mul(rows)))
	p.tileM, p.tileN = row.As(asm.S32).Mul(p.tile.m), col.As(asm.S32).Mul(p.tile.n)

	warp, down := p.Warp(), p.tile.m/p.wm
	p.warpM, p.warpN = warp.And(down-1).Mul(p.wm), warp.Shr(log2(down)).Mul(p.wn)
}

func (p *productKernel) layoutOf(s source, length int) layout {
	if s.alongK() {
		return p.tile.alongK(length)
	}
	return p.tile.acrossK(length)
}

// columns is how many chunks of a row neighbouring threads copy. Pixels are found one for each row, so their rows are shared by few.
func (p *productKernel) columns(s source) int {
	if _, is := s.(*pixelSource); is {
		return max(8, p.threads()/p.slice())
	}
	return p.threads()
}

func (p *productKernel) multiplier(a, b layout) multiplier {
	if p.arithmetic == ffma {
		return newFFMA(p, a, b)
	}
	return newTensorCores(p, a, b)
}

// fetch starts the copies of the next slices of A and B.
func (p *productKernel) fetch(stage asm.Reg) {
	p.a.fetch(p, p.shareA, stage)
	p.b.fetch(p, p.shareB, stage)
	p.CommitCopies()
	p.next(stage)
}

// next moves an offset to the next stage of the ring.
func (p *productKernel) next(stage asm.Reg) {
	p.Emit("add.u32", stage, stage, p.stageBytes())
	stage.Set(stage.Eq(p.tile.shared()).Select(asm.U32, 0, stage))
}
