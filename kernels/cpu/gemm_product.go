//go:build amd64 && !purego

package cpu

import (
	"math"
	"unsafe"

	"onestep/kernels"
)

// leftMatrix is A as it is stored: rows and columns from which strips are copied. In form N its rows are those of the
// product, in form T they are steps of the sum.
type leftMatrix interface {
	fill(isa kernels.ISA, dst *float32, ld, row0, row1, col0, col1 int)
}

// target is where finished blocks of C go if not to float32 memory in place.
type target interface {
	load(isa kernels.ISA, dst *float32, ldd, row0, row1, col0, col1 int) // for accumulate
	store(isa kernels.ISA, src *float32, lds, row0, row1, col0, col1 int)
}

// product is one blocked matrix product:
//
//	C[i,j] = max(floor, scale·(Σ_l A[i,l]·B[l,j] + bias[j] + residual[i,j]))
//
// The sum starts with the bias and runs over l in order; between blocks of K it rests in C as a float32, which changes
// nothing. So the bits of C[i,j] are a function of row i of A, column j of B and K alone: they depend neither on the cut
// into tasks nor on M and N nor on the instruction set.
//
// A task makes a block of rows in some panels of B: for each block of K it runs down its rows once for each panel, which
// stays in the nearest cache.
type product struct {
	c       *kernels.CPU
	isa     kernels.ISA
	m, n, k int

	a      leftMatrix // copied strip by strip, or
	aData  *float32   // read where it lies, or
	lda    int
	image  *image // read where it lies: without its border, or with zeros there
	formT  bool
	b      *rightMatrix
	alpha  float32     // B is multiplied by it
	bSums  kernels.Buf // if given, gets scale·Σ_l B[l,j]
	blocks blocks      // of K

	out        target   // or
	cData      *float32 // written in place
	ldc        int
	accumulate bool // add to what C holds

	bias     kernels.Buf
	residual kernels.Buf
	ldr      int
	scale    float32 // read only if finish is set, as is floor
	floor    float32
	finish   bool // there is a residual, a scale or a floor to apply

	packed   *float32 // B in panels: block k0 from k0·np on, in it the panel of column j from kc·j on
	bData    *float32 // or B where it lies
	ldb      int
	np       int // N in whole vectors
	panels   panels
	biasData *float32
}

var negInf = float32(math.Inf(-1))

// blocks cuts K into blocks, the steps of the sum that are taken at once: step by step, and anew after every period.
type blocks struct{ period, step int }

// plainBlocks cuts K evenly. A panel of B of so many rows streams from the second-level cache without loss, and longer ones
// leave no room there for A and C.
func plainBlocks(k int) blocks {
	const most = 256
	n := (k + most - 1) / most
	return blocks{k, ((k+n-1)/n + 7) &^ 7}
}

// count is the number of blocks of K.
func (b blocks) count(k int) int {
	return k/b.period*((b.period+b.step-1)/b.step) + (k%b.period+b.step-1)/b.step
}

// at is block i of K.
func (b blocks) at(i, k int) (k0, length int) {
	per := (b.period + b.step - 1) / b.step
	in := i % per * b.step
	k0 = i/per*b.period + in
	return k0, min(b.step, b.period-in, k-k0)
}

// run makes the product on all threads.
func (p *product) run() {
	p.panels = panelsOf(p.isa, p.n)
	p.np = p.panels.total
	var pool [2]kernels.Buf
	if p.bias.Given() {
		pool[0] = p.prepareBias()
	}
	direct := p.useDirectB()
	if !direct {
		pool[1] = p.c.Alloc(kernels.F32, p.k*p.np)
		p.packed = &pool[1].F32[0]
	}
	switch {
	case p.bSums.Given():
		p.packAndSum()
	case !direct:
		count := p.blocks.count(p.k)
		p.c.For(count*p.panels.count, func(w, i int) { p.packPanel(w, i/p.panels.count, i%p.panels.count) })
	}
	mc, pc := p.plan()
	mt, nt := (p.m+mc-1)/mc, (p.panels.count+pc-1)/pc
	p.c.For(mt*nt, func(w, i int) {
		r, j := i/nt*mc, i%nt*pc
		p.block(w, r, min(p.m, r+mc), j, min(p.panels.count, j+pc))
	})
	for _, b := range pool {
		if b.Given() {
			p.c.Free(b)
		}
	}
}

// prepareBias makes biasData point to the bias as whole float32 vectors, in a buffer that is to be freed if it is given.
func (p *product) prepareBias() kernels.Buf {
	if p.bias.Type == kernels.F32 && p.n == p.np {
		p.biasData = &p.bias.F32[0]
		return kernels.Buf{}
	}
	b := p.c.Alloc(kernels.F32, p.np)
	clear(b.F32)
	load(p.isa, &b.F32[0], &p.bias, 0, rowsOf(1, p.n, 0, 0))
	p.biasData = &b.F32[0]
	return b
}

