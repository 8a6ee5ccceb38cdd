package cuda

import (
	"fmt"

	"onestep/kernels/cuda/asm"
)

var productPTX = &family{name: "product", about: `
what products of matrices need besides themselves.
reduce_4:    out[row(m),n] = max(scale*(sum over s of parts[s,m,n] + bias[n] + residual[row(m),n]), floor), s in order, for m < rows, n < cols;
             with m = (a,b,c) in a grid (..,grid_b,grid_c), row(m) = first + a*step_a + b*step_b + c*step_c, and nothing where c >= keep;
             or, as types says, with a mask in place of the residual: scale*(...), 0 where the mask is not positive.
             A thread makes four elements, of rows that begin at multiples of as many; or one (reduce).
pad:         out[a,b,c] = x[a*step_a + b*step_b + c*step_c] where b < rows and c < cols, else 0, in a grid (..,grid_b,16 bytes*grid_c).
             A thread makes 16 bytes.
column_sums: out[y,n] = sum of x[m,n] over the y-th run of rows m, in an order that depends on the length of the run alone.
             A thread makes 16 bytes of columns, or one column (any), from every 32nd or 8th row; these are then added up in pairs.
column_sums_end: out[n] = scale times the sum over y of parts[y,n]. A thread has every 16th y of a column; these are then added up in order.`}

func init() {
	productPTX.all(func(add func(*Kernel)) {
		add(reduceKernel(4))
		add(reduceKernel(1))
		for _, t := range floats {
			add(padKernel(t))
		}
		for _, i := range []int{0, 1} {
			for _, t := range floats {
				add(columnSumsKernel(widths(t)[i]))
			}
		}
		for _, t := range floats {
			add(columnSumsEndKernel(t))
		}
	})
}

// reduceKernel adds up parts of C, so many elements a thread.
func reduceKernel(width int) *Kernel {
	name := "product_reduce"
	if width > 1 {
		name += fmt.Sprintf("_%d", width)
	}
	return productPTX.kernelOf("ends of split products", name, 256, func(k *asm.Kernel) { writeReduce(k, width) })
}

func padKernel(t asm.Type) *Kernel {
	return productPTX.kernelOf("padding", typed("product_pad", t), 256, func(k *asm.Kernel) { writePad(k, t) })
}

func columnSumsKernel(c chunk) *Kernel {
	return productPTX.kernelOf("bias gradients", "product_column_sums"+c.suffix(), columnSumsThreads, func(k *asm.Kernel) { writeColumnSums(k, c) })
}

func columnSumsEndKernel(t asm.Type) *Kernel {
	return productPTX.kernelOf("bias gradients", typed("product_column_sums_end", t), 32*columnSumsEndWarps, func(k *asm.Kernel) { writeColumnSumsEnd(k, t) })
}

// The bits of reduce's parameter "types".
const (
	halfOut      = 1
	halfBias     = 2
	halfResidual = 4
	maskResidual = 8 // the residual is a mask
)

