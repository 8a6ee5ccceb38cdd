package cuda

import (
	"math"

	"onestep/kernels/cuda/asm"
)

const tcThreads = 128

// attentionTensor is a pass on tensor cores being written. Rows of tiles in shared memory have 2·depth bytes; chunk c of 16 bytes of row r is
// stored as chunk c xor (r mod 8), so that neither copies nor ldmatrix meet a bank twice.
type attentionTensor struct {
	*asm.Kernel
	attentionPass
	attentionCut
	attentionTiles

	l, row0, query0            asm.Reg // the head's length, the block's first row, the number of the head's first query among all
	scale                      asm.Reg
	tid, base                  asm.Reg
	copyRow, copyTo, copyLimit asm.Reg    // the thread's first row of a tile that is copied, its place in shared memory, the rows of the head above it
	chunk                      asm.Reg    // and its bytes in the row
	aAt, bAt, cAt              [4]asm.Reg // ldmatrix addresses in A's rows of this warp, in B, and in B transposed, for the chunks 2q, 2q+1 (mod 8)

	fragments, fragments2 [][][]asm.Reg // of the warp's rows of A and A2, by 16 columns and strip; nil: they come from shared memory each time
	lane, myRow           asm.Reg       // myRow is the first of the thread's rows
	exponent              asm.Reg       // scale·log₂e
	rowLSE, rowDelta      []asm.Reg     // statistics of the thread's rows
	top, sum              []asm.Reg     // of the thread's rows so far
	acc                   [][][]asm.Reg // out
}

func writeAttentionF16(kernel *asm.Kernel, p attentionPass, c attentionCut) {
	k := &attentionTensor{Kernel: kernel, attentionPass: p, attentionCut: c}
	if p.gradient {
		k.MinBlocks(2)
	}
	out, lse, delta := k.Ptr("out"), k.Ptr("lse"), k.Ptr("delta")
	a, b, a2, b2 := k.Ptr("a"), k.Ptr("b"), k.Ptr("a2"), k.Ptr("b2")
	ldOut, ld, ldA2, ldB2 := k.I32("ldout"), k.I32("ld"), k.I32("lda2"), k.I32("ldb2")
	k.l = k.I32("l")
	heads, d, tiles := k.I32("h"), k.I32("d"), k.I32("tiles")
	k.scale = k.F32("scale")

	block := k.CTAID()
	nh := block.Div(tiles)
	k.row0 = block.Sub(nh.Mul(tiles)).Mul(k.rows())
	n := nh.Div(heads)
	h := nh.Sub(n.Mul(heads))
	head := func(p, ld asm.Reg) asm.Reg { // of the block: row 0 in this head
		return p.Add(n.Mul(k.l).MulWide(ld).Add(h.MulWide(d)).Shl(1).As(asm.U64))
	}
	a, b, b2 = head(a, ld), head(b, ld), head(b2, ldB2)
	k.query0 = nh.Mul(k.l)
	k.place(d)

	k.copyTile(a, ld, k.row0, k.rows(), k.a)
	if p.gradient {
		k.copyTile(head(a2, ldA2), ldA2, k.row0, k.rows(), k.a2)
	}
	k.CommitCopies()
	copyB := func(col0 asm.Reg) { k.copyTile(b, ld, col0, k.cols, k.b); k.CommitCopies() }
	copyB2 := func(col0 asm.Reg) { k.copyTile(b2, ldB2, col0, k.cols, k.b2); k.CommitCopies() }
	zero := k.Const(asm.S32, 0)
	if p.gradient { // the order in which the tiles are used
		copyB2(zero)
		copyB(zero)
	} else {
		copyB(zero)
		copyB2(zero)
	}

	k.begin(lse, delta)
	k.Repeat(0, k.l, k.cols, func(col0 asm.Reg) { k.tile(col0, lse, delta, copyB, copyB2) })
	k.WaitCopies(0)
	if p.normalise {
		k.finish(lse)
	}
	k.store(head(out, ldOut), ldOut)
}

// begin has fragments, statistics and sums ready for the first tile.
func (k *attentionTensor) begin(lse, delta asm.Reg) {
	if k.registers {
		k.WaitCopies(2)
		k.Barrier()
		k.fragments = k.loadA(0)
		if k.gradient && !k.keys { // statistics of columns leave no room for it
			k.fragments2 = k.loadA(k.a2)
		}
	}
	k.lane = k.Lane()
	k.myRow = k.Warp().FMA(16*k.strips, k.lane.Shr(2)).Add(k.row0)
	perRow := func(p asm.Reg) []asm.Reg { // of the thread's rows, two in a strip
		return k.statistic(p, k.myRow, 2*k.strips, func(i int) int { return 8 * i })
	}
	k.exponent = k.scale.Mul(math.Log2E)
	if !k.normalise && !k.keys {
		k.rowLSE, k.rowDelta = perRow(lse), perRow(delta)
	}
	if k.normalise {
		for range 2 * k.strips {
			k.top, k.sum = append(k.top, k.Var(asm.F32, math.Inf(-1))), append(k.sum, k.Var(asm.F32, 0))
		}
	}
	k.acc = k.accumulators(k.depth)
}

