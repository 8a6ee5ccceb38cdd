package main

import "onestep/kernels/cuda/ptx/build"

// The bits of a product's parameter "types".
const (
	wideOut  = 1 // C and the residual are float32, not halves
	wideBias = 2 // the bias is
	vectorC  = 4 // C's and the residual's rows start at multiples of 16 bytes, and their length is one
)

// epilogue is what is done to C before it is stored. The bias and the residual may be null; C's rows, and the residual's, are ld apart.
//
// The warps put their sums into shared memory, where the slices were, and then store whole rows.
type epilogue struct {
	out, bias, residual build.Reg
	scale, floor        build.Reg
	ld, types           build.Reg

	layout
	wide, hasResidual build.Reg
}

func newEpilogue(k *build.Kernel, residual string) epilogue {
	return epilogue{
		out: k.Ptr("out"), bias: k.Ptr("bias"), residual: k.Ptr(residual), scale: k.F32("scale"), floor: k.F32("floor"),
		ld: k.I32("ld"), types: k.I32("types"),
	}
}

// sums is how a part of C lies in shared memory: as many rows as fit. Tensor cores write four rows at a
// time, 32 bytes in each; ffma, one of 128 bytes or two of 64 that are four apart.
func (p *product) sums() layout {
	l := layout{rows: p.tile.m, rowBytes: p.tile.n * 4, mask: 3, left: 1}
	if p.arithmetic == ffma {
		l.shift, l.mask, l.left = 2, 1, 2
	}
	for l.rows*l.rowBytes > p.stages*p.stageBytes() {
		l.rows /= 2
	}
	if l.rowBytes == 64 {
		l.shift, l.mask = 1, 1
	}
	return l
}

// store finishes and stores C, a part after the other. Block (x,y) writes the y-th C, of those that lie one behind the other.
func (e *epilogue) store(p *product, mul multiplier) {
	e.layout = p.sums()
	e.wide, e.hasResidual = e.types.And(wideOut).Ne(0), e.residual.Ne(0)
	e.out = e.out.Add(p.CTAIDY().Mul(p.m).MulWide(e.ld.Shl(2)).As(build.U64))
	p.WaitCopies(0)
	for first := 0; first < p.tile.m; first += e.rows {
		p.Barrier()
		if e.rows == p.tile.m {
			mul.spill(p, e.layout, p.warpM)
		} else {
			p.If(p.warpM.Shr(log2(e.rows)).Eq(first/e.rows), func() { mul.spill(p, e.layout, p.warpM.And(e.rows-1)) })
		}
		p.Barrier()
		p.IfElse(e.types.And(vectorC).Ne(0), func() {
			if p.arithmetic != tensor {
				e.float32s(p, first)
				return
			}
			p.IfElse(e.wide, func() { e.float32s(p, first) }, func() { e.halves(p, first) })
		}, func() { e.elements(p, first) })
	}
}

// strip is a few neighbouring elements of a row of C.
type strip struct {
	ok             build.Reg // it is within C
	out, residual  build.Reg // addresses
	shared         build.Reg // of the sums
	xor, addShared int
}

// strips gives every thread strips of so many elements below each other, several at a time, in the part of C that begins at a row of the tile.
func (e *epilogue) strips(p *product, first, width, size, unroll int, prepare func(col build.Reg), do func([]strip)) {
	per := p.tile.n / width
	step := p.threads() / per
	unroll = min(unroll, e.rows/step)
	col := p.tid.And(per - 1).Mul(width)
	tileCol := p.tileN.Add(col)
	inRow := tileCol.Lt(p.n)
	prepare(tileCol)
	p.For(0, e.rows, step*unroll, func(i build.Reg) {
		row := i.Add(p.tid.Shr(log2(per)))
		shared := e.at(p.shared, row, col.Shl(2))
		var ss []strip
		for u := range unroll {
			r := p.tileM.Add(row).Add(first + u*step)
			offset := r.MulWide(e.ld).Add(tileCol.MulWide(1)).Shl(log2(size)).As(build.U64)
			s := strip{ok: inRow.And(r.Lt(p.m)), out: e.out.Add(offset), residual: e.residual.Add(offset), shared: shared}
			s.xor, s.addShared = e.step(u*step, 0)
			ss = append(ss, s)
		}
		do(ss)
	})
}

// biases is the bias of n columns; zero without one, and beyond the last column.
func (e *epilogue) biases(p *product, col build.Reg, n int) []build.Reg {
	bias := variables(p.Kernel, n, 0)
	p.If(e.bias.Ne(0), func() {
		load := func(t build.Type) {
			from := e.bias.Index(col, t.Size())
			for i, b := range bias {
				p.When(col.Lt(p.n.Sub(i)), func() { b.Set(p.Load(build.Global, t, from, i*t.Size()).To(build.F32)) })
			}
		}
		if p.arithmetic != tensor {
			load(build.F32)
			return
		}
		p.IfElse(e.types.And(wideBias).Ne(0), func() { load(build.F32) }, func() { load(build.F16) })
	})
	return bias
}

