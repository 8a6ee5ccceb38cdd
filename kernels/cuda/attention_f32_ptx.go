package cuda

import (
	"math"

	"onestep/kernels/cuda/asm"
)

const (
	faThreads = 256
	faTile    = 64 // rows and columns of a tile
	faDeep    = 16 // elements of D, or columns of W, in shared memory at a time
	faPitch   = faTile + 4
)

// attentionFFMA is a float32 pass being written. Threads are numbered (ty,tx), 16×16; a thread has the rows 4·ty to 4·ty+3 of a tile, of X and Y
// the columns 4·tx to 4·tx+3, and of out the columns 4·tx + 64·m to 4·tx + 64·m + 3.
type attentionFFMA struct {
	*asm.Kernel
	attentionPass
	width int

	l, d           asm.Reg
	vectors        asm.Reg // rows start at multiples of 16 bytes
	n, h, nh       asm.Reg
	row0, slice    asm.Reg // first row of the block, first of its columns of out
	tx, ty         asm.Reg
	loadRow, loadD asm.Reg // the thread's place in tiles of faTile×faDeep
	a, b, w, c     asm.Reg // shared memory
}

// writeAttentionF32 writes a pass with slices of so many columns of out.
func writeAttentionF32(kernel *asm.Kernel, p attentionPass, width int) {
	k := &attentionFFMA{Kernel: kernel, attentionPass: p, width: width}
	k.MinBlocks(map[int]int{64: 2, 256: 1}[width])
	out, lse, delta := k.Ptr("out"), k.Ptr("lse"), k.Ptr("delta")
	a, b, a2, b2 := k.Ptr("a"), k.Ptr("b"), k.Ptr("a2"), k.Ptr("b2")
	ldOut, ld, ldA2, ldB2 := k.I32("ldout"), k.I32("ld"), k.I32("lda2"), k.I32("ldb2")
	k.l = k.I32("l")
	heads := k.I32("h")
	k.d = k.I32("d")
	tiles, vectors, scale := k.I32("tiles"), k.I32("vectors"), k.F32("scale")
	k.place(heads, tiles, vectors)
	a, b, out = k.head(a, ld), k.head(b, ld), k.head(out, ldOut)
	b2 = k.head(b2, ldB2)
	if p.gradient {
		a2 = k.head(a2, ldA2)
	}
	c, ldC := b2, ldB2
	if p.gradient {
		c, ldC = b, ld
	}

	acc := k.matrix(4, width/16)
	myRow := k.ty.FMA(4, k.row0)
	var top, sum, rowLSE, rowDelta []asm.Reg
	if p.normalise {
		for range 4 {
			top, sum = append(top, k.Var(asm.F32, math.Inf(-1))), append(sum, k.Var(asm.F32, 0))
		}
	} else if !p.keys {
		rowLSE, rowDelta = k.statistics(lse, myRow), k.statistics(delta, myRow)
	}
	k.Repeat(0, k.l, faTile, func(col0 asm.Reg) {
		x := k.products(a, ld, b, ld, col0)
		myCol := k.tx.FMA(4, col0)
		var inside []asm.Reg
		for j := range 4 {
			inside = append(inside, myCol.Add(j).Lt(k.l))
		}
		var y [][]asm.Reg
		if p.gradient {
			y = k.products(a2, ldA2, b2, ldB2, col0)
		}
		if p.normalise {
			for i := range 4 {
				k.softmax(x[i], inside, scale, top[i], sum[i], acc[i])
			}
		} else {
			lses, deltas := rowLSE, rowDelta
			if p.keys {
				lses = k.statistics(lse, myCol)
			}
			if p.keys && p.gradient {
				deltas = k.statistics(delta, myCol)
			}
			k.weights(x, y, inside, scale, lses, deltas)
		}
		for i := range 4 {
			k.StoreV(asm.Shared, k.ty.Shl(2).Add(i).FMA(faPitch, k.tx.Shl(2)).FMA(4, k.w.As(asm.S32)).As(asm.U32), 0, x[i])
		}
		k.multiply(acc, c, ldC, col0)
	})

	for i := range 4 {
		row := myRow.Add(i)
		if p.normalise {
			k.finish(acc[i], top[i], sum[i], lse, row)
		}
		k.store(out, ldOut, row, acc[i])
	}
}

