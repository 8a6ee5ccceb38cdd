package main

import "onestep/kernels/cuda/ptx/build"

// The bits of a product's parameter "types".
const (
	wideOut  = 1 // C and the residual are float32, not halves
	wideBias = 2 // the bias is
)

// epilogue is what is done to C before it is stored. The bias and the residual may be null; C's rows, and the residual's, are ld apart.
type epilogue struct {
	out, bias, residual build.Reg
	scale, floor        build.Reg
	ld                  build.Reg
	types               build.Reg // of a product of halves; others are all float32

	hasBias, hasResidual build.Reg
	wide, wideBias       build.Reg
	odd, high            build.Reg // bits of the lane number, for the transposition
}

func newEpilogue(k *build.Kernel, t tile) epilogue {
	e := epilogue{out: k.Ptr("out"), bias: k.Ptr("bias"), residual: k.Ptr("residual"), scale: k.F32("scale"), floor: k.F32("floor"), ld: k.I32("ld")}
	if t.arithmetic == tensor {
		e.types = k.I32("types")
	}
	return e
}

// start makes what all of C needs. Block (x,y) writes the y-th C, of those that lie one behind the other.
func (e *epilogue) start(p *product) {
	e.hasBias, e.hasResidual = e.bias.Ne(0), e.residual.Ne(0)
	e.out = e.out.Add(p.CTAIDY().Mul(p.m).MulWide(e.ld.Shl(2)).As(build.U64))
	if p.arithmetic == tensor {
		e.wide, e.wideBias = e.types.And(wideOut).Ne(0), e.types.And(wideBias).Ne(0)
		e.odd, e.high = p.lane.And(1).Ne(0), p.lane.And(2).Ne(0)
	}
}

// biases is the bias of n columns; zero without one, and beyond the last column.
func (e *epilogue) biases(p *product, col build.Reg, n int) []build.Reg {
	bias := make([]build.Reg, n)
	for i := range bias {
		bias[i] = p.Var(build.F32, 0)
	}
	load := func(t build.Type) {
		for i, b := range bias {
			c := col.Add(i)
			ok, at := c.Lt(p.n), e.bias.Index(c, t.Size())
			if t == build.F32 {
				p.When(ok, func() { p.Emit("ld.global.f32", b, build.Addr{Base: at}) })
				continue
			}
			p.When(ok, func() { b.Set(p.Load(build.Global, build.F16, at, 0).To(build.F32)) })
		}
	}
	p.If(e.hasBias, func() {
		if p.arithmetic != tensor {
			load(build.F32)
			return
		}
		p.IfElse(e.wideBias, func() { load(build.F32) }, func() { load(build.F16) })
	})
	return bias
}

// finish is max(scale·(c + bias + residual), floor), and NaN if that is.
func (e *epilogue) finish(p *product, c, bias, residual build.Reg) build.Reg {
	return p.Op("max.NaN.f32", build.F32, c.Add(bias).Add(residual).Mul(e.scale), e.floor)
}

// place is where a thread stores: the first of its columns in a row.
type place struct {
	inRow     build.Reg
	col       build.Reg
	out, from build.Reg // addresses in C and in the residual
}

func (e *epilogue) place(p *product, row, col build.Reg, size int) place {
	offset := row.MulWide(e.ld).Add(col.MulWide(1)).Shl(log2(size)).As(build.U64)
	return place{row.Lt(p.m), col, e.out.Add(offset), e.residual.Add(offset)}
}

// row stores four neighbours, float32, all at a time or each by itself.
func (e *epilogue) row(p *product, row, col build.Reg, c, bias []build.Reg) {
	width := 4
	if p.scalar {
		width = 1
	}
	at := e.place(p, row, col, 4)
	for i := 0; i < len(c); i += width {
		e.float32s(p, at, i, c[i:][:width], bias[i:])
	}
}

