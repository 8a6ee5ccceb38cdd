package main

import (
	"math"
	"strconv"

	"onestep/kernels/cuda/ptx/build"
)

func init() { files["attention.ptx"] = attention }

// pass is one of the products that attention and its gradient are made of. With X = A·Bᵀ, Y = A2·B2ᵀ and W made of them element by element,
//
//	out = W·C
//
// where rows are queries and columns keys, or the other way round. A column's share is added tile by tile.
type pass struct {
	name      string
	keys      bool // rows are keys: statistics of queries belong to columns
	gradient  bool // W = P·(Y − delta)/√D, and C is B; otherwise W = P, and C is B2
	normalise bool // P is not known from LSE: keep maximum and sum of every row
}

var passes = []pass{
	{name: "attention", normalise: true},               // o = P·v:    A = q, B = k, B2 = v
	{name: "attention_dq", gradient: true},             // dq = dS·k:  A = q, B = k, A2 = do, B2 = v
	{name: "attention_dk", keys: true, gradient: true}, // dk = dSᵀ·q: A = k, B = q, A2 = v, B2 = do
	{name: "attention_dv", keys: true},                 // dv = Pᵀ·do: A = k, B = q, B2 = do
}

func attention() *build.File {
	f := build.NewFile(`attention.ptx: o = softmax(q*k^T/sqrt(D))*v, and its gradient, without an L*L matrix in memory. The gradient's parts dq, dk and dv are
launches of their own, each with P computed again from q, k and the log of its denominator, so that sums have a fixed order and no atomics.
A block makes some rows of the result of one head of one sample and goes through the columns of P in tiles. Blocks are numbered
tile + tiles*(n*H + h) along x; along y is the slice of the head's D elements in the float32 kernels, whose names end in its width.
The float32 kernels multiply with FFMA; exponentials are within |x|*2^-24 of themselves and 2 ulp. The f16 kernels multiply halves on tensor
cores with float32 sums; P and dS are rounded to half between the two products.`)
	for _, p := range passes {
		for _, width := range []int{64, 256} {
			attentionF32(f, p, width)
		}
		for _, c := range p.cuts() {
			attentionF16(f, p, c)
		}
	}
	for _, t := range []build.Type{build.F32, build.F16} {
		attentionDelta(f, t)
	}
	return f
}

// attentionDelta is delta[n,h,l] = Σ_d o·do of the rows (n,l,h), one in a warp.
func attentionDelta(f *build.File, t build.Type) {
	k := f.Kernel("attention_delta_"+t.String(), 256)
	delta, o, do := k.Ptr("delta"), k.Ptr("o"), k.Ptr("do")
	rows, l, h, d := k.I32("rows"), k.I32("l"), k.I32("h"), k.I32("d")
	r := k.CTAID().FMA(8, k.Warp()) // (n,l,h)
	k.Exit(r.Ge(rows))
	lane := k.Lane()
	sum := k.Var(build.F32, 0)
	first := r.MulWide(d.Mul(t.Size())).As(build.U64)
	o, do = o.Add(first), do.Add(first)
	k.For(lane, d, 32, func(i build.Reg) {
		x := loadFloats(k, build.Global, t, 1, o.Index(i, t.Size()), 0)[0]
		y := loadFloats(k, build.Global, t, 1, do.Index(i, t.Size()), 0)[0]
		sum.Set(x.FMA(y, sum))
	})
	sum = total(sum)
	k.Exit(lane.Ne(0))
	nl := r.Div(h)
	n := nl.Div(l)
	k.Store(build.Global, delta.Index(n.FMA(h, r.Sub(nl.Mul(h))).FMA(l, nl.Sub(n.Mul(l))), 4), 0, sum)
}

const (
	faThreads = 256
	faTile    = 64 // rows and columns of a tile
	faDeep    = 16 // elements of D, or columns of W, in shared memory at a time
	faPitch   = faTile + 4
)

