package cuda

import (
	"math"

	"onestep/kernels"
)

// product is C = max( scale·(Σ A·B + bias + residual), floor ) as launches: the sum of several products of the same size, each with its own
// operands, whose rows may be stored in another order.
type product struct {
	op             *productOp
	arithmetic     arithmetic
	m, n           int
	terms          []term
	out            kernels.Buf
	ld             int         // elements between rows of out and other
	bias, residual kernels.Buf // or not given
	mask           kernels.Buf // where it is not positive C is 0; or not given
	scale          float32
	relu           bool
	rows           rowMap
}

// term is one product of a sum: its depth, and the parameters of its operands.
type term struct {
	k    int
	args []Arg
}

// rowMap says where C's row m = (a,b,c) of a grid (..,gridB,gridC) is stored: in row first + a·stepA + b·stepB + c·stepC, or nowhere if c is
// not below keep. The zero rowMap stands for row m.
type rowMap struct {
	gridB, gridC               int
	first, stepA, stepB, stepC int
	keep                       int
}

// run makes the launches.
func (p *product) run(d *Device) {
	direct := len(p.terms) == 1 && p.rows == rowMap{} && p.storesItself()
	whole := target{out: p.out, bias: p.bias, other: p.other(), scale: p.scale, floor: p.floor(), ld: p.ld}
	var plans []productPlan
	parts := 0
	for _, t := range p.terms {
		plan := planProduct(p.choice(d.tile), p.m, p.n, ceil(t.k, p.arithmetic.slice()), d.SMs(), p.vector(whole), direct)
		if d.unsplit {
			plan.splits, plan.run = 1, ceil(t.k, p.arithmetic.slice())
		}
		plans = append(plans, plan)
		parts += plan.splits
	}
	if direct && parts == 1 {
		p.start(d, plans[0], p.terms[0], whole)
		return
	}
	stride := ceil(p.n, 8) * 8
	var scratch kernels.Buf
	if parts > 0 {
		scratch = d.Scratch(kernels.F32, parts*p.m*stride)
		defer d.Free(scratch)
	}
	at := 0
	for i, t := range p.terms {
		size := plans[i].splits * p.m * stride
		p.start(d, plans[i], t, target{out: scratch.Slice(at, at+size), scale: 1, floor: negInf, ld: stride, free: true})
		at += size
	}
	p.reduce(d, scratch, parts, stride)
}

var negInf = float32(math.Inf(-1))

func (p *product) floor() float32 {
	if p.relu {
		return 0
	}
	return negInf
}

// other is the residual or the mask.
func (p *product) other() kernels.Buf {
	if p.mask.Given() {
		return p.mask
	}
	return p.residual
}

// choice is the tiles to choose from: that of a name if there is one, else all that the operation has for the arithmetic.
func (p *product) choice(name string) (tiles []tile) {
	for _, t := range p.op.tiles {
		if t.arithmetic != p.arithmetic {
			continue
		}
		if t.name == name {
			return []tile{t}
		}
		tiles = append(tiles, t)
	}
	return tiles
}

// storesItself says whether the kernels can store C in the types that are asked for.
func (p *product) storesItself() bool {
	if other := p.other(); other.Given() && other.Type != p.out.Type {
		return false
	}
	return p.arithmetic == tensor || p.out.Type == kernels.F32 && (!p.bias.Given() || p.bias.Type == kernels.F32)
}

// target is where a kernel puts its sum, and what it does to it before.
type target struct {
	out, bias    kernels.Buf
	other        kernels.Buf // residual or mask
	scale, floor float32
	ld           int
	free         bool // what lies between rows may be written
}

// vector says whether the target can be written 16 bytes at a time: where a row of C is no multiple of that, there must be room behind it.
func (p *product) vector(to target) bool {
	chunk := 16 / to.out.Type.Size()
	return to.ld%chunk == 0 && (p.n%chunk == 0 || to.free) && aligned(to.out, to.other)
}

func (p *product) start(d *Device, plan productPlan, t term, to target) {
	types := bit(to.out.Type == kernels.F32, wideOut) | bit(to.bias.Type == kernels.F32, wideBias) | bit(p.vector(to), vectorC)
	args := append([]Arg{Ptr(to.out)}, p.op.does.args(to)...)
	args = append(args, I32(to.ld), I32(types), I32(p.m), I32(p.n), I32(ceil(t.k, p.arithmetic.slice())), I32(plan.run))
	grid := Dim{X: ceil(p.m, plan.tile.m) * ceil(p.n, plan.tile.n), Y: plan.splits}
	d.Launch(p.op.kernel(plan.tile), grid, Dim{X: plan.tile.threads()}, plan.tile.shared(), append(args, t.args...)...)
}

// args are the parameters that [newEpilogue] asks for first.
func (f finishing) args(to target) (args []Arg) {
	if f.bias {
		args = append(args, Ptr(to.bias))
	}
	if f.hasOther() {
		args = append(args, Ptr(to.other))
	}
	if f.scale {
		args = append(args, F32(to.scale))
	}
	if f.floor {
		args = append(args, F32(to.floor))
	}
	return args
}