// float32s stores one or several neighbours, i columns behind a place.
func (e *epilogue) float32s(p *product, at place, i int, c, bias []build.Reg) {
	ok := at.inRow.And(at.col.Lt(p.n.Sub(i)))
	vector := ".f32"
	if len(c) > 1 {
		vector = map[int]string{2: ".v2.f32", 4: ".v4.f32"}[len(c)]
	}
	residual := make([]build.Reg, len(c))
	for i := range residual {
		residual[i] = p.Var(build.F32, 0)
	}
	p.When(ok.And(e.hasResidual), func() { p.Emit("ld.global"+vector, list(residual), build.Addr{Base: at.from, Offset: 4 * i}) })
	y := make([]build.Reg, len(c))
	for i := range c {
		y[i] = e.finish(p, c[i], bias[i], residual[i])
	}
	p.When(ok, func() { p.Emit("st.global"+vector, build.Addr{Base: at.out, Offset: 4 * i}, list(y)) })
}

// list is an operand of one register, or of several.
func list(rs []build.Reg) any {
	if len(rs) == 1 {
		return rs[0]
	}
	return rs
}

// quads stores a row of neighbouring 16×8 tiles of the tensor cores' C, first being its first column. The thread has two columns of each, own and
// the next in the first.
func (e *epilogue) quads(p *product, row, first, own build.Reg, c, bias []build.Reg) {
	width := 2
	if p.scalar {
		width = 1
	}
	float32s := func() {
		at := e.place(p, row, own, 4)
		for i := 0; i < len(c); i += width {
			e.float32s(p, at, i/2*8+i%2, c[i:][:width], bias[i:])
		}
	}
	switch {
	case p.arithmetic != tensor:
		float32s()
	case p.scalar:
		p.IfElse(e.wide, float32s, func() { e.halves(p, row, own, c, bias) })
	default:
		p.IfElse(e.wide, float32s, func() { e.eightHalves(p, row, first, c, bias) })
	}
}

// halves stores every element by itself.
func (e *epilogue) halves(p *product, row, own build.Reg, c, bias []build.Reg) {
	at := e.place(p, row, own, 2)
	for i := range c {
		j := i/2*8 + i%2
		ok := at.inRow.And(own.Lt(p.n.Sub(j)))
		residual := p.Var(build.F32, 0)
		p.When(ok.And(e.hasResidual), func() { residual.Set(p.Load(build.Global, build.F16, at.from, 2*j).To(build.F32)) })
		y := e.finish(p, c[i], bias[i], residual).To(build.F16)
		p.When(ok, func() { p.Store(build.Global, at.out, 2*j, y) })
	}
}

// eightHalves stores 32 columns, of which four lanes hold two each of every eight: these trade them so that each has eight neighbours.
func (e *epilogue) eightHalves(p *product, row, first build.Reg, c, bias []build.Reg) {
	at := e.place(p, row, first.Add(p.lane.And(3).Shl(3)), 2)
	ok := at.inRow.And(at.col.Lt(p.n))
	residual := make([]build.Reg, 4)
	for i := range residual {
		residual[i] = p.Var(build.B32, 0)
	}
	p.If(e.hasResidual, func() {
		p.When(ok, func() { p.Emit("ld.global.v4.b32", residual, build.Addr{Base: at.from}) })
		for i, r := range e.transpose(residual) {
			residual[i].Set(r)
		}
	})
	y := make([]build.Reg, 4)
	for i, r := range residual {
		lo, hi := p.Unpack(r)
		y[i] = p.Pack(e.finish(p, c[2*i], bias[2*i], lo), e.finish(p, c[2*i+1], bias[2*i+1], hi))
	}
	y = e.transpose(y)
	p.When(ok, func() { p.StoreV(build.Global, at.out, 0, y) })
}

// transpose gives lane t of every four, as register q, the register t of lane q.
func (e *epilogue) transpose(in []build.Reg) []build.Reg {
	r := append([]build.Reg(nil), in...)
	for _, round := range []struct {
		bit int
		set build.Reg
	}{{1, e.odd}, {2, e.high}} {
		for i := range r {
			if i&round.bit != 0 {
				continue
			}
			j := i | round.bit
			got := round.set.Select(build.B32, r[i], r[j]).Shuffle("bfly", round.bit)
			r[i], r[j] = round.set.Select(build.B32, got, r[i]), round.set.Select(build.B32, r[j], got)
		}
	}
	return r
}
