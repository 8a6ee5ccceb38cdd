package main

import (
	"fmt"
	"math"

	"onestep/kernels/cuda/ptx/build"
)

// cut is how a pass on tensor cores is cut: each of four warps has strips of 16 rows, with all of D, which is filled up to depth with zeros; the
// columns of P go by in tiles.
type cut struct {
	depth     int
	strips    int
	cols      int
	registers bool // the rows of A and A2 stay in registers
}

// cuts are those of a pass. Wide heads leave room for one strip, whose fragments of A come from shared memory each time.
func (p pass) cuts() []cut {
	if p.gradient {
		return []cut{{64, 2, 32, true}, {128, 1, 32, false}, {256, 1, 16, false}}
	}
	return []cut{{64, 2, 64, true}, {128, 2, 32, false}, {256, 1, 32, false}}
}

const tcThreads = 128

// attentionTensor is a pass on tensor cores being written. Rows of tiles in shared memory have 2·depth bytes; chunk c of 16 bytes of row r is
// stored as chunk c xor (r mod 8), so that neither copies nor ldmatrix meet a bank twice.
type attentionTensor struct {
	*build.Kernel
	pass
	cut

	l, row0                    build.Reg
	a, b, b2                   int // offsets of tiles in shared memory; A2 lies behind A
	size                       int
	tid, base                  build.Reg
	copyRow, copyTo, copyLimit build.Reg    // the thread's first row of a tile that is copied, its place in shared memory, the rows of the head above it
	chunk                      build.Reg    // and its bytes in the row
	aAt, bAt, cAt              [4]build.Reg // ldmatrix addresses in A's rows of this warp, in B, and in B transposed, for the chunks 2q, 2q+1 (mod 8)
}

func (k *attentionTensor) rows() int     { return 4 * 16 * k.strips }
func (k *attentionTensor) rowBytes() int { return 2 * k.depth }

func attentionF16(f *build.File, p pass, c cut) {
	k := &attentionTensor{Kernel: f.Kernel(fmt.Sprintf("%s_f16_%d", p.name, c.depth), tcThreads), pass: p, cut: c}
	if p.gradient {
		k.MinBlocks(2)
	}
	out, lse, delta := k.Ptr("out"), k.Ptr("lse"), k.Ptr("delta")
	a, b, a2, b2 := k.Ptr("a"), k.Ptr("b"), k.Ptr("a2"), k.Ptr("b2")
	ldOut, ld, ldA2, ldB2 := k.I32("ldout"), k.I32("ld"), k.I32("lda2"), k.I32("ldb2")
	k.l = k.I32("l")
	heads, d, tiles, scale := k.I32("h"), k.I32("d"), k.I32("tiles"), k.F32("scale")

	block := k.CTAID()
	nh := block.Div(tiles)
	k.row0 = block.Sub(nh.Mul(tiles)).Mul(k.rows())
	n := nh.Div(heads)
	h := nh.Sub(n.Mul(heads))
	head := func(p, ld build.Reg) build.Reg { // of the block: row 0 in this head
		return p.Add(n.Mul(k.l).MulWide(ld).Add(h.MulWide(d)).Shl(1).As(build.U64))
	}
	a, b, b2 = head(a, ld), head(b, ld), head(b2, ldB2)
	statistics := nh.Mul(k.l)
	k.place(d)

	k.copyTile(a, ld, k.row0, k.rows(), k.a)
	if p.gradient {
		k.copyTile(head(a2, ldA2), ldA2, k.row0, k.rows(), k.a+k.rows()*k.rowBytes())
	}
	k.CommitCopies()
	copyB := func(col0 build.Reg) { k.copyTile(b, ld, col0, k.cols, k.b); k.CommitCopies() }
	copyB2 := func(col0 build.Reg) { k.copyTile(b2, ldB2, col0, k.cols, k.b2); k.CommitCopies() }
	zero := k.Const(build.S32, 0)
	if p.gradient { // the order in which the tiles are used
		copyB2(zero)
		copyB(zero)
	} else {
		copyB(zero)
		copyB2(zero)
	}

	var fragments, fragments2 [][][]build.Reg
	if k.registers {
		k.WaitCopies(2)
		k.Barrier()
		fragments = k.loadA(0)
		if p.gradient && !p.keys { // statistics of columns leave no room for it
			fragments2 = k.loadA(k.rows() * k.rowBytes())
		}
	}
	lane := k.Lane()
	myRow := k.Warp().FMA(16*k.strips, lane.Shr(2)).Add(k.row0)
	perRow := func(p build.Reg) []build.Reg { // of the thread's rows, two in a strip
		return k.statistic(p, statistics, myRow, 2*k.strips, func(i int) int { return 8 * i })
	}
	exponent := scale.Mul(math.Log2E)
	var rowLSE, rowDelta, top, sum []build.Reg
	if !p.normalise && !p.keys {
		rowLSE, rowDelta = perRow(lse), perRow(delta)
	}
	if p.normalise {
		for range 2 * k.strips {
			top, sum = append(top, k.Var(build.F32, math.Inf(-1))), append(sum, k.Var(build.F32, 0))
		}
	}
	acc := k.accumulators(k.depth)

	k.Repeat(0, k.l, k.cols, func(col0 build.Reg) {
		next := col0.Add(k.cols)
		var y [][][]build.Reg
		if p.gradient {
			k.Comment("Y = A2*B2^T")
			k.WaitCopies(1)
			k.Barrier()
			y = k.accumulators(k.cols)
			k.products(y, fragments2, k.rows()*k.rowBytes(), k.b2)
			k.Barrier()
			copyB2(next)
		}
		var colLSE, colDelta []build.Reg
		if p.keys {
			perCol := func(p build.Reg) []build.Reg { // of the thread's columns, two in each 8
				return k.statistic(p, statistics, lane.And(3).FMA(2, col0), k.cols/4, func(i int) int { return i/2*8 + i%2 })
			}
			colLSE = perCol(lse)
			if p.gradient {
				colDelta = perCol(delta)
			}
		}
		k.Comment("X = A*B^T")
		k.WaitCopies(1)
		k.Barrier()
		x := k.accumulators(k.cols)
		k.products(x, fragments, k.a, k.b)
		if !p.gradient {
			k.Barrier()
			copyB(next)
		}
		if !p.keys {
			k.If(next.Gt(k.l), func() { k.mask(x, lane.And(3).FMA(2, col0)) })
		}
		k.Comment("W")
		switch {
		case p.normalise:
			k.softmax(x, exponent, top, sum, acc)
		default:
			k.probabilities(x, exponent, rowLSE, colLSE)
		}
		if p.gradient {
			k.gradients(x, y, scale, rowDelta, colDelta)
		}
		w := k.pack(x)
		k.Comment("out += W*C")
		if p.gradient {
			k.multiply(acc, w, k.b)
			k.Barrier()
			copyB(next)
		} else {
			k.WaitCopies(1)
			k.Barrier()
			k.multiply(acc, w, k.b2)
			k.Barrier()
			copyB2(next)
		}
	})
	k.WaitCopies(0)

	if p.normalise {
		k.finish(acc, top, sum, scale, lse, statistics, myRow, lane)
	}
	k.store(head(out, ldOut), ldOut, acc, lane)
}