// finish is max(scale·(c + bias + residual), floor), and NaN if that is; with a mask in place of the residual scale·(c + bias), or 0.
func (e *epilogue) finish(p *product, c, bias, residual build.Reg) build.Reg {
	if p.masks {
		return residual.Gt(0).Select(build.F32, c.Add(bias).Mul(e.scale), 0)
	}
	return p.Op("max.NaN.f32", build.F32, c.Add(bias).Add(residual).Mul(e.scale), e.floor)
}

// float32s stores four elements at a time.
func (e *epilogue) float32s(p *product, first int) {
	var bias []build.Reg
	e.strips(p, first, 4, 4, 4, func(col build.Reg) { bias = e.biases(p, col, 4) }, func(ss []strip) {
		residual := make([][]build.Reg, len(ss))
		for i := range ss {
			residual[i] = variables(p.Kernel, 4, p.without())
		}
		p.If(e.hasResidual, func() {
			for i, s := range ss {
				p.When(s.ok, func() { p.Emit("ld.global.v4.f32", residual[i], build.Addr{Base: s.residual}) })
			}
		})
		for i, s := range ss {
			y := p.LoadV(build.Shared, build.F32, 4, xored(s.shared, s.xor), s.addShared)
			for j := range y {
				y[j] = e.finish(p, y[j], bias[j], residual[i][j])
			}
			p.When(s.ok, func() { p.StoreV(build.Global, s.out, 0, y) })
		}
	})
}

// halves stores eight elements at a time. Of their two chunks in shared memory every other four lanes take the second first, so that eight lanes
// do not meet in a bank.
func (e *epilogue) halves(p *product, first int) {
	var bias []build.Reg
	swapped := p.lane.And(4)
	swap := swapped.Ne(0)
	e.strips(p, first, 8, 2, 4, func(col build.Reg) { bias = e.biases(p, col, 8) }, func(ss []strip) {
		residual := make([][]build.Reg, len(ss))
		for i := range ss {
			residual[i] = variables(p.Kernel, 8, p.without())
		}
		p.If(e.hasResidual, func() {
			for i, s := range ss {
				packed := p.News(build.B32, 4)
				for j := range packed {
					packed[j].Set(0)
				}
				p.When(s.ok, func() { p.Emit("ld.global.v4.b32", packed, build.Addr{Base: s.residual}) })
				for j, r := range packed {
					lo, hi := p.Unpack(r)
					residual[i][2*j].Set(lo)
					residual[i][2*j+1].Set(hi)
				}
			}
		})
		for i, s := range ss {
			at := xored(s.shared, s.xor).Xor(swapped.Shl(2))
			one := p.LoadV(build.Shared, build.F32, 4, at, s.addShared)
			two := p.LoadV(build.Shared, build.F32, 4, at.Xor(16), s.addShared)
			var y []build.Reg
			for j := range 4 {
				y = append(y, swap.Select(build.F32, two[j], one[j]))
			}
			for j := range 4 {
				y = append(y, swap.Select(build.F32, one[j], two[j]))
			}
			for j := range y {
				y[j] = e.finish(p, y[j], bias[j], residual[i][j])
			}
			packed := make([]build.Reg, 4)
			for j := range packed {
				packed[j] = p.Pack(y[2*j], y[2*j+1])
			}
			p.When(s.ok, func() { p.StoreV(build.Global, s.out, 0, packed) })
		}
	})
}

// elements stores one element at a time, of either type.
func (e *epilogue) elements(p *product, first int) {
	store := func(t build.Type) {
		var bias []build.Reg
		e.strips(p, first, 1, t.Size(), 1, func(col build.Reg) { bias = e.biases(p, col, 1) }, func(ss []strip) {
			s := ss[0]
			residual := p.Var(build.F32, p.without())
			p.When(s.ok.And(e.hasResidual), func() { residual.Set(p.Load(build.Global, t, s.residual, 0).To(build.F32)) })
			y := e.finish(p, p.Load(build.Shared, build.F32, xored(s.shared, s.xor), s.addShared), bias[0], residual).To(t)
			p.When(s.ok, func() { p.Store(build.Global, s.out, 0, y) })
		})
	}
	if p.arithmetic != tensor {
		store(build.F32)
		return
	}
	p.IfElse(e.wide, func() { store(build.F32) }, func() { store(build.F16) })
}

// without is what stands for a residual or mask that is not given.
func (p *product) without() int {
	if p.masks {
		return 1
	}
	return 0
}