func writeReduce(k *asm.Kernel, width int) {
	out, parts, bias, residual := k.Ptr("out"), k.Ptr("parts"), k.Ptr("bias"), k.Ptr("residual")
	scale, floor, types := k.F32("scale"), k.F32("floor"), k.I32("types")
	count, rows, cols, stride, ld := k.I32("count"), k.I32("rows"), newDivider(k, "cols"), k.I32("stride"), k.I32("ld")
	gridB, gridC := newDivider(k, "grid_b"), newDivider(k, "grid_c")
	first, stepA, stepB, stepC, keep := k.I32("first"), k.I32("step_a"), k.I32("step_b"), k.I32("step_c"), k.I32("keep")

	e := k.GlobalIndex()
	m, n := cols.split(e) // cols counts as many elements as a thread makes
	n = n.Mul(width)
	rest, c := gridC.split(m)
	a, b := gridB.split(rest)
	k.Exit(m.Ge(rows).Or(c.Ge(keep)))
	at := k.Var(asm.U64, parts.Add(m.MulWide(stride).Add(n.MulWide(1)).Shl(2).As(asm.U64)))
	step := rows.MulWide(stride).Shl(2)
	sums := variables(k, width, 0)
	k.For(0, count, 1, func(asm.Reg) {
		for i, x := range loadFloats(k, asm.Global, asm.F32, width, at, 0) {
			sums[i].Set(sums[i].Add(x))
		}
		k.Emit("add.s64", at, at, step)
	})
	read := func(from asm.Reg, index asm.Reg, half int) []asm.Reg {
		xs := variables(k, width, 0)
		set := func(t asm.Type) {
			for i, x := range loadFloats(k, asm.Global, t, width, from.Add(index.Shl(log2(t.Size())).As(asm.U64)), 0) {
				xs[i].Set(x)
			}
		}
		k.If(from.Ne(0), func() {
			k.IfElse(types.And(half).Ne(0), func() { set(asm.F16) }, func() { set(asm.F32) })
		})
		return xs
	}
	row := a.FMA(stepA, first).Add(b.Mul(stepB)).Add(c.Mul(stepC))
	index := row.MulWide(ld).Add(n.MulWide(1))
	biases, others, masks := read(bias, n.MulWide(1), halfBias), read(residual, index, halfResidual), types.And(maskResidual).Ne(0)
	ys := make([]asm.Reg, width)
	for i, sum := range sums {
		sum = sum.Add(biases[i]).Add(masks.Select(asm.F32, 0, others[i]))
		y := k.Op("max.NaN.f32", asm.F32, sum.Mul(scale), floor)
		ys[i] = masks.And(others[i].Gt(0).Not()).Select(asm.F32, 0, y)
	}
	store := func(t asm.Type) {
		storeFloats(k, asm.Global, t, out.Add(index.Shl(log2(t.Size())).As(asm.U64)), 0, ys)
	}
	k.IfElse(types.And(halfOut).Ne(0), func() { store(asm.F16) }, func() { store(asm.F32) })
}

const columnSumsEndWarps = 16

// writeColumnSumsEnd has blocks of 32 columns, with a lane each; warp j adds the parts j, j+16, ...
func writeColumnSumsEnd(k *asm.Kernel, t asm.Type) {
	const warps = columnSumsEndWarps
	out, parts, scale, count, n := k.Ptr("out"), k.Ptr("parts"), k.F32("scale"), k.I32("count"), k.I32("n")
	lane, warp := k.Lane(), k.Warp()
	col := k.CTAID().FMA(32, lane)
	inside := col.Lt(n)
	sum := k.Var(asm.F32, 0)
	k.If(inside, func() {
		k.For(warp, count, warps, func(y asm.Reg) {
			sum.Set(sum.Add(k.Load(asm.Global, asm.F32, parts.Index(y.FMA(n, col), 4), 0)))
		})
	})
	sums := k.Shared("sums", 32*warps*4, 4)
	k.Store(asm.Shared, sums.Index(k.TID(), 4), 0, sum)
	k.Barrier()
	k.Exit(inside.And(warp.Eq(0)).Not())
	for j := 1; j < warps; j++ {
		sum.Set(sum.Add(k.Load(asm.Shared, asm.F32, sums.Index(lane, 4), 128*j)))
	}
	k.Store(asm.Global, out.Index(col, t.Size()), 0, sum.Mul(scale).To(t))
}

// writePad makes a chunk of 16 bytes a thread; grid_c counts chunks.
func writePad(k *asm.Kernel, t asm.Type) {
	if t == asm.F16 { // whose bits are only moved
		t = asm.B16
	}
	out, x := k.Ptr("out"), k.Ptr("x")
	chunks, rows, cols := k.I32("chunks"), k.I32("rows"), k.I32("cols")
	gridB, gridC := newDivider(k, "grid_b"), newDivider(k, "grid_c")
	stepA, stepB, stepC := k.I32("step_a"), k.I32("step_b"), k.I32("step_c")

	e := k.GlobalIndex()
	k.Exit(e.Ge(chunks))
	rest, chunk := gridC.split(e)
	a, b := gridB.split(rest)
	n := 16 / t.Size()
	c := chunk.Mul(n)
	row := a.MulWide(stepA).Add(b.MulWide(stepB))
	within := b.Lt(rows)
	v := k.News(t, n)
	for i, r := range v {
		k.Emit(fmt.Sprintf("mov.b%d", 8*t.Size()), r, zeroOf(t))
		from := x.Add(row.Add(c.Add(i).MulWide(stepC)).Shl(log2(t.Size())).As(asm.U64))
		k.When(within.And(c.Lt(cols.Sub(i))), func() { k.Emit("ld.global."+t.String(), r, asm.Addr{Base: from}) })
	}
	if t == asm.F32 {
		k.StoreV(asm.Global, out.Index(e, 16), 0, v)
		return
	}
	packed := k.News(asm.B32, 4)
	for i, r := range packed {
		k.Emit("mov.b32", r, v[2*i:][:2])
	}
	k.StoreV(asm.Global, out.Index(e, 16), 0, packed)
}