// place finds the block's rows and columns and the thread's place in its tiles, and reserves shared memory.
func (k *attentionFFMA) place(heads, tiles, vectors asm.Reg) {
	k.vectors = vectors.Ne(0)
	block := k.CTAID()
	k.nh = block.Div(tiles)
	k.row0 = block.Sub(k.nh.Mul(tiles)).Mul(faTile)
	k.n = k.nh.Div(heads)
	k.h = k.nh.Sub(k.n.Mul(heads))
	k.slice = k.CTAIDY().Mul(k.width)
	tid, lane, warp := k.TID(), k.Lane(), k.Warp()
	k.tx, k.ty = tid.And(15), tid.Shr(4)
	k.loadRow = lane.And(15).Add(warp.Shr(1).Shl(4))
	k.loadD = lane.Shr(4).Add(warp.And(1).Shl(1)).Shl(2)
	k.a = k.Shared("tile_a", faDeep*faPitch*4, 16)
	k.b = k.Shared("tile_b", faDeep*faPitch*4, 16)
	k.w = k.Shared("tile_w", faTile*faPitch*4, 16)
	k.c = k.Shared("tile_c", faDeep*k.width*4, 16)
}

// head is row 0 of the block's sample in its head.
func (k *attentionFFMA) head(p, ld asm.Reg) asm.Reg {
	return p.Add(k.n.Mul(k.l).MulWide(ld).Add(k.h.MulWide(k.d)).Shl(2).As(asm.U64))
}

// statistics are four numbers, those of the queries from first on, or 0 where there is no such query.
func (k *attentionFFMA) statistics(p, first asm.Reg) (xs []asm.Reg) {
	for i := range 4 {
		query := first.Add(i)
		x := k.Var(asm.F32, 0)
		k.If(query.Lt(k.l), func() { k.Emit("ld.global.f32", x, asm.Addr{Base: p.Index(k.nh.FMA(k.l, query), 4)}) })
		xs = append(xs, x)
	}
	return xs
}

// weights replaces products x by probabilities, or by their gradients, with the statistics of rows or, where these are keys, of columns.
func (k *attentionFFMA) weights(x, y [][]asm.Reg, inside []asm.Reg, scale asm.Reg, lses, deltas []asm.Reg) {
	for i := range 4 {
		for j := range 4 {
			query := i
			if k.keys {
				query = j
			}
			w := inside[j].Select(asm.F32, weight(x[i][j].FMA(scale, lses[query].Neg())), 0)
			if k.gradient {
				w = w.Mul(y[i][j].Sub(deltas[query])).Mul(scale)
			}
			x[i][j] = w
		}
	}
}

// finish divides the thread's part of a row of out by the row's sum, whose log it writes.
func (k *attentionFFMA) finish(acc []asm.Reg, top, sum, lse, row asm.Reg) {
	for lanes := 8; lanes > 0; lanes /= 2 {
		sum = sum.Add(sum.Shuffle("bfly", lanes))
	}
	inverse := sum.Rcp()
	for j := range acc {
		acc[j] = acc[j].Mul(inverse)
	}
	writes := row.Lt(k.l).And(k.tx.Eq(0)).And(k.slice.Eq(0))
	k.If(writes, func() {
		k.Store(asm.Global, lse.Index(k.nh.FMA(k.l, row), 4), 0, sum.Lg2().FMA(math.Ln2, top))
	})
}

// matrix is rows×cols variables that are 0.
func (k *attentionFFMA) matrix(rows, cols int) [][]asm.Reg {
	m := make([][]asm.Reg, rows)
	for i := range m {
		for range cols {
			m[i] = append(m[i], k.Var(asm.F32, 0))
		}
	}
	return m
}

// products is the thread's part of A·Bᵀ, of the block's rows of A and the rows of B from row0 on.
func (k *attentionFFMA) products(a, lda, b, ldb, row0 asm.Reg) [][]asm.Reg {
	x := k.matrix(4, 4)
	k.Repeat(0, k.d, faDeep, func(d0 asm.Reg) {
		k.loadDeep(a, lda, k.row0, d0, k.a)
		k.loadDeep(b, ldb, row0, d0, k.b)
		k.Barrier()
		left, right := k.ty.FMA(16, k.a.As(asm.S32)).As(asm.U32), k.tx.FMA(16, k.b.As(asm.S32)).As(asm.U32)
		for e := range faDeep {
			as := k.LoadV(asm.Shared, asm.F32, 4, left, e*faPitch*4)
			bs := k.LoadV(asm.Shared, asm.F32, 4, right, e*faPitch*4)
			for i := range 4 {
				for j := range 4 {
					x[i][j].Set(as[i].FMA(bs[j], x[i][j]))
				}
			}
		}
		k.Barrier()
	})
	return x
}

// loadDeep copies 64 rows of 16 elements to shared memory, element by element: (faDeep,faPitch).
func (k *attentionFFMA) loadDeep(p, ld, row0, d0, to asm.Reg) {
	row, d := row0.Add(k.loadRow), d0.Add(k.loadD)
	xs := k.load4(p, ld, row, d)
	at := k.loadD.FMA(faPitch, k.loadRow).FMA(4, to.As(asm.S32)).As(asm.U32)
	for j, x := range xs {
		k.Store(asm.Shared, at, 4*j*faPitch, x)
	}
}

