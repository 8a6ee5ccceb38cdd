//go:build amd64 && !purego

package cpu

import (
	"onestep/kernels"
)

// thinSums is the product of a transposed image of few channels and a wide matrix, a sum over many positions of the grid:
//
//	C[(i,j,c), o] = Σ_{n,p,q} A[(n,p,q), (i,j,c)]·B[(n,p,q), o],   and, if sums, a last row of C: Σ_{n,p,q} B[(n,p,q), o]
//
// A is the matrix of [image]. There are too few rows and panels for all threads, so the sum is cut into chunks of lines of the grid: each
// makes all of C, in order, and then the chunks are added in order. The cut depends on the sizes alone.
type thinSums struct {
	c     *kernels.CPU
	isa   kernels.ISA
	x     *image // bordered
	b     kernels.Buf
	n     int  // columns of B
	sums  bool // C has the last row
	scale float32

	rows   int // of C
	panels panels
	lines  int // of a chunk
	chunks int
	parts  kernels.Buf // (chunks, rows, n in whole vectors)
}

const (
	thinSteps  = 128 // positions that are taken at once: their rows of A and of a panel of B stay in the nearest cache
	thinChunk  = 256 // positions of a chunk, about
	thinChunks = 64  // at most
)

// run makes C and gives its rows to store, scaled.
func (t *thinSums) run(store func(row int, sum *float32)) {
	x := t.x
	t.rows, t.panels = x.kh*x.kw*x.c, panelsOf(t.isa, t.n)
	if t.sums {
		t.rows++
	}
	all := x.n * x.gridH
	t.lines = max((thinChunk+x.gridW-1)/x.gridW, (all+thinChunks-1)/thinChunks)
	t.chunks = (all + t.lines - 1) / t.lines
	np := t.panels.total
	t.parts = t.c.Alloc(kernels.F32, t.chunks*t.rows*np)
	t.c.For(t.chunks, func(w, i int) { t.chunk(w, i*t.lines, min(all, (i+1)*t.lines), &t.parts.F32[i*t.rows*np]) })
	t.c.For(t.rows, func(w, row int) {
		sum := &t.c.Scratch(w, 1, np)[0]
		for j := range t.panels.count {
			start := t.panels.start(j)
			sumRows(t.isa, after(sum, start), &t.parts.F32[row*np+start], t.rows*np, t.chunks, t.panels.start(j+1)-start)
		}
		if t.scale != 1 {
			v := lanes(t.isa)
			epilogue(t.isa, sum, v, &zeros[0], 0, np/v, v, t.scale, negInf)
		}
		store(row, sum)
	})
	t.c.Free(t.parts)
}

// chunk makes the part of C that lines [line0,line1) of the grid give.
func (t *thinSums) chunk(worker, line0, line1 int, part *float32) {
	x, np := t.x, t.panels.total
	ld := (t.rows + 15) &^ 15
	first, count := line0*x.gridW, (line1-line0)*x.gridW
	strip := t.c.Scratch(worker, 0, count*ld)
	x.fillLines(t.isa, &strip[0], ld, line0, line1)
	if t.sums {
		for i := t.rows - 1; i < len(strip); i += ld {
			strip[i] = 1
		}
	}
	for k := 0; k < count; k += thinSteps {
		steps := min(thinSteps, count-k)
		b, ldb := t.rowsOfB(worker, first+k, steps)
		args := tileArgs{a: &strip[k*ld], s: 4 * ld, ldb: 4 * ldb, ldc: 4 * np, rows: t.rows, k: steps, runs: 1, sheets: 1, groups: 1}
		for j := range t.panels.count {
			start := t.panels.start(j)
			args.b, args.c = after(b, start), after(part, start)
			args.init, args.ldi = args.c, args.ldc
			if k == 0 {
				args.init, args.ldi = &zeros[0], 0
			}
			tile(t.isa, true, t.panels.start(j+1)-start, &args)
		}
	}
}

