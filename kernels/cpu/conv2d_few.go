//go:build amd64 && !purego

package cpu

import (
	"onestep/kernels"
)

// fewOutputs is a convolution of stride 1 whose result has up to four channels, in two steps. The first is one product of the
// image as it lies and all the taps side by side; the second sums, for each pixel, what its taps give:
//
//	z[n,h,w,(t,o)] = Σ_c x[n,h,w,c]·B[c,(t,o)],   y[n,p,q,o] = max(floor, scale·(bias[o] + Σ_t z[n, p+h0+i, q+w0+j, (t,o)] + residual[n,p,q,o]))
//
// with t = i·KW + j. So the vectors of the first step are full, of taps where channels are too few, and x is read once.
// As in [product], the bits are a function of the pixel's window and the weight alone.
type fewOutputs struct {
	c      *kernels.CPU
	isa    kernels.ISA
	x      kernels.Buf // (N,H,W,k)
	k      int
	n      int
	h, w   int // of x
	oh, ow int // of y
	kh, kw int
	h0, w0 int
	o      int
	turned bool // the taps of B are in the reverse order

	b        *rightMatrix // (k, kh·kw·o)
	y        kernels.Buf
	bias     kernels.Buf
	residual kernels.Buf
	row      int // elements from pixel to pixel of y and residual
	scale    float32
	floor    float32
	finish   bool // there is a residual, a scale or a floor to apply
}

const (
	mostFew     = 4  // channels
	mostFewTaps = 64 // that are summed
)

// few tells whether [fewOutputs] is faster for a convolution whose result has out channels and whose sums run over in.
func few(s kernels.ConvShape, out, in int) bool {
	taps := s.KH * s.KW
	return out <= mostFew && in >= 2*mostFew && s.Stride == 1 && 1 < taps && taps <= mostFewTaps
}

// conv2DFew is the convolution.
func conv2DFew(c *kernels.CPU, isa kernels.ISA, a kernels.Conv2DArgs) {
	s := a.ConvShape
	f := fewOutputs{
		c: c, isa: isa, x: a.X, k: s.I, n: s.N, h: s.H, w: s.W, oh: s.OH, ow: s.OW, kh: s.KH, kw: s.KW, h0: -s.PadH, w0: -s.PadW,
		o: s.O, y: a.Y, bias: a.Bias, residual: a.Residual, row: a.Row(), scale: a.Scale, floor: negInf,
		finish: a.Residual.Given() || a.Scale != 1 || a.ReLU,
	}
	if a.ReLU {
		f.floor = 0
	}
	// The taps of the weight lie side by side. The columns that fill up the last vector become zeros, since what the memory held before, subnormal
	// numbers say, could be slow to multiply.
	taps, width := f.kh*f.kw, f.width()
	packed := c.Alloc(kernels.F32, f.k*width)
	defer c.Free(packed)
	c.For(taps+1, func(_, t int) {
		if t == taps {
			if n := taps * f.o; n < width {
				zero(isa, &packed.F32[n], rowsOf(f.k, width-n, width, 0))
			}
			return
		}
		load(isa, &packed.F32[t*f.o], &a.Weight, t*f.k*f.o, rowsOf(f.k, f.o, width, f.o))
	})
	f.b = &rightMatrix{buf: packed, taps: oneTap, per: f.k, ld: width}
	f.run(width)
}

// conv2DInputGradFew is the convolution of dy with the weight turned round.
func conv2DInputGradFew(c *kernels.CPU, isa kernels.ISA, a kernels.Conv2DInputGradArgs) {
	s := a.ConvShape
	f := fewOutputs{
		c: c, isa: isa, x: a.DY, k: s.O, n: s.N, h: s.OH, w: s.OW, oh: s.H, ow: s.W, kh: s.KH, kw: s.KW,
		h0: s.PadH - s.KH + 1, w0: s.PadW - s.KW + 1, o: s.I, turned: true,
		b: &rightMatrix{buf: a.Weight, taps: oneTap, per: s.O, ld: s.O, trans: true},
		y: a.DX, row: s.I, scale: a.Scale, floor: negInf, finish: a.Scale != 1,
	}
	f.run(f.kh * f.kw * f.o)
}