// load4 reads elements d to d+3 of a row; outside of the matrix they are 0.
func (k *attentionFFMA) load4(p, ld, row, d asm.Reg) []asm.Reg {
	xs := k.matrix(1, 4)[0]
	at := asm.Addr{Base: p.Index(row.FMA(ld, d), 4)}
	inside := row.Lt(k.l)
	k.IfElse(k.vectors, func() {
		k.When(inside.And(d.Lt(k.d)), func() { k.Emit("ld.global.v4.f32", xs, at) })
	}, func() {
		for j, x := range xs {
			here := inside.And(d.Add(j).Lt(k.d))
			k.When(here, func() { k.Emit("ld.global.f32", x, asm.Addr{Base: at.Base, Offset: 4 * j}) })
		}
	})
	return xs
}

// store writes the thread's part of a row of out.
func (k *attentionFFMA) store(out, ld, row asm.Reg, xs []asm.Reg) {
	k.If(row.Lt(k.l), func() {
		for m := 0; m < len(xs); m += 4 {
			d := k.tx.FMA(4, k.slice.Add(16*m))
			at := out.Index(row.FMA(ld, d), 4)
			k.IfElse(k.vectors, func() {
				k.When(d.Lt(k.d), func() { k.StoreV(asm.Global, at, 0, xs[m:m+4]) })
			}, func() {
				for j := range 4 {
					k.When(d.Add(j).Lt(k.d), func() { k.Store(asm.Global, at, 4*j, xs[m+j]) })
				}
			})
		}
	})
}

// softmax replaces a row's part of X by exp(X·scale − top), 0 outside, after raising top to the row's maximum so far, and scales the sums so far to it.
func (k *attentionFFMA) softmax(x, inside []asm.Reg, scale, top, sum asm.Reg, acc []asm.Reg) {
	highest := top
	for j := range x {
		x[j] = inside[j].Select(asm.F32, x[j].Mul(scale), math.Inf(-1))
		highest = highest.Max(x[j])
	}
	for lanes := 8; lanes > 0; lanes /= 2 {
		highest = highest.Max(highest.Shuffle("bfly", lanes))
	}
	keep := weight(top.Sub(highest))
	top.Set(highest)
	sum.Set(sum.Mul(keep))
	for j := range x {
		x[j] = weight(x[j].Sub(top))
		sum.Set(sum.Add(x[j]))
	}
	for _, a := range acc {
		a.Set(a.Mul(keep))
	}
}

// weight is eˣ of x ≤ 0, within |x|·eˣ·2⁻²⁴ and 2 ulp: little next to the row's sum, which is 1.
func weight(x asm.Reg) asm.Reg { return x.Mul(math.Log2E).Ex2() }

// multiply adds W·C to acc, of the 64 rows of C from row0 on.
func (k *attentionFFMA) multiply(acc [][]asm.Reg, c, ld, row0 asm.Reg) {
	tid := k.ty.FMA(16, k.tx)
	chunks := k.width / 4 // of 16 bytes in a row
	col := tid.And(chunks - 1).Shl(2)
	first := tid.Div(chunks)
	k.For(0, faTile, faDeep, func(j0 asm.Reg) {
		for i := 0; i < chunks*faDeep; i += faThreads {
			row := first.Add(i / chunks)
			xs := k.load4(c, ld, row0.Add(j0).Add(row), k.slice.Add(col))
			k.StoreV(asm.Shared, row.FMA(k.width, col).FMA(4, k.c.As(asm.S32)).As(asm.U32), 0, xs)
		}
		k.Barrier()
		left := k.Var(asm.S32, k.ty.FMA(4*faPitch, j0).FMA(4, k.w.As(asm.S32)))
		right := k.Var(asm.S32, k.tx.FMA(16, k.c.As(asm.S32)))
		k.For(0, faDeep, 4, func(asm.Reg) {
			var ws [][]asm.Reg
			for i := range 4 {
				ws = append(ws, k.LoadV(asm.Shared, asm.F32, 4, left.As(asm.U32), i*faPitch*4))
			}
			for e := range 4 {
				for m := range k.width / 64 {
					cs := k.LoadV(asm.Shared, asm.F32, 4, right.As(asm.U32), (e*k.width+64*m)*4)
					for i := range 4 {
						for j := range 4 {
							acc[i][4*m+j].Set(ws[i][e].FMA(cs[j], acc[i][4*m+j]))
						}
					}
				}
			}
			k.Emit("add.s32", left, left, 16)
			k.Emit("add.s32", right, right, 4*4*k.width)
		})
		k.Barrier()
	})
}