// rowsOfB is so many rows of B in whole vectors of float32, and their distance.
func (t *thinSums) rowsOfB(worker, row, rows int) (b *float32, ldb int) {
	np := t.panels.total
	if t.b.Type == kernels.F32 && t.n == np {
		return &t.b.F32[row*t.n], t.n
	}
	b = &t.c.Scratch(worker, 1, rows*np)[0]
	if t.n < np {
		zero(t.isa, after(b, t.n), rowsOf(rows, np-t.n, np, 0))
	}
	load(t.isa, b, &t.b, row*t.n, rowsOf(rows, t.n, np, t.n))
	return b, np
}

// conv2DWeightGradFewInputs takes the few channels of x as rows, and the sums of dy from the last row.
func conv2DWeightGradFewInputs(c *kernels.CPU, isa kernels.ISA, a kernels.Conv2DWeightGradArgs) {
	s := a.ConvShape
	x := inputImage(s)
	x.x = a.X
	x, free := x.withBorder(c, isa)
	defer free()
	t := thinSums{c: c, isa: isa, x: x, b: a.DY, n: s.O, sums: a.DBias.Given(), scale: a.Scale}
	t.run(func(row int, sum *float32) {
		if row < s.KH*s.KW*s.I {
			store(isa, &a.DWeight, row*s.O, sum, rowsOf(1, s.O, 0, 0))
		} else {
			store(isa, &a.DBias, 0, sum, rowsOf(1, s.O, 0, 0))
		}
	})
}

// conv2DWeightGradFewOutputs takes the few channels of dy as rows: of the pixels that a pixel of x reaches, with stride 1, the taps in
// reverse order.
func conv2DWeightGradFewOutputs(c *kernels.CPU, isa kernels.ISA, a kernels.Conv2DWeightGradArgs) {
	s := a.ConvShape
	dy := &image{
		x: a.DY, n: s.N, h: s.OH, w: s.OW, c: s.O, gridH: s.H, gridW: s.W, step: 1,
		kh: s.KH, kw: s.KW, h0: s.PadH - s.KH + 1, w0: s.PadW - s.KW + 1,
	}
	dy, free := dy.withBorder(c, isa)
	defer free()
	t := thinSums{c: c, isa: isa, x: dy, b: a.X, n: s.I, scale: a.Scale}
	t.run(func(row int, sum *float32) {
		tap, o := s.KH*s.KW-1-row/s.O, row%s.O
		store(isa, &a.DWeight, tap*s.I*s.O+o, sum, rowsOf(s.I, 1, s.O, 1))
	})
	if a.DBias.Given() {
		sumPixels(c, isa, a.DBias, a.DY, s.N*s.OH*s.OW, s.O, a.Scale)
	}
}

// sumPixels is y[o] = scale·Σ_i x[i,o] over many pixels of few channels. Every sixteenth pixel goes to the same sum of float32, a thousand pixels
// at a time; the rest is [sumSamples].
func sumPixels(c *kernels.CPU, isa kernels.ISA, y, x kernels.Buf, pixels, width int, scale float32) {
	const lanes, block = 16, 1024
	count := (pixels + block - 1) / block
	parts := c.Alloc(kernels.F32, count*lanes*width)
	c.For(count, func(w, i int) {
		n := min(block, pixels-i*block)
		whole := (n + lanes - 1) / lanes * lanes * width
		b := &c.Scratch(w, 0, whole)[0]
		zero(isa, b, rowsOf(1, whole, 0, 0))
		load(isa, b, &x, i*block*width, rowsOf(1, n*width, 0, 0))
		for j := 0; j < lanes*width; j += lanes {
			sumRows(isa, &parts.F32[i*lanes*width+j], after(b, j), lanes*width, whole/(lanes*width), lanes)
		}
	})
	sumSamples(c, y, parts, count*lanes, width, scale)
	c.Free(parts)
}