// width is the columns of the product, in whole vectors.
func (f *fewOutputs) width() int { return panelsOf(f.isa, f.kh*f.kw*f.o).total }

// run does both steps for some images at a time, so that z stays small. B has so many columns.
func (f *fewOutputs) run(columns int) {
	var bias [mostFew]float32
	if f.bias.Given() {
		load(f.isa, &bias[0], &f.bias, 0, rowsOf(1, f.o, 0, 0))
	}
	const most = 1 << 20 // floats of z, if that is not less than an image
	pixels, width := f.h*f.w, f.width()
	images := min(f.n, max(1, most/(pixels*width)))
	z := f.c.Alloc(kernels.F32, images*pixels*width+mostFew) // the last tap is read as four channels
	for n := 0; n < f.n; n += images {
		some := min(images, f.n-n)
		f.products(z, n*pixels, some*pixels, columns)
		f.c.Rows(some*f.oh, f.ow*f.kh*f.kw*mostFew, func(w, lo, hi int) {
			sums := f.c.Scratch(w, 0, f.padded())
			for line := lo; line < hi; line++ {
				f.sumLine(sums, z.F32, &bias, line, width)
				f.finishLine(w, sums, n*f.oh+line)
			}
		})
	}
	f.c.Free(z)
}

// products is the first step, for so many pixels of x from one on.
func (f *fewOutputs) products(z kernels.Buf, first, pixels, columns int) {
	p := product{
		c: f.c, isa: f.isa, m: pixels, n: columns, k: f.k, b: f.b, alpha: 1, blocks: plainBlocks(f.k), cData: &z.F32[0], ldc: f.width(),
	}
	x := f.x.Slice(first*f.k, (first+pixels)*f.k)
	if x.Type == kernels.F32 {
		p.aData, p.lda = &x.F32[0], f.k
	} else {
		p.a = plain{x, f.k}
	}
	p.run()
}

// padded is the floats of a line of sums, in whole vectors.
func (f *fewOutputs) padded() int {
	v := lanes(f.isa)
	return (f.ow*mostFew + v - 1) / v * v
}

// sumLine sums the taps of a line of y, lines counted from the first image of z, four floats a pixel. Neighbouring pixels all of whose taps lie inside are summed by one call.
func (f *fewOutputs) sumLine(sums, z []float32, bias *[mostFew]float32, line, width int) {
	n, h := line/f.oh, line%f.oh+f.h0
	i0, i1 := max(0, -h), min(f.kh, f.h-h)
	left, right := -f.w0, f.w-f.w0-f.kw+1 // between them all taps of a line are inside
	for q := 0; q < f.ow; {
		end := q + 1
		if left <= q && q < right {
			end = min(f.ow, right)
		}
		j0, j1 := max(0, -f.w0-q), min(f.kw, f.w-f.w0-q)
		var off [mostFewTaps]int
		taps := 0
		for i := i0; i < i1; i++ {
			for j := j0; j < j1; j++ {
				t := i*f.kw + j
				if f.turned {
					t = f.kh*f.kw - 1 - t
				}
				off[taps] = 4 * (((n*f.h+h+i)*f.w+q+f.w0+j)*width + t*f.o)
				taps++
			}
		}
		sumTaps(&sums[q*mostFew], &z[0], &bias[0], &off[0], taps, width, end-q)
		q = end
	}
}

// sumTaps calls the assembly; nothing else does, for the reason given at [tile].
//
//go:noinline
func sumTaps(dst, x, init *float32, off *int, taps, ldx, pixels int) {
	tapSums(dst, x, init, off, taps, 4*ldx, pixels)
}

// finishLine adds the residual, scales, clamps and stores a line.
func (f *fewOutputs) finishLine(worker int, sums []float32, line int) {
	at := line * f.ow * f.row
	if f.finish {
		v := lanes(f.isa)
		add, step := &zeros[0], 0
		if f.residual.Given() {
			add, step = &f.c.Scratch(worker, 1, f.padded())[0], v
			load(f.isa, add, &f.residual, at, rowsOf(f.ow, f.o, mostFew, f.row))
		}
		epilogue(f.isa, &sums[0], v, add, step, f.padded()/v, v, f.scale, f.floor)
	}
	store(f.isa, &f.y, at, &sums[0], rowsOf(f.ow, f.o, f.row, mostFew))
}
