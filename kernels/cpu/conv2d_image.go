//go:build amd64 && !purego

package cpu

import (
	"onestep/kernels"
)

// image is a left matrix that is never made: its rows are the positions (n,p,q) of a grid, its columns are (tap, channel), and
//
//	A[(n,p,q), (i,j,c)] = x[n, step·p + h0 + i, step·q + w0 + j, c], or 0 outside the image.
//
// The tile kernels read large images where they lie, leaving out what falls outside; the bits are those of adding zeros.
// Images of few channels get a border first, or are copied to strips.
type image struct {
	x            kernels.Buf // (n,h,w,c), float32
	n, h, w, c   int
	gridH, gridW int
	step         int
	kh, kw       int // taps
	h0, w0       int
	byColumn     bool // taps go (j,i), not (i,j): the taps of a column have the same border
	bordered     bool // all taps of all positions are inside
}

// inputImage is the input of a convolution as its output reads it.
func inputImage(s kernels.ConvShape) *image {
	x := &image{
		n: s.N, h: s.H, w: s.W, c: s.I, gridH: s.OH, gridW: s.OW, step: s.Stride,
		kh: s.KH, kw: s.KW, h0: -s.PadH, w0: -s.PadW,
	}
	x.byColumn = x.large()
	return x
}

// large tells whether a tap has enough channels for the tile kernels to read the image where it lies.
func (x *image) large() bool { return x.c >= 16 }

// whole tells whether the matrix is the image as it lies in memory.
func (x *image) whole() bool {
	return x.step == 1 && x.gridH == x.h && x.gridW == x.w && x.kh == 1 && x.kw == 1 && x.h0 == 0 && x.w0 == 0
}

// tap is the place of tap t.
func (x *image) tap(t int) (i, j int) {
	if x.byColumn {
		return t % x.kh, t / x.kh
	}
	return t / x.kw, t % x.kw
}

// read makes an image with the contents buf the left matrix, and chooses the blocks of K. free releases its copy, if one was made.
func (p *product) read(x *image, buf kernels.Buf) (free func()) {
	x.x = buf
	p.blocks = plainBlocks(p.k)
	if !x.large() && !p.formT && p.k <= mostSteps && !x.whole() {
		p.image, free = x.withBorder(p.c, p.isa)
		p.blocks = blocks{p.k, p.k}
		return free
	}
	free = func() {}
	if buf.Type == kernels.F16 {
		x.x = p.c.Alloc(kernels.F32, buf.Len)
		p.c.Blocks(buf.Len, func(_, lo, hi int) {
			load(p.isa, &x.x.F32[lo], &buf, lo, rowsOf(1, hi-lo, 0, 0))
		})
		free = func() { p.c.Free(x.x) }
	}
	switch {
	case x.whole():
		p.aData, p.lda = &x.x.F32[0], x.c
	case !x.large():
		p.a = x
	case p.formT:
		p.image, p.blocks = x, x.pixelBlocks()
	default:
		p.image, p.blocks = x, x.tapBlocks()
	}
	return free
}

// mostSteps is about how many steps of K the blocks of an image have.
const mostSteps = 384

// lines appends the pieces of rows [r0,r1) of a bordered image, in all its columns.
func (x *image) lines(pieces []piece, r0, r1 int) []piece {
	for row := r0; row < r1; {
		n, p, q := row/(x.gridW*x.gridH), row/x.gridW%x.gridH, row%x.gridW
		width, lines := min(x.gridW-q, r1-row), 1
		if width == x.gridW {
			lines = min(x.gridH-p, (r1-row)/width)
		}
		t := piece{rowC: row - r0, groupRow: x.gridW}
		t.a = &x.x.F32[((n*x.h+x.step*p)*x.w+x.step*q)*x.c]
		t.s = 4 * x.step * x.c
		t.k, t.runs, t.runA = x.kw*x.c, x.kh, 4*x.c*(x.w-x.kw)
		t.sheets = 1
		t.rows, t.groups, t.groupA = width, lines, 4*x.step*x.w*x.c
		pieces = append(pieces, t)
		row += lines * width
	}
	return pieces
}

// tapBlocks cuts the columns of the matrix into blocks of whole columns of taps, or else of taps in one column, or else of
// channels in one tap.
func (x *image) tapBlocks() blocks {
	column := x.kh * x.c
	switch {
	case x.c > mostSteps:
		return blocks{x.c, plainBlocks(x.c).step}
	case column > mostSteps:
		n := (column + mostSteps - 1) / mostSteps
		return blocks{column, (x.kh + n - 1) / n * x.c}
	}
	return blocks{x.kw * column, mostSteps / column * column}
}

// pixelBlocks cuts the rows of the matrix into blocks of whole images, or else of lines in one image.
func (x *image) pixelBlocks() blocks {
	pixels := x.gridH * x.gridW
	if pixels <= mostSteps {
		step := mostSteps / pixels * pixels
		return blocks{x.n * pixels, step}
	}
	n := (pixels + mostSteps - 1) / mostSteps
	return blocks{pixels, (x.gridH + n - 1) / n * x.gridW}
}