// useDirectB reads B where it lies if its rows are whole vectors. Rows of 4 KB and more would cost an address translation each
// in every tile, so then B is packed, unless there are too few rows of A to pay for that.
func (p *product) useDirectB() bool {
	b := p.b
	if b.trans || b.buf.Type != kernels.F32 || p.n != p.np || p.alpha != 1 || b.ld >= 1000 && (p.m > 48 || len(b.taps) > 1) {
		return false
	}
	p.bData, p.ldb = &b.buf.F32[0], b.ld
	return true
}

// packAndSum packs B, unless it is read where it lies, and sums its columns: by block, while it is in the cache, and then
// over the blocks.
func (p *product) packAndSum() {
	count := p.blocks.count(p.k)
	sums, total := p.c.Alloc(kernels.F32, count*p.np), p.c.Alloc(kernels.F32, p.np)
	p.c.For(count*p.panels.count, func(w, i int) {
		block, j := i/p.panels.count, i%p.panels.count
		start, width := p.panels.start(j), p.panels.start(j+1)-p.panels.start(j)
		k0, kc := p.blocks.at(block, p.k)
		b, ldb := p.bData, p.ldb
		if b == nil {
			b, ldb = p.packPanel(w, block, j), width
		} else {
			b = after(b, k0*ldb+start)
		}
		sumRows(p.isa, &sums.F32[block*p.np+start], b, ldb, kc, width)
	})
	for j := range p.panels.count {
		start, width := p.panels.start(j), p.panels.start(j+1)-p.panels.start(j)
		sumRows(p.isa, &total.F32[start], &sums.F32[start], p.np, count, width)
	}
	if p.finish {
		v := lanes(p.isa)
		epilogue(p.isa, &total.F32[0], v, &zeros[0], 0, p.np/v, v, p.scale, negInf)
	}
	store(p.isa, &p.bSums, 0, &total.F32[0], rowsOf(1, p.n, 0, 0))
	p.c.Free(sums)
	p.c.Free(total)
}

// sumRows sums so many rows of a panel: a product with a row of ones.
func sumRows(isa kernels.ISA, dst, b *float32, ldb, rows, width int) {
	tile(isa, true, width, &tileArgs{
		a: &one, b: b, c: dst, init: &zeros[0], ldb: 4 * ldb, rows: 1, k: rows, runs: 1, sheets: 1, groups: 1,
	})
}

// packPanel packs panel j of a block of K, and returns it.
func (p *product) packPanel(worker, block, j int) *float32 {
	k0, kc := p.blocks.at(block, p.k)
	start := p.panels.start(j)
	width := p.panels.start(j+1) - start
	dst := after(p.packed, k0*p.np+kc*start)
	p.b.packPanel(p.c, worker, p.isa, dst, k0, kc, start, min(width, p.n-start), width)
	if p.alpha != 1 {
		v := lanes(p.isa)
		epilogue(p.isa, dst, v, &zeros[0], 0, kc*width/v, v, p.alpha, negInf)
	}
	return dst
}

// plan chooses the rows and the panels of a task. The choice may depend on the machine, since the bits do not depend on it.
func (p *product) plan() (rows, panels int) {
	const smallest = 1 << 20 // multiply-adds that are worth a task of their own
	unit := 8                // rows
	if p.image != nil && !p.formT && p.image.gridW <= 128 {
		unit = p.image.gridW
	}
	mt, nt := (p.m+127)/128, (p.panels.count+10)/11
	want := min(6*p.c.Threads(), 1+p.m*p.np*p.k/smallest)
	if p.c.Threads() == 1 {
		want = 1
	}
	for mt*nt < want {
		switch {
		case p.m/mt >= 64:
			mt++
		case p.panels.count/nt >= 2:
			nt++
		case p.m/mt >= 16:
			mt++
		default:
			want = 0
		}
	}
	rows = (p.m + mt - 1) / mt
	return (rows + unit - 1) / unit * unit, (p.panels.count + nt - 1) / nt
}