// tile adds the share of the columns from col0 on to out. copyB and copyB2 start the copies of the next tiles.
func (k *attentionTensor) tile(col0, lse, delta asm.Reg, copyB, copyB2 func(col0 asm.Reg)) {
	next := col0.Add(k.cols)
	var y [][][]asm.Reg
	if k.gradient {
		k.Comment("Y = A2*B2^T")
		k.WaitCopies(1)
		k.Barrier()
		y = k.accumulators(k.cols)
		k.products(y, k.fragments2, k.a2, k.b2)
		k.Barrier()
		copyB2(next)
	}
	lses, deltas := k.rowLSE, k.rowDelta
	if k.keys {
		perCol := func(p asm.Reg) []asm.Reg { // of the thread's columns, two in each 8
			return k.statistic(p, k.lane.And(3).FMA(2, col0), k.cols/4, func(i int) int { return i/2*8 + i%2 })
		}
		lses = perCol(lse)
		if k.gradient {
			deltas = perCol(delta)
		}
	}
	k.Comment("X = A*B^T")
	k.WaitCopies(1)
	k.Barrier()
	x := k.accumulators(k.cols)
	k.products(x, k.fragments, k.a, k.b)
	if !k.gradient {
		k.Barrier()
		copyB(next)
	}
	if !k.keys {
		k.If(next.Gt(k.l), func() { k.mask(x, k.lane.And(3).FMA(2, col0)) })
	}
	k.Comment("W")
	if k.normalise {
		k.softmax(x)
	} else {
		k.probabilities(x, lses)
	}
	if k.gradient {
		k.gradients(x, y, deltas)
	}
	w := k.pack(x)
	k.Comment("out += W*C")
	if k.gradient {
		k.multiply(w, k.b)
		k.Barrier()
		copyB(next)
	} else {
		k.WaitCopies(1)
		k.Barrier()
		k.multiply(w, k.b2)
		k.Barrier()
		copyB2(next)
	}
}

// place lays out shared memory and computes the thread's addresses in it.
func (k *attentionTensor) place(d asm.Reg) {
	k.attentionTiles = k.tiles(k.attentionCut)
	k.DynamicBytes(k.shared)
	base := k.Dynamic(128).As(asm.S32)
	k.base = base
	k.tid = k.TID()
	lane, chunks := k.Lane(), k.depth/8

	c := k.tid.And(chunks - 1)
	k.copyRow = k.tid.Div(chunks)
	k.copyTo = k.copyRow.FMA(k.rowBytes(), c.Xor(k.copyRow.And(7)).FMA(16, base)).As(asm.U32)
	k.chunk = c.Shl(4)
	k.copyLimit = c.Shl(3).Lt(d).Select(asm.S32, k.l.Sub(k.copyRow), -1<<30)

	odd := lane.And(7)
	low, high := lane.And(15), lane.Shr(4)
	for q := range 4 {
		at := high.Add(2*q).Xor(odd).FMA(16, base)
		k.cAt[q] = low.FMA(k.rowBytes(), at).As(asm.U32)
		k.aAt[q] = k.Warp().FMA(16*k.strips*k.rowBytes(), k.cAt[q].As(asm.S32)).As(asm.U32)
		at = lane.Shr(3).And(1).Add(2*q).Xor(odd).FMA(16, base)
		k.bAt[q] = high.FMA(8, odd).FMA(k.rowBytes(), at).As(asm.U32)
	}
}

// copyTile starts the copies of rows of one head from row0 on to a tile; what lies outside becomes 0.
func (k *attentionTensor) copyTile(p, ld, row0 asm.Reg, rows, to int) {
	step := tcThreads / (k.depth / 8) // rows that the block copies at a time
	from := p.Add(row0.Add(k.copyRow).MulWide(ld).Shl(1).As(asm.U64)).Add(k.chunk.To(asm.S64).As(asm.U64))
	stride := ld.MulWide(2 * step).As(asm.U64)
	limit := k.copyLimit.Sub(row0)
	for i := 0; i < rows; i += step {
		dst := k.copyTo
		if i&4 != 0 {
			dst = dst.Xor(64)
		}
		if i > 0 {
			from = from.Add(stride)
		}
		k.CopyAsync(dst, to+i*k.rowBytes(), from, 0, 16, limit.Gt(i).Select(asm.U32, 16, 0))
	}
}