// rows appends the pieces of rows [r0,r1) in columns [k0,k1), which are a block. B is packed in the order of the columns, or, if
// inPlace, is the weight as it lies, by (i,j,c).
func (x *image) rows(pieces []piece, r0, r1, k0, k1 int, inPlace bool) []piece {
	for k := k0; k < k1; {
		first, j, c := k/x.c%x.kh, k/(x.c*x.kh), k%x.c
		taps, width := 1, min(k1-k, x.c-c)
		if width == x.c {
			taps = min(x.kh-first, (k1-k)/x.c)
		}
		rowB, tapB := k-k0, x.c
		if inPlace {
			rowB, tapB = (first*x.kw+j)*x.c+c, x.kw*x.c
		}
		pieces = x.rowsInColumn(pieces, r0, r1, rowB, tapB, first, taps, j, c, width)
		k += taps * width
	}
	return pieces
}

// rowsInColumn appends the pieces of rows [r0,r1) for taps first, first+1, … of column j, channels from c on, whose
// products are with rows of B from rowB on, tapB rows from tap to tap.
func (x *image) rowsInColumn(pieces []piece, r0, r1, rowB, tapB, first, taps, j, c, width int) []piece {
	left, right := inside(x.w0+j, x.step, x.w, x.gridW)
	for row := r0; row < r1; {
		n, p, q := row/(x.gridH*x.gridW), row/x.gridW%x.gridH, row%x.gridW
		end := min(x.gridW, q+r1-row)
		i0, i1 := x.tapsInside(p, first, first+taps)
		lines := 1
		if q == 0 && end == x.gridW { // lines whose taps inside the image are the same become one piece
			for p+lines < x.gridH && (lines+1)*x.gridW <= r1-row {
				if a, b := x.tapsInside(p+lines, first, first+taps); a != i0 || b != i1 {
					break
				}
				lines++
			}
		}
		q0, q1 := max(q, left), min(end, right)
		if i0 < i1 && q0 < q1 {
			t := piece{rowB: rowB + (i0-first)*tapB, rowC: row - r0 + q0 - q, groupRow: x.gridW}
			t.a = &x.x.F32[((n*x.h+x.step*p+x.h0+i0)*x.w+x.step*q0+x.w0+j)*x.c+c]
			t.s = 4 * x.step * x.c
			t.k, t.runs, t.runA, t.runRow = width, i1-i0, 4*(x.w*x.c-width), tapB-width
			t.sheets = 1
			t.rows, t.groups, t.groupA = q1-q0, lines, 4*x.step*x.w*x.c
			if t.rows == x.gridW && x.step == 1 && x.w == x.gridW {
				t.rows, t.groups = lines*t.rows, 1
			}
			pieces = append(pieces, t)
		}
		row += (lines-1)*x.gridW + end - q
	}
	return pieces
}

// tapsInside is the part of the taps [i0,i1) of a column that falls inside the image for line p of the grid.
func (x *image) tapsInside(p, i0, i1 int) (int, int) {
	h := x.step*p + x.h0
	return max(i0, -h), min(i1, x.h-h)
}

// sums appends the pieces whose rows are columns [c0,c1) of the matrix and whose steps are its rows [k0,k1), a block.
func (x *image) sums(pieces []piece, c0, c1, k0, k1 int) []piece {
	pixels := x.gridH * x.gridW
	n, lines := k0/pixels, (k1-k0)/x.gridW
	top := k0 % pixels / x.gridW
	images := 1
	if top == 0 && lines > x.gridH {
		images, lines = lines/x.gridH, x.gridH
	}
	for col := c0; col < c1; {
		i, j := x.tap(col / x.c)
		c := col % x.c
		width := min(x.c-c, c1-col)
		p0, p1 := inside(x.h0+i, x.step, x.h, x.gridH)
		p0, p1 = max(p0, top), min(p1, top+lines)
		q0, q1 := inside(x.w0+j, x.step, x.w, x.gridW)
		if p0 < p1 && q0 < q1 {
			t := piece{rowC: col - c0, rowB: (p0-top)*x.gridW + q0}
			t.a = &x.x.F32[((n*x.h+x.step*p0+x.h0+i)*x.w+x.step*q0+x.w0+j)*x.c+c]
			t.s = 4 * x.step * x.c
			t.k = q1 - q0
			t.runs, t.runA, t.runRow = p1-p0, 4*x.step*x.c*(x.w-t.k), x.gridW-t.k
			t.sheets, t.sheetA, t.sheetRow = images, 4*x.c*x.w*(x.h-x.step*t.runs), x.gridW*(x.gridH-t.runs)
			t.rows, t.groups = width, 1
			pieces = append(pieces, t)
		}
		col += width
	}
	return pieces
}