// attentionFFMA is a float32 pass being written. Threads are numbered (ty,tx), 16×16; a thread has the rows 4·ty to 4·ty+3 of a tile, of X and Y
// the columns 4·tx to 4·tx+3, and of out the columns 4·tx + 64·m to 4·tx + 64·m + 3.
type attentionFFMA struct {
	*build.Kernel
	pass
	width int

	l, d           build.Reg
	vectors        build.Reg // rows start at multiples of 16 bytes
	n, h, nh       build.Reg
	row0, slice    build.Reg // first row of the block, first of its columns of out
	tx, ty         build.Reg
	loadRow, loadD build.Reg // the thread's place in tiles of faTile×faDeep
	a, b, w, c     build.Reg // shared memory
}

// attentionF32 adds a pass with slices of so many columns of out.
func attentionF32(f *build.File, p pass, width int) {
	name := "_f32_" + strconv.Itoa(width)
	k := &attentionFFMA{Kernel: f.Kernel(p.name+name, faThreads), pass: p, width: width}
	k.MinBlocks(map[int]int{64: 2, 256: 1}[width])
	out, lse, delta := k.Ptr("out"), k.Ptr("lse"), k.Ptr("delta")
	a, b, a2, b2 := k.Ptr("a"), k.Ptr("b"), k.Ptr("a2"), k.Ptr("b2")
	ldOut, ld, ldA2, ldB2 := k.I32("ldout"), k.I32("ld"), k.I32("lda2"), k.I32("ldb2")
	k.l = k.I32("l")
	heads := k.I32("h")
	k.d = k.I32("d")
	tiles, vectors, scale := k.I32("tiles"), k.I32("vectors"), k.F32("scale")

	k.vectors = vectors.Ne(0)
	block := k.CTAID()
	k.nh = block.Div(tiles)
	k.row0 = block.Sub(k.nh.Mul(tiles)).Mul(faTile)
	k.n = k.nh.Div(heads)
	k.h = k.nh.Sub(k.n.Mul(heads))
	k.slice = k.CTAIDY().Mul(width)
	tid, lane, warp := k.TID(), k.Lane(), k.Warp()
	k.tx, k.ty = tid.And(15), tid.Shr(4)
	k.loadRow = lane.And(15).Add(warp.Shr(1).Shl(4))
	k.loadD = lane.Shr(4).Add(warp.And(1).Shl(1)).Shl(2)
	k.a = k.Shared("tile_a", faDeep*faPitch*4, 16)
	k.b = k.Shared("tile_b", faDeep*faPitch*4, 16)
	k.w = k.Shared("tile_w", faTile*faPitch*4, 16)
	k.c = k.Shared("tile_c", faDeep*width*4, 16)
	head := func(p, ld build.Reg) build.Reg { // of the block: row 0 in this head
		return p.Add(k.n.Mul(k.l).MulWide(ld).Add(k.h.MulWide(k.d)).Shl(2).As(build.U64))
	}
	a, b, out = head(a, ld), head(b, ld), head(out, ldOut)
	b2 = head(b2, ldB2)
	if p.gradient {
		a2 = head(a2, ldA2)
	}
	c, ldC := b2, ldB2
	if p.gradient {
		c, ldC = b, ld
	}
	stat := func(p, i build.Reg) build.Reg { // of query i
		x := k.Var(build.F32, 0)
		k.If(i.Lt(k.l), func() { k.Emit("ld.global.f32", x, build.Addr{Base: p.Index(k.nh.FMA(k.l, i), 4)}) })
		return x
	}
	stats := func(p, first build.Reg) (xs []build.Reg) {
		for i := range 4 {
			xs = append(xs, stat(p, first.Add(i)))
		}
		return xs
	}

	acc := k.matrix(4, width/16)
	myRow := k.ty.FMA(4, k.row0)
	var top, sum, rowLSE, rowDelta []build.Reg
	if p.normalise {
		for range 4 {
			top, sum = append(top, k.Var(build.F32, math.Inf(-1))), append(sum, k.Var(build.F32, 0))
		}
	} else if !p.keys {
		rowLSE, rowDelta = stats(lse, myRow), stats(delta, myRow)
	}
	k.Repeat(0, k.l, faTile, func(col0 build.Reg) {
		x := k.products(a, ld, b, ld, col0)
		myCol := k.tx.FMA(4, col0)
		var inside []build.Reg
		for j := range 4 {
			inside = append(inside, myCol.Add(j).Lt(k.l))
		}
		var y [][]build.Reg
		if p.gradient {
			y = k.products(a2, ldA2, b2, ldB2, col0)
		}
		if p.normalise {
			for i := range 4 {
				k.softmax(x[i], inside, scale, top[i], sum[i], acc[i])
			}
		} else {
			var colLSE, colDelta []build.Reg
			if p.keys {
				colLSE = stats(lse, myCol)
			}
			if p.keys && p.gradient {
				colDelta = stats(delta, myCol)
			}
			for i := range 4 {
				for j := range 4 {
					ofLSE, ofDelta := i, i
					lses, deltas := rowLSE, rowDelta
					if p.keys {
						ofLSE, ofDelta, lses, deltas = j, j, colLSE, colDelta
					}
					w := inside[j].Select(build.F32, weight(x[i][j].FMA(scale, lses[ofLSE].Neg())), 0)
					if p.gradient {
						w = w.Mul(y[i][j].Sub(deltas[ofDelta])).Mul(scale)
					}
					x[i][j] = w
				}
			}
		}
		for i := range 4 {
			k.StoreV(build.Shared, k.ty.Shl(2).Add(i).FMA(faPitch, k.tx.Shl(2)).FMA(4, k.w.As(build.S32)).As(build.U32), 0, x[i])
		}
		k.multiply(acc, c, ldC, col0)
	})

	for i := range 4 {
		row := myRow.Add(i)
		if p.normalise {
			for lanes := 8; lanes > 0; lanes /= 2 {
				sum[i] = sum[i].Add(sum[i].Shuffle("bfly", lanes))
			}
			inverse := sum[i].Rcp()
			for j := range acc[i] {
				acc[i][j] = acc[i][j].Mul(inverse)
			}
			writes := row.Lt(k.l).And(k.tx.Eq(0)).And(k.slice.Eq(0))
			k.If(writes, func() {
				k.Store(build.Global, lse.Index(k.nh.FMA(k.l, row), 4), 0, sum[i].Lg2().FMA(math.Ln2, top[i]))
			})
		}
		k.store(out, ldOut, row, acc[i])
	}
}

