package main

import "onestep/kernels/cuda/ptx/build"

func init() { files["product.ptx"] = productHelpers }

// productHelpers are the small kernels around a product.
func productHelpers() *build.File {
	f := build.NewFile(`product.ptx: what products of matrices need besides themselves, every thread making one element (reduce, pad) or one sum (column_sums).
reduce:      out[row(m),n] = max(scale*(sum over s of parts[s,m,n] + bias[n] + residual[row(m),n]), floor), s in order, for m < rows, n < cols;
             with m = (a,b,c) in a grid (..,grid_b,grid_c), row(m) = first + a*step_a + b*step_b + c*step_c, and nothing where c >= keep.
pad:         out[a,b,c] = x[a*step_a + b*step_b + c*step_c] where b < rows and c < cols, else 0, in a grid (..,grid_b,grid_c).
column_sums: out[y,n] = sum of x[m,n] over the y-th run of rows m, by 8 threads that take every 8th and add up in pairs.`)
	reduce(f)
	pad(f, "f32", build.F32)
	pad(f, "f16", build.B16)
	columnSums(f, "f32", build.F32)
	columnSums(f, "f16", build.F16)
	return f
}

// The bits of reduce's parameter "types".
const (
	halfOut      = 1
	halfBias     = 2
	halfResidual = 4
)

func reduce(f *build.File) {
	k := f.Kernel("product_reduce", 256)
	out, parts, bias, residual := k.Ptr("out"), k.Ptr("parts"), k.Ptr("bias"), k.Ptr("residual")
	scale, floor, types := k.F32("scale"), k.F32("floor"), k.I32("types")
	count, rows, cols, stride, ld := k.I32("count"), k.I32("rows"), newDivider(k, "cols"), k.I32("stride"), k.I32("ld")
	gridB, gridC := newDivider(k, "grid_b"), newDivider(k, "grid_c")
	first, stepA, stepB, stepC, keep := k.I32("first"), k.I32("step_a"), k.I32("step_b"), k.I32("step_c"), k.I32("keep")

	e := k.GlobalIndex()
	m, n := cols.split(e)
	rest, c := gridC.split(m)
	a, b := gridB.split(rest)
	k.Exit(m.Ge(rows).Or(c.Ge(keep)))
	at := k.Var(build.U64, parts.Add(m.MulWide(stride).Add(n.MulWide(1)).Shl(2).As(build.U64)))
	step := rows.MulWide(stride).Shl(2)
	sum := k.Var(build.F32, 0)
	k.For(0, count, 1, func(build.Reg) {
		sum.Set(sum.Add(k.Load(build.Global, build.F32, at, 0)))
		k.Emit("add.s64", at, at, step)
	})
	add := func(from build.Reg, index build.Reg, half int) {
		k.If(from.Ne(0), func() {
			k.IfElse(types.And(half).Ne(0),
				func() {
					p := from.Add(index.Shl(1).As(build.U64))
					sum.Set(sum.Add(k.Load(build.Global, build.F16, p, 0).To(build.F32)))
				},
				func() {
					p := from.Add(index.Shl(2).As(build.U64))
					sum.Set(sum.Add(k.Load(build.Global, build.F32, p, 0)))
				})
		})
	}
	row := a.FMA(stepA, first).Add(b.Mul(stepB)).Add(c.Mul(stepC))
	index := row.MulWide(ld).Add(n.MulWide(1))
	add(bias, n.MulWide(1), halfBias)
	add(residual, index, halfResidual)
	y := k.Op("max.NaN.f32", build.F32, sum.Mul(scale), floor)
	k.IfElse(types.And(halfOut).Ne(0),
		func() { k.Store(build.Global, out.Add(index.Shl(1).As(build.U64)), 0, y.To(build.F16)) },
		func() { k.Store(build.Global, out.Add(index.Shl(2).As(build.U64)), 0, y) })
}

func pad(f *build.File, name string, t build.Type) {
	k := f.Kernel("product_pad_"+name, 256)
	out, x := k.Ptr("out"), k.Ptr("x")
	size, rows, cols := k.I32("size"), k.I32("rows"), k.I32("cols")
	gridB, gridC := newDivider(k, "grid_b"), newDivider(k, "grid_c")
	stepA, stepB, stepC := k.I32("step_a"), k.I32("step_b"), k.I32("step_c")

	e := k.GlobalIndex()
	k.Exit(e.Ge(size))
	rest, c := gridC.split(e)
	a, b := gridB.split(rest)
	v := k.New(t)
	if t == build.F32 {
		v.Set(0)
	} else {
		k.Emit("mov.b16", v, 0)
	}
	from := a.MulWide(stepA).Add(b.MulWide(stepB)).Add(c.MulWide(stepC)).Shl(log2(t.Size()))
	k.When(b.Lt(rows).And(c.Lt(cols)), func() {
		k.Emit("ld.global."+t.String(), v, build.Addr{Base: x.Add(from.As(build.U64))})
	})
	k.Store(build.Global, out.Index(e, t.Size()), 0, v)
}

// columnSums has 32 neighbouring columns a block, in 8 rows at a time.
func columnSums(f *build.File, name string, t build.Type) {
	const columns, rows = 32, 8
	k := f.Kernel("product_column_sums_"+name, columns*rows)
	out, x := k.Ptr("out"), k.Ptr("x")
	m, n, run := k.I32("m"), k.I32("n"), k.I32("run")

	tid := k.TID()
	lane, row := tid.And(columns-1), tid.Shr(log2(columns))
	col := k.CTAID().FMA(columns, lane)
	sum := k.Var(build.F32, 0)
	first := k.CTAIDY().Mul(run)
	end := first.Add(run).Min(m)
	k.If(col.Lt(n), func() {
		i := k.Var(build.S32, first.Add(row))
		k.While(func() build.Reg { return i.Lt(end) }, func() {
			at := x.Add(i.MulWide(n).Add(col.MulWide(1)).Shl(log2(t.Size())).As(build.U64))
			sum.Set(sum.Add(k.Load(build.Global, t, at, 0).To(build.F32)))
			k.Emit("add.s32", i, i, rows)
		})
	})
	shared := k.Shared("sums", 4*columns*rows, 16)
	own := shared.Index(tid, 4)
	k.Store(build.Shared, own, 0, sum)
	for half := rows / 2; half > 0; half /= 2 {
		k.Barrier()
		k.If(row.Lt(half), func() {
			sum.Set(sum.Add(k.Load(build.Shared, build.F32, own, 4*columns*half)))
			k.Store(build.Shared, own, 0, sum)
		})
	}
	k.If(row.Eq(0).And(col.Lt(n)), func() {
		k.Store(build.Global, out.Index(k.CTAIDY().FMA(n, col), 4), 0, sum)
	})
}