// place lays out shared memory and computes the thread's addresses in it.
func (k *attentionTensor) place(d build.Reg) {
	k.b = k.rows() * k.rowBytes()
	if k.gradient {
		k.b *= 2
	}
	k.b2 = k.b + k.cols*k.rowBytes()
	k.size = k.b2 + k.cols*k.rowBytes()
	k.DynamicBytes(k.size)
	base := k.Dynamic(128).As(build.S32)
	k.base = base
	k.tid = k.TID()
	lane, chunks := k.Lane(), k.depth/8

	c := k.tid.And(chunks - 1)
	k.copyRow = k.tid.Div(chunks)
	k.copyTo = k.copyRow.FMA(k.rowBytes(), c.Xor(k.copyRow.And(7)).FMA(16, base)).As(build.U32)
	k.chunk = c.Shl(4)
	k.copyLimit = c.Shl(3).Lt(d).Select(build.S32, k.l.Sub(k.copyRow), -1<<30)

	odd := lane.And(7)
	low, high := lane.And(15), lane.Shr(4)
	for q := range 4 {
		at := high.Add(2*q).Xor(odd).FMA(16, base)
		k.cAt[q] = low.FMA(k.rowBytes(), at).As(build.U32)
		k.aAt[q] = k.Warp().FMA(16*k.strips*k.rowBytes(), k.cAt[q].As(build.S32)).As(build.U32)
		at = lane.Shr(3).And(1).Add(2*q).Xor(odd).FMA(16, base)
		k.bAt[q] = high.FMA(8, odd).FMA(k.rowBytes(), at).As(build.U32)
	}
}

