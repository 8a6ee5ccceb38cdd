package cuda

import (
	"fmt"

	"onestep/kernels/cuda/asm"
)

// The bits of a product's parameter "types".
const (
	wideOut  = 1 // C and the residual are float32, not halves
	wideBias = 2 // the bias is
	vectorC  = 4 // C's and the residual's rows start at multiples of 16 bytes, and their length is one
)

// finishing says what an operation's products do to C before they store it.
type finishing struct {
	bias, residual bool
	mask           bool // C is 0 where the mask is not positive
	scale, floor   bool
}

// epilogue is what is done to C before it is stored. The bias and the residual or mask may be null; C's rows, and the residual's, are ld apart.
//
// The warps put their sums into shared memory, where the slices were, and then store whole rows.
type epilogue struct {
	does         finishing
	out          asm.Reg
	bias, other  asm.Reg // the other is the residual or the mask
	scale, floor asm.Reg
	ld, types    asm.Reg

	layout
	wide, hasOther asm.Reg
}

func newEpilogue(k *asm.Kernel, does finishing) epilogue {
	e := epilogue{does: does, out: k.Ptr("out")}
	if does.bias {
		e.bias = k.Ptr("bias")
	}
	if does.residual {
		e.other = k.Ptr("residual")
	}
	if does.mask {
		e.other = k.Ptr("mask")
	}
	if does.scale {
		e.scale = k.F32("scale")
	}
	if does.floor {
		e.floor = k.F32("floor")
	}
	e.ld, e.types = k.I32("ld"), k.I32("types")
	return e
}

// hasOther says whether there is a residual or a mask.
func (d finishing) hasOther() bool { return d.residual || d.mask }

// sums is how a part of C lies in shared memory: as many rows as fit. Tensor cores write four rows at a
// time, 32 bytes in each; ffma, one of 128 bytes or two of 64 that are four apart.
func (p *productKernel) sums() layout {
	l := layout{rows: p.tile.m, rowBytes: p.tile.n * 4, mask: 3, left: 1}
	if p.arithmetic == ffma {
		l.shift, l.mask, l.left = 2, 1, 2
	}
	for l.rows*l.rowBytes > p.tile.shared() {
		l.rows /= 2
	}
	if l.rowBytes == 64 {
		l.shift, l.mask = 1, 1
	}
	return l
}

// store finishes and stores C, a part after the other. Block (x,y) writes the y-th C, of those that lie one behind the other.
func (e *epilogue) store(p *productKernel, mul multiplier) {
	e.layout = p.sums()
	if p.arithmetic == tensor {
		e.wide = e.types.And(wideOut).Ne(0)
	}
	if e.does.hasOther() {
		e.hasOther = e.other.Ne(0)
	}
	e.out = e.out.Add(p.CTAIDY().Mul(p.m).MulWide(e.ld.Shl(2)).As(asm.U64))
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
	ok             asm.Reg // it is within C
	out, other     asm.Reg // addresses
	shared         asm.Reg // of the sums
	xor, addShared int
}

// strips gives every thread strips of so many elements below each other, several at a time, in the part of C that begins at a row of the tile.
func (e *epilogue) strips(p *productKernel, first, width, size, unroll int, prepare func(col, inRow asm.Reg), do func([]strip)) {
	per := p.tile.n / width
	step := p.threads() / per
	unroll = min(unroll, e.rows/step)
	col := p.tid.And(per - 1).Mul(width)
	tileCol := p.tileN.Add(col)
	inRow := tileCol.Lt(p.n)
	prepare(tileCol, inRow)
	p.For(0, e.rows, step*unroll, func(i asm.Reg) {
		row := i.Add(p.tid.Shr(log2(per)))
		shared := e.at(p.shared, row, col.Shl(2))
		var ss []strip
		for u := range unroll {
			r := p.tileM.Add(row).Add(first + u*step)
			offset := r.MulWide(e.ld).Add(tileCol.MulWide(1)).Shl(log2(size)).As(asm.U64)
			s := strip{ok: inRow.And(r.Lt(p.m)), out: e.out.Add(offset), shared: shared}
			if e.does.hasOther() {
				s.other = e.other.Add(offset)
			}
			s.xor, s.addShared = e.step(u*step, 0)
			ss = append(ss, s)
		}
		do(ss)
	})
}

// biases is the bias of n columns, if there are any, all inRow or none: zero where it is null, and beyond the last column. C that has room for more
// columns than there are has no bias.
func (e *epilogue) biases(p *productKernel, col, inRow asm.Reg, n int) []asm.Reg {
	if !e.does.bias {
		return nil
	}
	bias := variables(p.Kernel, n, 0)
	p.If(e.bias.Ne(0).And(inRow), func() {
		load := func(t asm.Type) {
			from := e.bias.Index(col, t.Size())
			for i, b := range bias {
				b.Set(p.Load(asm.Global, t, from, i*t.Size()).To(asm.F32))
			}
		}
		if p.arithmetic != tensor {
			load(asm.F32)
			return
		}
		p.IfElse(e.types.And(wideBias).Ne(0), func() { load(asm.F32) }, func() { load(asm.F16) })
	})
	return bias
}