// reduce adds up parts of C, of rows so many elements long, and finishes it.
func (p *product) reduce(d *Device, scratch kernels.Buf, parts, stride int) {
	r := p.rows
	if r == (rowMap{}) {
		r = rowMap{gridB: 1, gridC: p.m, stepC: 1, keep: p.m}
	}
	mustIndex(p.op.name, p.m*p.n)
	types := bit(p.out.Type == kernels.F16, halfOut) | bit(p.bias.Type == kernels.F16, halfBias) | bit(p.other().Type == kernels.F16, halfResidual)
	types |= bit(p.mask.Given(), maskResidual)
	width := 1
	if p.n%4 == 0 && p.ld%4 == 0 && stride%4 == 0 && aligned(p.out, p.bias, p.other(), scratch) {
		width = 4
	}
	args := []Arg{Ptr(p.out), Ptr(scratch), Ptr(p.bias), Ptr(p.other()), F32(p.scale), F32(p.floor()), I32(types), I32(parts), I32(p.m)}
	args = append(append(args, divisors(p.n/width)...), I32(stride), I32(p.ld))
	args = append(append(args, divisors(r.gridB, r.gridC)...), I32(r.first), I32(r.stepA), I32(r.stepB), I32(r.stepC), I32(r.keep))
	d.Launch(reduceKernel(width), Dim{X: ceil(p.m*p.n/width, 256)}, Dim{X: 256}, 0, args...)
}

func bit(set bool, b int) int {
	if set {
		return b
	}
	return 0
}

// operands brings what is multiplied to one type: halves, unless one is float32. free gives back what it made.
func (d *Device) operands(bufs ...*kernels.Buf) (as arithmetic, free func()) {
	as = tensor
	for _, b := range bufs {
		if b.Type == kernels.F32 {
			as = ffma
		}
	}
	var made []kernels.Buf
	if as == ffma {
		for _, b := range bufs {
			if b.Type == kernels.F16 {
				wide := d.Scratch(kernels.F32, b.Len)
				kernels.Cast.Run(d, kernels.CastArgs{Y: wide, X: *b, N: b.Len})
				made = append(made, wide)
				*b = wide
			}
		}
		if d.TF32 {
			as = tf32
		}
	}
	return as, func() {
		for _, b := range made {
			d.Free(b)
		}
	}
}

// grid is a view of a buffer's elements: (a,b,c) lies at a·stepA + b·stepB + c·stepC, for a below count, b below rows and c below cols.
type grid struct {
	count, rows, cols   int
	stepA, stepB, stepC int
}

// chunked is x with cols rounded up to whole chunks of 16 bytes and rows to a multiple of rowUnit, zeros in what is added. It is x itself if that
// is so already; else a copy, which free gives back.
func (d *Device) chunked(x kernels.Buf, g grid, rowUnit int) (y kernels.Buf, free func()) {
	chunk := 16 / x.Type.Size()
	rows, cols := ceil(g.rows, rowUnit)*rowUnit, ceil(g.cols, chunk)*chunk
	dense := g.stepC == 1 && (g.rows == 1 || g.stepB == g.cols) && (g.count == 1 || g.stepA == g.rows*g.cols)
	if rows == g.rows && cols == g.cols && dense && aligned(x) {
		return x, func() {}
	}
	size := g.count * rows * cols
	mustIndex("product_pad", size)
	y = d.Scratch(x.Type, size)
	args := append([]Arg{Ptr(y), Ptr(x), I32(size / chunk), I32(g.rows), I32(g.cols)}, divisors(rows, cols/chunk)...)
	args = append(args, I32(g.stepA), I32(g.stepB), I32(g.stepC))
	d.Launch(padKernel(typesOf(x)[0]), Dim{X: ceil(size/chunk, 256)}, Dim{X: 256}, 0, args...)
	return y, func() { d.Free(y) }
}

// columnSums sets y[n] = scale·Σ_m x[m,n].
func (d *Device) columnSums(y, x kernels.Buf, scale float32, m, n int) {
	const minRun = 256
	if x.Type == kernels.F32 && m <= minRun {
		d.columnSumsEnd(y, x, scale, m, n)
		return
	}
	c := chunkOf(x.Type, n%(16/x.Type.Size()) == 0 && aligned(x))
	blocks := ceil(n, columnLanes(c)*c.width)
	run := ceil(m, max(1, min(ceil(m, minRun), 4*d.SMs()/blocks, maxSplits)))
	parts := ceil(m, run)
	scratch := d.Scratch(kernels.F32, parts*n)
	defer d.Free(scratch)
	d.Launch(columnSumsKernel(c), Dim{X: blocks, Y: parts}, Dim{X: 256}, 0, Ptr(scratch), Ptr(x), I32(m), I32(n), I32(run))
	d.columnSumsEnd(y, scratch, scale, parts, n)
}

// columnSumsEnd is columnSums for a few rows of float32.
func (d *Device) columnSumsEnd(y, x kernels.Buf, scale float32, m, n int) {
	d.Launch(columnSumsEndKernel(typesOf(y)[0]), Dim{X: ceil(n, 32)}, Dim{X: 32 * columnSumsEndWarps}, 0,
		Ptr(y), Ptr(x), F32(scale), I32(m), I32(n))
}