// copyTile starts the copies of rows of one head from row0 on to a tile; what lies outside becomes 0.
func (k *attentionTensor) copyTile(p, ld, row0 build.Reg, rows, to int) {
	step := tcThreads / (k.depth / 8) // rows that the block copies at a time
	from := p.Add(row0.Add(k.copyRow).MulWide(ld).Shl(1).As(build.U64)).Add(k.chunk.To(build.S64).As(build.U64))
	stride := ld.MulWide(2 * step).As(build.U64)
	limit := k.copyLimit.Sub(row0)
	for i := 0; i < rows; i += step {
		dst := k.copyTo
		if i&4 != 0 {
			dst = dst.Xor(64)
		}
		if i > 0 {
			from = from.Add(stride)
		}
		k.CopyAsync(dst, to+i*k.rowBytes(), from, 0, 16, limit.Gt(i).Select(build.U32, 16, 0))
	}
}

// statistic is n numbers, those of the queries query + offset(i), or 0 where there is no such query.
func (k *attentionTensor) statistic(p, first, query build.Reg, n int, offset func(i int) int) (xs []build.Reg) {
	at := p.Index(first.Add(query), 4)
	left := k.l.Sub(query)
	for i := range n {
		x := k.Var(build.F32, 0)
		k.When(left.Gt(offset(i)), func() { k.Emit("ld.global.f32", x, build.Addr{Base: at, Offset: 4 * offset(i)}) })
		xs = append(xs, x)
	}
	return xs
}

// accumulators are the thread's part of a matrix with the warp's rows and so many columns: by strip and 8 columns, four numbers that are 0.
func (k *attentionTensor) accumulators(cols int) [][][]build.Reg {
	x := make([][][]build.Reg, k.strips)
	for m := range x {
		for range cols / 8 {
			var c []build.Reg
			for range 4 {
				c = append(c, k.Var(build.F32, 0))
			}
			x[m] = append(x[m], c)
		}
	}
	return x
}

// loadA reads the warp's rows of a tile as fragments, by 16 columns and strip.
func (k *attentionTensor) loadA(tile int) (fragments [][][]build.Reg) {
	for s := range k.depth / 16 {
		fragments = append(fragments, k.loadStep(tile, s))
	}
	return fragments
}

func (k *attentionTensor) loadStep(tile, s int) (strips [][]build.Reg) {
	for m := range k.strips {
		strips = append(strips, k.LoadMatrix(k.aAt[s%4], tile+s/4*128+m*16*k.rowBytes(), false))
	}
	return strips
}