const columnSumsThreads = 256

// columnLanes is how many threads of column sums have neighbouring columns, or chunks of them.
func columnLanes(c chunk) int {
	if c.width == 1 {
		return 32
	}
	return 8
}

// writeColumnSums has threads for lanes neighbouring chunks of columns, and rows of these below each other, of which each adds up every so
// many, four at a time.
func writeColumnSums(k *asm.Kernel, c chunk) {
	const threads, unroll = columnSumsThreads, 4
	t, width, lanes := c.t, c.width, columnLanes(c)
	rows := threads / lanes
	out, x := k.Ptr("out"), k.Ptr("x")
	m, n, run := k.I32("m"), k.I32("n"), k.I32("run")

	tid := k.TID()
	row := tid.Shr(log2(lanes))
	col := k.CTAID().FMA(lanes, tid.And(lanes-1)).Mul(width)
	sums := make([]asm.Reg, width)
	for i := range sums {
		sums[i] = k.Var(asm.F32, 0)
	}
	first := k.CTAIDY().Mul(run)
	end := first.Add(run).Min(m)
	k.If(col.Lt(n), func() {
		i := k.Var(asm.S32, first.Add(row))
		at := k.Var(asm.U64, x.Add(i.MulWide(n).Add(col.MulWide(1)).Shl(log2(t.Size())).As(asm.U64)))
		step := n.MulWide(rows * t.Size())
		k.While(func() asm.Reg { return i.Lt(end) }, func() {
			var loaded [unroll][]asm.Reg
			for u := range unroll {
				loaded[u] = loadRow(k, t, width, at, i.Lt(end))
				k.Emit("add.s64", at, at, step)
				k.Emit("add.s32", i, i, rows)
			}
			for _, l := range loaded {
				for j, v := range unpackRow(k, t, l) {
					sums[j].Set(sums[j].Add(v))
				}
			}
		})
	})
	shared := k.Shared("sums", 4*width*threads, 16)
	own := shared.Index(tid, 4)
	for j, s := range sums {
		k.Store(asm.Shared, own, 4*threads*j, s)
	}
	for half := rows / 2; half > 0; half /= 2 {
		k.Barrier()
		k.If(row.Lt(half), func() {
			for j, s := range sums {
				s.Set(s.Add(k.Load(asm.Shared, asm.F32, own, 4*threads*j+4*lanes*half)))
				k.Store(asm.Shared, own, 4*threads*j, s)
			}
		})
	}
	k.If(row.Eq(0).And(col.Lt(n)), func() {
		to := out.Index(k.CTAIDY().FMA(n, col), 4)
		for j, s := range sums {
			k.Store(asm.Global, to, 4*j, s)
		}
	})
}

// loadRow reads an element, or 16 bytes of them, if ok; zeros otherwise.
func loadRow(k *asm.Kernel, t asm.Type, width int, at, ok asm.Reg) []asm.Reg {
	op, load := "ld.global.b16", asm.B16
	n := 1
	switch {
	case width > 1:
		op, load, n = "ld.global.v4.b32", asm.B32, 4
	case t == asm.F32:
		op, load = "ld.global.b32", asm.B32
	}
	rs := k.News(load, n)
	for _, r := range rs {
		k.Emit(fmt.Sprintf("mov.b%d", 8*load.Size()), r, 0)
	}
	k.When(ok, func() { k.Emit(op, list(rs), asm.Addr{Base: at}) })
	return rs
}

// unpackRow is what loadRow read as float32.
func unpackRow(k *asm.Kernel, t asm.Type, rs []asm.Reg) (values []asm.Reg) {
	for _, r := range rs {
		switch {
		case t == asm.F32:
			values = append(values, r.Bits(asm.F32))
		case r.Type == asm.B16:
			values = append(values, r.As(asm.F16).To(asm.F32))
		default:
			lo, hi := k.Unpack(r)
			values = append(values, lo, hi)
		}
	}
	return values
}

// list is an operand of one register, or of several.
func list(rs []asm.Reg) any {
	if len(rs) == 1 {
		return rs[0]
	}
	return rs
}

func zeroOf(t asm.Type) any {
	if t == asm.F32 {
		return "0f00000000"
	}
	return 0
}
