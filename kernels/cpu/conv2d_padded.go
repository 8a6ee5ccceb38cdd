//go:build amd64 && !purego

package cpu

import (
	"onestep/kernels"
)

// withBorder is the image copied to float32 with its border of zeros, so that all taps of all positions are inside. That is for
// images of few channels, whose copies are small; free releases it. An image that needs none is not copied.
func (x *image) withBorder(c *kernels.CPU, isa kernels.ISA) (y *image, free func()) {
	bottom, end := x.step*(x.gridH-1)+x.kh, x.step*(x.gridW-1)+x.kw
	if x.x.Type == kernels.F32 && x.h0 == 0 && x.w0 == 0 && bottom <= x.h && end <= x.w {
		whole := *x
		whole.bordered = true
		return &whole, func() {}
	}
	y = &image{
		n: x.n, h: bottom, w: end, c: x.c,
		gridH: x.gridH, gridW: x.gridW, step: x.step, kh: x.kh, kw: x.kw, bordered: true,
	}
	y.x = c.Alloc(kernels.F32, y.n*y.h*y.w*y.c)
	left := min(max(0, -x.w0), y.w) // of the lines, what is copied is [left,right)
	right := max(left, min(y.w, x.w-x.w0))
	c.Rows(y.n*y.h, y.w*y.c, func(_, lo, hi int) {
		for line := lo; line < hi; line++ {
			to, h := y.x.F32[line*y.w*y.c:][:y.w*y.c], line%y.h+x.h0
			if h < 0 || h >= x.h || left == right {
				clear(to)
				continue
			}
			clear(to[:left*y.c])
			load(isa, &to[left*y.c], &x.x, ((line/y.h*x.h+h)*x.w+left+x.w0)*x.c, rowsOf(1, (right-left)*x.c, 0, 0))
			clear(to[right*y.c:])
		}
	})
	return y, func() { c.Free(y.x) }
}

// fillLines copies a strip: lines [line0,line1) of the grid, all images' numbered through, and all columns of the matrix.
func (x *image) fillLines(isa kernels.ISA, dst *float32, ld, line0, line1 int) {
	for line := line0; line < line1; {
		n, p := line/x.gridH, line%x.gridH
		lines := min(line1-line, x.gridH-p)
		for i := range x.kh {
			load(isa, after(dst, (line-line0)*x.gridW*ld+i*x.kw*x.c), &x.x, (n*x.h+x.step*p+i)*x.w*x.c, extent{
				planes: lines, rows: x.gridW, width: x.kw * x.c,
				ldd: ld, lds: x.step * x.c, pd: x.gridW * ld, ps: x.step * x.w * x.c,
			})
		}
		line += lines
	}
}
