//go:build amd64 && !purego

package cpu

import "onestep/kernels"

func init() {
	kernels.Pool2D.Register(kernels.Impl[kernels.Pool2DArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: pool2D})
	kernels.Pool2DBackward.Register(kernels.Impl[kernels.Pool2DBackwardArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: pool2DBackward})
	kernels.MeanPixels.Register(kernels.Impl[kernels.MeanPixelsArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: meanPixels})
}

func pool2D(c *kernels.CPU, a kernels.Pool2DArgs) {
	isa := c.ISA()
	oh, ow := a.H/2, a.W/2
	if ow == 0 {
		return
	}
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

func pool2DBackward(c *kernels.CPU, a kernels.Pool2DBackwardArgs) {
	isa := c.ISA()
	oh, ow := a.H/2, a.W/2
	in, out := a.W*a.C, ow*a.C
	pairs := (a.H + 1) / 2 // of rows; the second row of the last may not exist
	c.Rows(a.N*pairs, 9*out, func(_, lo, hi int) {
		for m := lo; m < hi; m++ {
			n, p := m/pairs, m%pairs
			at := (n*a.H + 2*p) * in
			if p >= oh || ow == 0 {
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