// statistic is n numbers, those of the queries query + offset(i), or 0 where there is no such query.
func (k *attentionTensor) statistic(p, query asm.Reg, n int, offset func(i int) int) (xs []asm.Reg) {
	at := p.Index(k.query0.Add(query), 4)
	left := k.l.Sub(query)
	for i := range n {
		x := k.Var(asm.F32, 0)
		k.When(left.Gt(offset(i)), func() { k.Emit("ld.global.f32", x, asm.Addr{Base: at, Offset: 4 * offset(i)}) })
		xs = append(xs, x)
	}
	return xs
}

// accumulators are the thread's part of a matrix with the warp's rows and so many columns: by strip and 8 columns, four numbers that are 0.
func (k *attentionTensor) accumulators(cols int) [][][]asm.Reg {
	x := make([][][]asm.Reg, k.strips)
	for m := range x {
		for range cols / 8 {
			var c []asm.Reg
			for range 4 {
				c = append(c, k.Var(asm.F32, 0))
			}
			x[m] = append(x[m], c)
		}
	}
	return x
}

// loadA reads the warp's rows of a tile as fragments, by 16 columns and strip.
func (k *attentionTensor) loadA(tile int) (fragments [][][]asm.Reg) {
	for s := range k.depth / 16 {
		fragments = append(fragments, k.loadStep(tile, s))
	}
	return fragments
}

func (k *attentionTensor) loadStep(tile, s int) (strips [][]asm.Reg) {
	for m := range k.strips {
		strips = append(strips, k.LoadMatrix(k.aAt[s%4], tile+s/4*128+m*16*k.rowBytes(), false))
	}
	return strips
}

// products adds A·Bᵀ to x, with A as fragments, or nil: from its tile.
func (k *attentionTensor) products(x, fragments [][][]asm.Reg, tileA, tileB int) {
	for s := range k.depth / 16 {
		var as [][]asm.Reg
		if fragments != nil {
			as = fragments[s]
		} else {
			as = k.loadStep(tileA, s)
		}
		for p := range k.cols / 16 {
			bs := k.LoadMatrix(k.bAt[s%4], tileB+s/4*128+p*16*k.rowBytes(), false)
			for m := range k.strips {
				k.MMA(x[m][2*p], as[m], bs[:2])
				k.MMA(x[m][2*p+1], as[m], bs[2:])
			}
		}
	}
}

// multiply adds W·C to out; C's rows are those of the tile.
func (k *attentionTensor) multiply(w [][][]asm.Reg, tile int) {
	for s := range k.cols / 16 {
		for p := range k.depth / 16 {
			cs := k.LoadMatrix(k.cAt[p%4], tile+p/4*128+s*16*k.rowBytes(), true)
			for m := range k.strips {
				k.MMA(k.acc[m][2*p], w[m][s], cs[:2])
				k.MMA(k.acc[m][2*p+1], w[m][s], cs[2:])
			}
		}
	}
}

// pack rounds accumulators to halves: those of 16 columns are a fragment of A.
func (k *attentionTensor) pack(x [][][]asm.Reg) [][][]asm.Reg {
	w := make([][][]asm.Reg, k.strips)
	for m := range w {
		for j := 0; j < len(x[m]); j += 2 {
			l, r := x[m][j], x[m][j+1]
			w[m] = append(w[m], []asm.Reg{k.Pack(l[0], l[1]), k.Pack(l[2], l[3]), k.Pack(r[0], r[1]), k.Pack(r[2], r[3])})
		}
	}
	return w
}

// mask makes the products with columns beyond the last −∞; first is the thread's first column.
func (k *attentionTensor) mask(x [][][]asm.Reg, first asm.Reg) {
	for j := range k.cols / 8 {
		for e := range 2 {
			inside := first.Add(8*j + e).Lt(k.l)
			for m := range k.strips {
				x[m][j][e].Set(inside.Select(asm.F32, x[m][j][e], math.Inf(-1)))
				x[m][j][e+2].Set(inside.Select(asm.F32, x[m][j][e+2], math.Inf(-1)))
			}
		}
	}
}