// block makes rows [r0,r1) of C in panels [p0,p1).
func (p *product) block(worker, r0, r1, p0, p1 int) {
	rows := r1 - r0
	j0, j1 := p.panels.start(p0), p.panels.start(p1)
	var c *float32
	ldc := p.ldc
	if p.out != nil {
		ldc = j1 - j0
		c = &p.c.Scratch(worker, 1, rows*ldc)[0]
		if p.accumulate {
			p.out.load(p.isa, c, ldc, r0, r1, j0, min(j1, p.n))
		}
	} else {
		c = after(p.cData, r0*ldc+j0)
	}
	bordered := p.image != nil && p.image.bordered // every element is in one piece, which starts it
	if p.image != nil && !bordered {
		p.start(c, ldc, rows, j0, j1)
	}
	var room [32]piece
	for i := range p.blocks.count(p.k) {
		k0, kc := p.blocks.at(i, p.k)
		pieces := room[:0]
		switch {
		case p.image == nil:
			a, s := p.strip(worker, r0, r1, k0, k0+kc)
			pieces = append(pieces, piece{tileArgs: tileArgs{a: a, s: 4 * s, rows: rows, k: kc, runs: 1, sheets: 1, groups: 1}})
		case bordered:
			pieces = p.image.lines(pieces, r0, r1)
		case p.formT:
			pieces = p.image.sums(pieces, r0, r1, k0, k0+kc)
		default:
			pieces = p.image.rows(pieces, r0, r1, k0, k0+kc, p.packed == nil)
		}
		for panel := p0; panel < p1; panel++ {
			j := p.panels.start(panel)
			width := p.panels.start(panel+1) - j
			b, ldb := p.bData, p.ldb
			if b == nil {
				b, ldb = after(p.packed, k0*p.np+kc*j), width
			} else if b = after(b, j); p.image == nil || p.formT {
				b = after(b, k0*ldb)
			}
			var init *float32
			if (p.image == nil || bordered) && k0 == 0 && !p.accumulate {
				init = &zeros[0]
				if p.biasData != nil {
					init = after(p.biasData, j)
				}
			}
			for i := range pieces {
				pieces[i].run(p.isa, p.formT, width, b, ldb, after(c, j-j0), ldc, init)
			}
		}
	}
	if p.finish {
		p.finishBlock(worker, c, ldc, r0, r1, j0, j1)
	}
	if p.out != nil {
		p.out.store(p.isa, c, ldc, r0, r1, j0, min(j1, p.n))
	}
}

// piece is a call of the tile kernel, for any panel of B: the fields that concern A and the counts are set.
type piece struct {
	tileArgs
	rowB             int // first row of B, from that of the block of K (or of B itself for taps of a weight in place)
	rowC             int // first row of C, from that of the task
	runRow, sheetRow int // rows of B that the jumps skip
	groupRow         int // rows of C from group to group
}

// run makes the piece in a panel of B. Without init it adds to c.
func (t *piece) run(isa kernels.ISA, formT bool, width int, b *float32, ldb int, c *float32, ldc int, init *float32) {
	t.b, t.ldb = after(b, t.rowB*ldb), 4*ldb
	t.runB, t.sheetB = 4*ldb*t.runRow, 4*ldb*t.sheetRow
	t.c, t.ldc = after(c, t.rowC*ldc), 4*ldc
	t.groupC = 4 * ldc * t.groupRow
	t.init, t.ldi, t.groupInit = t.c, t.ldc, t.groupC
	if init != nil {
		t.init, t.ldi, t.groupInit = init, 0, 0
	}
	tile(isa, formT, width, &t.tileArgs)
}

// start fills a block of C with the bias or with zeros.
func (p *product) start(c *float32, ldc, rows, j0, j1 int) {
	e := rowsOf(rows, j1-j0, ldc, 0)
	if p.biasData == nil {
		zero(p.isa, c, e)
		return
	}
	bias := kernels.HostF32(unsafe.Slice(p.biasData, p.np))
	load(p.isa, c, &bias, j0, e)
}

// strip gives rows [r0,r1) of A in steps [k0,k1) and the distance of its stored rows.
func (p *product) strip(worker, r0, r1, k0, k1 int) (a *float32, s int) {
	if p.formT {
		if p.aData != nil {
			return after(p.aData, k0*p.lda+r0), p.lda
		}
		ld := stripLD(r1 - r0)
		a = &p.c.Scratch(worker, 0, (k1-k0)*ld)[0]
		p.a.fill(p.isa, a, ld, k0, k1, r0, r1)
		return a, ld
	}
	if p.aData != nil {
		return after(p.aData, r0*p.lda+k0), p.lda
	}
	ld := stripLD(k1 - k0)
	a = &p.c.Scratch(worker, 0, (r1-r0)*ld)[0]
	p.a.fill(p.isa, a, ld, r0, r1, k0, k1)
	return a, ld
}

// stripLD is a row length for a strip of so many columns: whole cache lines, and an odd number of them, so that a column
// spreads over all sets of the first-level cache.
func stripLD(cols int) int { return (cols+15)&^15 | 16 }

// finishBlock adds the residual, scales and clamps.
func (p *product) finishBlock(worker int, c *float32, ldc, r0, r1, j0, j1 int) {
	if !p.residual.Given() {
		for j := j0; j < j1; j += widest {
			epilogue(p.isa, after(c, j-j0), ldc, &zeros[0], 0, r1-r0, min(widest, j1-j), p.scale, p.floor)
		}
		return
	}
	var add *float32
	lda := p.ldr
	if p.residual.Type == kernels.F32 && p.n == p.np {
		add = &p.residual.F32[r0*p.ldr+j0]
	} else {
		lda = j1 - j0
		add = &p.c.Scratch(worker, 2, (r1-r0)*lda)[0]
		load(p.isa, add, &p.residual, r0*p.ldr+j0, rowsOf(r1-r0, min(j1, p.n)-j0, lda, p.ldr))
	}
	epilogue(p.isa, c, ldc, add, lda, r1-r0, j1-j0, p.scale, p.floor)
}