// matrix is rows×cols variables that are 0.
func (k *attentionFFMA) matrix(rows, cols int) [][]build.Reg {
	m := make([][]build.Reg, rows)
	for i := range m {
		for range cols {
			m[i] = append(m[i], k.Var(build.F32, 0))
		}
	}
	return m
}

// products is the thread's part of A·Bᵀ, of the block's rows of A and the rows of B from row0 on.
func (k *attentionFFMA) products(a, lda, b, ldb, row0 build.Reg) [][]build.Reg {
	x := k.matrix(4, 4)
	k.Repeat(0, k.d, faDeep, func(d0 build.Reg) {
		k.loadDeep(a, lda, k.row0, d0, k.a)
		k.loadDeep(b, ldb, row0, d0, k.b)
		k.Barrier()
		left, right := k.ty.FMA(16, k.a.As(build.S32)).As(build.U32), k.tx.FMA(16, k.b.As(build.S32)).As(build.U32)
		for e := range faDeep {
			as := k.LoadV(build.Shared, build.F32, 4, left, e*faPitch*4)
			bs := k.LoadV(build.Shared, build.F32, 4, right, e*faPitch*4)
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
func (k *attentionFFMA) loadDeep(p, ld, row0, d0, to build.Reg) {
	row, d := row0.Add(k.loadRow), d0.Add(k.loadD)
	xs := k.load4(p, ld, row, d)
	at := k.loadD.FMA(faPitch, k.loadRow).FMA(4, to.As(build.S32)).As(build.U32)
	for j, x := range xs {
		k.Store(build.Shared, at, 4*j*faPitch, x)
	}
}

// load4 reads elements d to d+3 of a row; outside of the matrix they are 0.
func (k *attentionFFMA) load4(p, ld, row, d build.Reg) []build.Reg {
	xs := k.matrix(1, 4)[0]
	at := build.Addr{Base: p.Index(row.FMA(ld, d), 4)}
	inside := row.Lt(k.l)
	k.IfElse(k.vectors, func() {
		k.When(inside.And(d.Lt(k.d)), func() { k.Emit("ld.global.v4.f32", xs, at) })
	}, func() {
		for j, x := range xs {
			here := inside.And(d.Add(j).Lt(k.d))
			k.When(here, func() { k.Emit("ld.global.f32", x, build.Addr{Base: at.Base, Offset: 4 * j}) })
		}
	})
	return xs
}

// store writes the thread's part of a row of out.
func (k *attentionFFMA) store(out, ld, row build.Reg, xs []build.Reg) {
	k.If(row.Lt(k.l), func() {
		for m := 0; m < len(xs); m += 4 {
			d := k.tx.FMA(4, k.slice.Add(16*m))
			at := out.Index(row.FMA(ld, d), 4)
			k.IfElse(k.vectors, func() {
				k.When(d.Lt(k.d), func() { k.StoreV(build.Global, at, 0, xs[m:m+4]) })
			}, func() {
				for j := range 4 {
					k.When(d.Add(j).Lt(k.d), func() { k.Store(build.Global, at, 4*j, xs[m+j]) })
				}
			})
		}
	})
}

// softmax replaces a row's part of X by exp(X·scale − top), 0 outside, after raising top to the row's maximum so far, and scales the sums so far to it.
func (k *attentionFFMA) softmax(x, inside []build.Reg, scale, top, sum build.Reg, acc []build.Reg) {
	highest := top
	for j := range x {
		x[j] = inside[j].Select(build.F32, x[j].Mul(scale), math.Inf(-1))
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
func weight(x build.Reg) build.Reg { return x.Mul(math.Log2E).Ex2() }

// multiply adds W·C to acc, of the 64 rows of C from row0 on.
func (k *attentionFFMA) multiply(acc [][]build.Reg, c, ld, row0 build.Reg) {
	tid := k.ty.FMA(16, k.tx)
	chunks := k.width / 4 // of 16 bytes in a row
	col := tid.And(chunks - 1).Shl(2)
	first := tid.Div(chunks)
	k.For(0, faTile, faDeep, func(j0 build.Reg) {
		for i := 0; i < chunks*faDeep; i += faThreads {
			row := first.Add(i / chunks)
			xs := k.load4(c, ld, row0.Add(j0).Add(row), k.slice.Add(col))
			k.StoreV(build.Shared, row.FMA(k.width, col).FMA(4, k.c.As(build.S32)).As(build.U32), 0, xs)
		}
		k.Barrier()
		left := k.Var(build.S32, k.ty.FMA(4*faPitch, j0).FMA(4, k.w.As(build.S32)))
		right := k.Var(build.S32, k.tx.FMA(16, k.c.As(build.S32)))
		k.For(0, faDeep, 4, func(build.Reg) {
			var ws [][]build.Reg
			for i := range 4 {
				ws = append(ws, k.LoadV(build.Shared, build.F32, 4, left.As(build.U32), i*faPitch*4))
			}
			for e := range 4 {
				for m := range k.width / 64 {
					cs := k.LoadV(build.Shared, build.F32, 4, right.As(build.U32), (e*k.width+64*m)*4)
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