// softmax replaces products by 2^((x − top)·exponent), after raising top to each row's maximum so far, and scales the sums so far to it. The
// sum of a row is that of the thread's columns.
func (k *attentionTensor) softmax(x [][][]asm.Reg) {
	for i := range k.top {
		m, half := i/2, i%2*2
		highest := k.top[i]
		for _, c := range x[m] {
			highest = highest.Max(c[half]).Max(c[half+1])
		}
		for _, lanes := range []int{1, 2} {
			highest = highest.Max(highest.Shuffle("bfly", lanes))
		}
		keep := k.top[i].Sub(highest).Mul(k.exponent).Ex2FTZ()
		k.top[i].Set(highest)
		k.sum[i].Set(k.sum[i].Mul(keep))
		offset := highest.Mul(k.exponent).Neg()
		for _, c := range x[m] {
			for e := half; e < half+2; e++ {
				c[e] = c[e].FMA(k.exponent, offset).Ex2FTZ()
				k.sum[i].Set(k.sum[i].Add(c[e]))
			}
		}
		for _, c := range k.acc[m] {
			for e := half; e < half+2; e++ {
				c[e].Set(c[e].Mul(keep))
			}
		}
	}
}

// probabilities replaces products by 2^(x·exponent − lse·log₂e), with the LSE of rows or, where these are keys, of columns.
func (k *attentionTensor) probabilities(x [][][]asm.Reg, lses []asm.Reg) {
	for i, v := range lses {
		lses[i] = v.Mul(-math.Log2E)
	}
	k.each(x, func(p asm.Reg, i int) asm.Reg { return p.FMA(k.exponent, lses[i]).Ex2FTZ() })
}

// gradients replaces probabilities by P·(Y − delta)·scale, with the delta of rows or, where these are keys, of columns.
func (k *attentionTensor) gradients(x, y [][][]asm.Reg, deltas []asm.Reg) {
	k.each(y, func(dp asm.Reg, i int) asm.Reg { return dp.Sub(deltas[i]).Mul(k.scale) })
	for m := range x {
		for j := range x[m] {
			for e := range x[m][j] {
				x[m][j][e] = x[m][j][e].Mul(y[m][j][e])
			}
		}
	}
}

// each replaces every number of a matrix by f of it and of the number of its query among those of the thread's rows or columns.
func (k *attentionTensor) each(x [][][]asm.Reg, f func(v asm.Reg, i int) asm.Reg) {
	for m := range x {
		for j := range x[m] {
			for e, v := range x[m][j] {
				i := 2*m + e/2
				if k.keys {
					i = 2*j + e%2
				}
				x[m][j][e] = f(v, i)
			}
		}
	}
}

// finish divides by the rows' sums and writes their logs.
func (k *attentionTensor) finish(lse asm.Reg) {
	for i := range k.sum {
		m, half := i/2, i%2*2
		for _, lanes := range []int{1, 2} {
			k.sum[i] = k.sum[i].Add(k.sum[i].Shuffle("bfly", lanes))
		}
		inverse := k.sum[i].Rcp()
		for _, c := range k.acc[m] {
			c[half], c[half+1] = c[half].Mul(inverse), c[half+1].Mul(inverse)
		}
		row := k.myRow.Add(8 * i)
		log := k.sum[i].Lg2().FMA(math.Ln2, k.top[i].Mul(k.scale))
		k.When(row.Lt(k.l).And(k.lane.And(3).Eq(0)), func() {
			k.Store(asm.Global, lse.Index(k.query0.Add(row), 4), 0, log)
		})
	}
}

// store writes the block's rows of out, through A's place in shared memory for whole chunks in a row.
func (k *attentionTensor) store(out, ld asm.Reg) {
	k.Barrier()
	g := k.lane.Shr(2)
	base := k.base.Add(k.a)
	row := k.Warp().FMA(16*k.strips, g)
	for m := range k.acc {
		for j, c := range k.acc[m] {
			at := g.Xor(j&7).Add(j&^7).FMA(16, k.lane.And(3).Shl(2)).Add(base)
			to := row.FMA(k.rowBytes(), at).As(asm.U32)
			k.Store(asm.Shared, to, 16*m*k.rowBytes(), k.Pack(c[0], c[1]))
			k.Store(asm.Shared, to, (16*m+8)*k.rowBytes(), k.Pack(c[2], c[3]))
		}
	}
	k.Barrier()
	step := tcThreads / (k.depth / 8)
	to := out.Add(k.row0.Add(k.copyRow).MulWide(ld).Shl(1).As(asm.U64)).Add(k.chunk.To(asm.S64).As(asm.U64))
	stride := ld.MulWide(2 * step).As(asm.U64)
	limit := k.copyLimit.Sub(k.row0)
	for i := 0; i < k.rows(); i += step {
		from := k.copyTo
		if i&4 != 0 {
			from = from.Xor(64)
		}
		if i > 0 {
			to = to.Add(stride)
		}
		k.If(limit.Gt(i), func() {
			k.StoreV(asm.Global, to, 0, k.LoadV(asm.Shared, asm.B32, 4, from, k.a+i*k.rowBytes()))
		})
	}
}