// others are the residuals or masks of strips, as many registers of a type for each: where they are null or beyond C, what makes no difference.
func (e *epilogue) others(p *productKernel, ss []strip, t asm.Type, n int) [][]asm.Reg {
	others := make([][]asm.Reg, len(ss))
	if !e.does.hasOther() {
		return others
	}
	for i := range ss {
		others[i] = p.News(t, n)
		for _, r := range others[i] {
			r.Set(e.without(t))
		}
	}
	p.If(e.hasOther, func() {
		for i, s := range ss {
			p.When(s.ok, func() { p.Emit(fmt.Sprintf("ld.global.v%d.%v", n, t), others[i], asm.Addr{Base: s.other}) })
		}
	})
	return others
}

// without is what stands for a residual or mask that is not given.
func (e *epilogue) without(t asm.Type) int {
	switch {
	case e.does.residual:
		return 0
	case t == asm.B32:
		return 0x3C003C00 // two halves
	}
	return 1
}

// finish is max(scale·(c + bias + residual), floor), and NaN if that is, of those that there are; with a mask 0 where it is not positive.
func (e *epilogue) finish(p *productKernel, c, bias, other []asm.Reg) []asm.Reg {
	ys := make([]asm.Reg, len(c))
	for j, y := range c {
		if e.does.bias {
			y = y.Add(bias[j])
		}
		if e.does.residual {
			y = y.Add(other[j])
		}
		if e.does.scale {
			y = y.Mul(e.scale)
		}
		if e.does.floor {
			y = p.Op("max.NaN.f32", asm.F32, y, e.floor)
		}
		if e.does.mask {
			y = other[j].Gt(0).Select(asm.F32, y, 0)
		}
		ys[j] = y
	}
	return ys
}

// float32s stores four elements at a time.
func (e *epilogue) float32s(p *productKernel, first int) {
	var bias []asm.Reg
	e.strips(p, first, 4, 4, 4, func(col, inRow asm.Reg) { bias = e.biases(p, col, inRow, 4) }, func(ss []strip) {
		others := e.others(p, ss, asm.F32, 4)
		for i, s := range ss {
			y := e.finish(p, p.LoadV(asm.Shared, asm.F32, 4, xored(s.shared, s.xor), s.addShared), bias, others[i])
			p.When(s.ok, func() { p.StoreV(asm.Global, s.out, 0, y) })
		}
	})
}

// halves stores eight elements at a time. Of their two chunks in shared memory every other four lanes take the second first, so that eight lanes
// do not meet in a bank.
func (e *epilogue) halves(p *productKernel, first int) {
	var bias []asm.Reg
	swapped := p.lane.And(4)
	swap := swapped.Ne(0)
	e.strips(p, first, 8, 2, 4, func(col, inRow asm.Reg) { bias = e.biases(p, col, inRow, 8) }, func(ss []strip) {
		others := e.others(p, ss, asm.B32, 4)
		for i, s := range ss {
			at := xored(s.shared, s.xor).Xor(swapped.Shl(2))
			one := p.LoadV(asm.Shared, asm.F32, 4, at, s.addShared)
			two := p.LoadV(asm.Shared, asm.F32, 4, at.Xor(16), s.addShared)
			var y, other []asm.Reg
			for j := range 4 {
				y = append(y, swap.Select(asm.F32, two[j], one[j]))
			}
			for j := range 4 {
				y = append(y, swap.Select(asm.F32, one[j], two[j]))
			}
			for _, r := range others[i] {
				lo, hi := p.Unpack(r)
				other = append(other, lo, hi)
			}
			y = e.finish(p, y, bias, other)
			packed := make([]asm.Reg, 4)
			for j := range packed {
				packed[j] = p.Pack(y[2*j], y[2*j+1])
			}
			p.When(s.ok, func() { p.StoreV(asm.Global, s.out, 0, packed) })
		}
	})
}

// elements stores one element at a time, of either type.
func (e *epilogue) elements(p *productKernel, first int) {
	store := func(t asm.Type) {
		var bias []asm.Reg
		e.strips(p, first, 1, t.Size(), 1, func(col, inRow asm.Reg) { bias = e.biases(p, col, inRow, 1) }, func(ss []strip) {
			s := ss[0]
			var other []asm.Reg
			if e.does.hasOther() {
				other = variables(p.Kernel, 1, e.without(asm.F32))
				p.When(s.ok.And(e.hasOther), func() { other[0].Set(p.Load(asm.Global, t, s.other, 0).To(asm.F32)) })
			}
			c := p.Load(asm.Shared, asm.F32, xored(s.shared, s.xor), s.addShared)
			y := e.finish(p, []asm.Reg{c}, bias, other)[0].To(t)
			p.When(s.ok, func() { p.Store(asm.Global, s.out, 0, y) })
		})
	}
	if p.arithmetic != tensor {
		store(asm.F32)
		return
	}
	p.IfElse(e.wide, func() { store(asm.F32) }, func() { store(asm.F16) })
}