// products adds A·Bᵀ to x, with A as fragments, or nil: from its tile.
func (k *attentionTensor) products(x, fragments [][][]build.Reg, tileA, tileB int) {
	for s := range k.depth / 16 {
		var as [][]build.Reg
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

// multiply adds W·C to acc; C's rows are those of the tile.
func (k *attentionTensor) multiply(acc [][][]build.Reg, w [][][]build.Reg, tile int) {
	for s := range k.cols / 16 {
		for p := range k.depth / 16 {
			cs := k.LoadMatrix(k.cAt[p%4], tile+p/4*128+s*16*k.rowBytes(), true)
			for m := range k.strips {
				k.MMA(acc[m][2*p], w[m][s], cs[:2])
				k.MMA(acc[m][2*p+1], w[m][s], cs[2:])
			}
		}
	}
}

// pack rounds accumulators to halves: those of 16 columns are a fragment of A.
func (k *attentionTensor) pack(x [][][]build.Reg) [][][]build.Reg {
	w := make([][][]build.Reg, k.strips)
	for m := range w {
		for j := 0; j < len(x[m]); j += 2 {
			l, r := x[m][j], x[m][j+1]
			w[m] = append(w[m], []build.Reg{k.Pack(l[0], l[1]), k.Pack(l[2], l[3]), k.Pack(r[0], r[1]), k.Pack(r[2], r[3])})
		}
	}
	return w
}

// mask makes the products with columns beyond the last −∞; first is the thread's first column.
func (k *attentionTensor) mask(x [][][]build.Reg, first build.Reg) {
	for j := range k.cols / 8 {
		for e := range 2 {
			inside := first.Add(8*j + e).Lt(k.l)
			for m := range k.strips {
				x[m][j][e].Set(inside.Select(build.F32, x[m][j][e], math.Inf(-1)))
				x[m][j][e+2].Set(inside.Select(build.F32, x[m][j][e+2], math.Inf(-1)))
			}
		}
	}
}

// softmax replaces products by 2^((x − top)·exponent), after raising top to each row's maximum so far, and scales the sums so far to it. The
// sum of a row is that of the thread's columns.
func (k *attentionTensor) softmax(x [][][]build.Reg, exponent build.Reg, top, sum []build.Reg, acc [][][]build.Reg) {
	for i := range top {
		m, half := i/2, i%2*2
		highest := top[i]
		for _, c := range x[m] {
			highest = highest.Max(c[half]).Max(c[half+1])
		}
		for _, lanes := range []int{1, 2} {
			highest = highest.Max(highest.Shuffle("bfly", lanes))
		}
		keep := top[i].Sub(highest).Mul(exponent).Ex2FTZ()
		top[i].Set(highest)
		sum[i].Set(sum[i].Mul(keep))
		offset := highest.Mul(exponent).Neg()
		for _, c := range x[m] {
			for e := half; e < half+2; e++ {
				c[e] = c[e].FMA(exponent, offset).Ex2FTZ()
				sum[i].Set(sum[i].Add(c[e]))
			}
		}
		for _, c := range acc[m] {
			for e := half; e < half+2; e++ {
				c[e].Set(c[e].Mul(keep))
			}
		}
	}
}

// probabilities replaces products by 2^(x·exponent − lse·log₂e), with the LSE of rows or, if that is nil, of columns.
func (k *attentionTensor) probabilities(x [][][]build.Reg, exponent build.Reg, rows, cols []build.Reg) {
	offsets := rows
	if rows == nil {
		offsets = cols
	}
	for i, v := range offsets {
		offsets[i] = v.Mul(-math.Log2E)
	}
	k.each(x, rows == nil, func(p build.Reg, i int) build.Reg { return p.FMA(exponent, offsets[i]).Ex2FTZ() })
}

// gradients replaces probabilities by P·(Y − delta)·scale.
func (k *attentionTensor) gradients(x, y [][][]build.Reg, scale build.Reg, rows, cols []build.Reg) {
	deltas := rows
	if rows == nil {
		deltas = cols
	}
	k.each(y, rows == nil, func(dp build.Reg, i int) build.Reg { return dp.Sub(deltas[i]).Mul(scale) })
	for m := range x {
		for j := range x[m] {
			for e := range x[m][j] {
				x[m][j][e] = x[m][j][e].Mul(y[m][j][e])
			}
		}
	}
}

// each replaces every number of a matrix by f of it and of the index of its row or column among the thread's.
func (k *attentionTensor) each(x [][][]build.Reg, columns bool, f func(v build.Reg, i int) build.Reg) {
	for m := range x {
		for j := range x[m] {
			for e, v := range x[m][j] {
				i := 2*m + e/2
				if columns {
					i = 2*j + e%2
				}
				x[m][j][e] = f(v, i)
			}
		}
	}
}

// finish divides by the rows' sums and writes their logs.
func (k *attentionTensor) finish(acc [][][]build.Reg, top, sum []build.Reg, scale, lse, statistics, myRow, lane build.Reg) {
	for i := range sum {
		m, half := i/2, i%2*2
		for _, lanes := range []int{1, 2} {
			sum[i] = sum[i].Add(sum[i].Shuffle("bfly", lanes))
		}
		inverse := sum[i].Rcp()
		for _, c := range acc[m] {
			c[half], c[half+1] = c[half].Mul(inverse), c[half+1].Mul(inverse)
		}
		row := myRow.Add(8 * i)
		log := sum[i].Lg2().FMA(math.Ln2, top[i].Mul(scale))
		k.When(row.Lt(k.l).And(lane.And(3).Eq(0)), func() {
			k.Store(build.Global, lse.Index(statistics.Add(row), 4), 0, log)
		})
	}
}

// store writes the block's rows of out, through A's place in shared memory for whole chunks in a row.
func (k *attentionTensor) store(out, ld build.Reg, acc [][][]build.Reg, lane build.Reg) {
	k.Barrier()
	g := lane.Shr(2)
	base := k.base.Add(k.a)
	row := k.Warp().FMA(16*k.strips, g)
	for m := range acc {
		for j, c := range acc[m] {
			at := g.Xor(j&7).Add(j&^7).FMA(16, lane.And(3).Shl(2)).Add(base)
			to := row.FMA(k.rowBytes(), at).As(build.U32)
			k.Store(build.Shared, to, 16*m*k.rowBytes(), k.Pack(c[0], c[1]))
			k.Store(build.Shared, to, (16*m+8)*k.rowBytes(), k.Pack(c[2], c[3]))
		}
	}
	k.Barrier()
	step := tcThreads / (k.depth / 8)
	to := out.Add(k.row0.Add(k.copyRow).MulWide(ld).Shl(1).As(build.U64)).Add(k.chunk.To(build.S64).As(build.U64))
	stride := ld.MulWide(2 * step).As(build.U64)
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
			k.StoreV(build.Global, to, 0, k.LoadV(build.Shared, build.B32, 4, from, k.a+i*k.rowBytes()))
		})
	}
}
