//go:build amd64 && !purego

package cpu

import "onestep/kernels"

func init() {
	kernels.Pool2D.Register(kernels.Impl[kernels.Pool2DArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: pool2D})
	kernels.Pool2DBackward.Register(kernels.Impl[kernels.Pool2DBackwardArgs]{
		Kind: "cpu", ISA: kernels.AVX2, CPU: pool2DBackward, Fits: func(a kernels.Pool2DBackwardArgs) bool { return a.Halves() },
	})
	kernels.MeanPixels.Register(kernels.Impl[kernels.MeanPixelsArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: meanPixels})
}

func pool2D(c *kernels.CPU, a kernels.Pool2DArgs) {
	if !a.Halves() {
		poolWindows(c, a)
		return
	}
	isa, oh, ow := c.ISA(), a.OH, a.OW
	in, out := a.W*a.C, ow*a.C
	c.Rows(a.N*oh, 5*out, func(_, lo, hi int) {
		for m := lo; m < hi; m++ { // (n,p)
			x := a.X.F32[(m/oh*a.H+2*(m%oh))*in:]
			if a.Max {
				vecMaxPool2(isa, a.Y.F32[m*out:], x, x[in:], ow, a.C)
			} else {
				vecPool2(isa, a.Y.F32[m*out:], x, x[in:], 0.25, ow, a.C)
			}
		}
	})
}

// poolWindows takes the rows of a window together first, pixel by pixel, and then the pixels of each window, in order.
func poolWindows(c *kernels.CPU, a kernels.Pool2DArgs) {
	isa, in, out := c.ISA(), a.W*a.C, a.OW*a.C
	add := func(y, x, z []float32, n int) { vecAxpby(isa, y, x, z, 1, 1, n) }
	if a.Max {
		add = func(y, x, z []float32, n int) { vecMax(isa, y, x, z, n) }
	}
	// Windows [inner0,inner1) lie in the image: with stride 1 they are done at once.
	inner0, inner1 := (a.Pad+a.Stride-1)/a.Stride, (a.W+a.Pad-a.Kernel)/a.Stride+1
	c.Rows(a.N*a.OH, a.Kernel*(in+out), func(w, lo, hi int) {
		column := c.Scratch(w, slotRows, in)
		for m := lo; m < hi; m++ { // (n,p)
			top, bottom := a.Window(m%a.OH, a.H)
			x, y := a.X.F32[m/a.OH*a.H*in:], a.Y.F32[m*out:][:out]
			copy(column, x[top*in:])
			for h := top + 1; h < bottom; h++ {
				add(column, column, x[h*in:], in)
			}
			for q := 0; q < a.OW; {
				left, right := a.Window(q, a.W)
				windows := 1
				if a.Stride == 1 && q == inner0 {
					windows = max(1, inner1-inner0)
				}
				n := windows * a.C
				to := y[q*a.C:][:n]
				copy(to, column[left*a.C:])
				for i := left + 1; i < right; i++ {
					add(to, to, column[i*a.C:], n)
				}
				if !a.Max {
					vecScale(isa, to, to, 1/float32((bottom-top)*(right-left)), n)
				}
				q += windows
			}
		}
	})
}

func pool2DBackward(c *kernels.CPU, a kernels.Pool2DBackwardArgs) {
	isa, oh, ow := c.ISA(), a.OH, a.OW
	in, out := a.W*a.C, ow*a.C
	pairs := (a.H + 1) / 2 // of rows; the second row of the last may not exist
	c.Rows(a.N*pairs, 9*out, func(_, lo, hi int) {
		for m := lo; m < hi; m++ {
			n, p := m/pairs, m%pairs
			at := (n*a.H + 2*p) * in
			if p >= oh {
				clear(a.DX.F32[at : at+min(2, a.H-2*p)*in])
				continue
			}
			dx0, dx1 := a.DX.F32[at:at+in], a.DX.F32[at+in:at+2*in]
			dy := a.DY.F32[(n*oh+p)*out:]
			if a.Max {
				vecMaxPool2Backward(isa, dy, a.X.F32[at:], a.X.F32[at+in:], dx0, dx1, ow, a.C)
			} else {
				vecDup2(isa, dy, dx0, dx1, 0.25, ow, a.C)
			}
			clear(dx0[2*out:])
			clear(dx1[2*out:])
		}
	})
}

// meanPixels sums pixels by channel in tiles of 64, and the tiles in order, all in float32.
func meanPixels(c *kernels.CPU, a kernels.MeanPixelsArgs) {
	isa := c.ISA()
	inverse := 1 / float32(a.I)
	c.Rows(a.N, a.I*a.C, func(w, lo, hi int) {
		for n := lo; n < hi; n++ {
			if a.Grad {
				y := a.Y.F32[n*a.I*a.C:]
				vecScale(isa, y, a.X.F32[n*a.C:], inverse, a.C)
				for i := 1; i < a.I; i++ {
					copy(y[i*a.C:][:a.C], y)
				}
				continue
			}
			sum := a.Y.F32[n*a.C:][:a.C]
			clear(sum)
			for i := 0; i < a.I; i += 64 {
				vecColumnSums(isa, sum, a.X.F32[(n*a.I+i)*a.C:], min(64, a.I-i), a.C)
			}
			vecScale(isa, sum, sum, inverse, a.C)
		}
	})
}