// fill copies a strip: rows [row0,row1) and columns [col0,col1) of the matrix, zeros included. Taps side by side in the image are
// side by side in the strip, and are copied as one where they all fall inside.
func (x *image) fill(isa kernels.ISA, dst *float32, ld, row0, row1, col0, col1 int) {
	for col := col0; col < col1; {
		i, j := x.tap(col / x.c)
		c := col % x.c
		width, taps := min(x.c-c, col1-col), 1
		if c == 0 && !x.byColumn {
			taps = max(1, min(x.kw-j, (col1-col)/x.c))
		}
		h, w := x.h0+i, x.w0+j
		left, _ := inside(w, x.step, x.w, x.gridW)
		_, right := inside(w+taps-1, x.step, x.w, x.gridW)
		d := after(dst, col-col0)
		switch {
		case taps == 1:
			x.fillTap(isa, d, ld, row0, row1, h, w, c, width, 0, x.gridW)
		case left < right:
			x.fillTap(isa, d, ld, row0, row1, h, w, c, taps*width, left, right)
			for t := range taps {
				x.fillTap(isa, after(d, t*x.c), ld, row0, row1, h, w+t, c, width, 0, left)
				x.fillTap(isa, after(d, t*x.c), ld, row0, row1, h, w+t, c, width, right, x.gridW)
			}
		default:
			for t := range taps {
				x.fillTap(isa, after(d, t*x.c), ld, row0, row1, h, w+t, c, width, 0, x.gridW)
			}
		}
		col += taps * width
	}
}

// fillTap fills the columns of the tap at (h,w), channels [c,c+width), for columns [from,to) of the grid. Rows go by whole lines of
// the grid where they can.
func (x *image) fillTap(isa kernels.ISA, dst *float32, ld, row0, row1, h, w, c, width, from, to int) {
	if from >= to {
		return
	}
	// Columns of the grid [left,right) and lines [top,bottom) fall inside the image.
	left, right := inside(w, x.step, x.w, x.gridW)
	top, bottom := inside(h, x.step, x.h, x.gridH)
	for row := row0; row < row1; {
		n, p, q := row/(x.gridH*x.gridW), row/x.gridW%x.gridH, row%x.gridW
		lines, end := 1, min(x.gridW, q+row1-row)
		if q == 0 {
			lines = max(1, min(x.gridH-p, (row1-row)/x.gridW))
		}
		if a, b := max(q, from), min(end, to); a < b {
			e := extent{ldd: ld, lds: x.step * x.c, pd: x.gridW * ld, ps: x.step * x.w * x.c}
			block := func(p0, p1, q0, q1 int) *float32 {
				e.planes, e.rows, e.width = p1-p0, q1-q0, width
				return after(dst, (row-row0+(p0-p)*x.gridW+q0-q)*ld)
			}
			blank := func(p0, p1, q0, q1 int) {
				if p0 < p1 && q0 < q1 {
					zero(isa, block(p0, p1, q0, q1), e)
				}
			}
			p0 := min(max(p, top), p+lines)
			p1 := max(min(p+lines, bottom), p0)
			q0 := min(max(a, left), b)
			q1 := max(min(b, right), q0)
			blank(p, p0, a, b)
			blank(p1, p+lines, a, b)
			blank(p0, p1, a, q0)
			blank(p0, p1, q1, b)
			if p0 < p1 && q0 < q1 {
				load(isa, block(p0, p1, q0, q1), &x.x, ((n*x.h+x.step*p0+h)*x.w+x.step*q0+w)*x.c+c, e)
			}
		}
		row += (lines-1)*x.gridW + end - q
	}
}

// inside is the range of positions i in [0,grid) with 0 ≤ step·i + off < size.
func inside(off, step, size, grid int) (from, to int) {
	if off < 0 {
		from = (-off + step - 1) / step
	}
	if size > off {
		to = (size - off + step - 1) / step
	}
	return min(from, grid), min(max(to, 0), grid)
}

// phase is a target: the pixels of an image at (stride·p + ph, stride·q + pw), in the order of a grid (n,p,q).
type phase struct {
	buf kernels.Buf
	kernels.ConvShape
	ph, pw, gridH, gridW int
}

func (d *phase) load(kernels.ISA, *float32, int, int, int, int, int) {
	panic("kernels/cpu: a strided gradient is assigned, not added to")
}

func (d *phase) store(isa kernels.ISA, src *float32, lds, row0, row1, col0, col1 int) {
	for row := row0; row < row1; {
		n, p, q := row/(d.gridH*d.gridW), row/d.gridW%d.gridH, row%d.gridW
		end := min(d.gridW, q+row1-row)
		to := ((n*d.H+d.Stride*p+d.ph)*d.W+d.Stride*q+d.pw)*d.I + col0
		store(isa, &d.buf, to, after(src, (row-row0)*lds), rowsOf(end-q, col1-col0, d.Stride*d.I, lds))
		row += end - q
	}
}

// clear zeroes a phase that no tap reaches.
func (d *phase) clear(c *kernels.CPU, isa kernels.ISA, rows int) {
	c.Rows(rows, d.I, func(w, lo, hi int) {
		none := c.Scratch(w, 1, d.I)
		clear(none)
		d.store(isa, &none[0], 0, lo, hi, 0, d.I)
	})
}
