package kernels

// Pool2D is 2×2 pooling with stride 2 and no padding, by mean or by maximum; an odd last row or column is dropped.
var Pool2D = Op[Pool2DArgs]{Name: "pool2d", Ref: pool2D}

// Pool2DArgs lists output, input, sizes.
type Pool2DArgs struct {
	Y          Buf `kernel:"out"` // (N,H/2,W/2,C)
	X          Buf // (N,H,W,C)
	N, H, W, C int
	Max        bool
}

func pool2D(c *CPU, a Pool2DArgs) {
	oh, ow := a.H/2, a.W/2
	c.Rows(a.N*oh*ow, 4*a.C, func(_, lo, hi int) {
		for m := lo; m < hi; m++ { // (n,p,q)
			n, p, q := m/(oh*ow), m/ow%oh, m%ow
			at := ((n*a.H+2*p)*a.W + 2*q) * a.C
			for ch := range a.C {
				x0, x1 := a.X.F32[at+ch], a.X.F32[at+a.C+ch]
				x2, x3 := a.X.F32[at+a.W*a.C+ch], a.X.F32[at+(a.W+1)*a.C+ch]
				if a.Max {
					a.Y.F32[m*a.C+ch] = max(x0, x1, x2, x3)
				} else {
					a.Y.F32[m*a.C+ch] = float32((float64(x0) + float64(x1) + float64(x2) + float64(x3)) / 4)
				}
			}
		}
	})
}

// Pool2DBackward gives a quarter of the gradient to each of the four pixels, or all of it to the first that holds the maximum.
var Pool2DBackward = Op[Pool2DBackwardArgs]{Name: "pool2d_backward", Ref: pool2DBackward}

// Pool2DBackwardArgs lists output, inputs, sizes. X is read for the maximum only.
type Pool2DBackwardArgs struct {
	DX         Buf `kernel:"out"` // (N,H,W,C)
	DY         Buf // (N,H/2,W/2,C)
	X          Buf // (N,H,W,C)
	N, H, W, C int
	Max        bool
}

func pool2DBackward(c *CPU, a Pool2DBackwardArgs) {
	oh, ow := a.H/2, a.W/2
	c.Rows(a.N*a.H*a.W, 2*a.C, func(_, lo, hi int) {
		for m := lo; m < hi; m++ { // (n,h,w)
			n, h, w := m/(a.H*a.W), m/a.W%a.H, m%a.W
			p, q := h/2, w/2
			for ch := range a.C {
				if p >= oh || q >= ow {
					a.DX.F32[m*a.C+ch] = 0
					continue
				}
				dy := a.DY.F32[((n*oh+p)*ow+q)*a.C+ch]
				if !a.Max {
					a.DX.F32[m*a.C+ch] = dy / 4
					continue
				}
				at := ((n*a.H+2*p)*a.W+2*q)*a.C + ch
				first, top := 0, a.X.F32[at]
				for k, off := range [4]int{0, a.C, a.W * a.C, (a.W + 1) * a.C} {
					if a.X.F32[at+off] > top {
						first, top = k, a.X.F32[at+off]
					}
				}
				a.DX.F32[m*a.C+ch] = 0
				if first == h%2*2+w%2 {
					a.DX.F32[m*a.C+ch] = dy
				}
			}
		}
	})
}

// MeanPixels is the mean over all pixels: global average pooling. Grad spreads the gradient back.
//
//	y[n,c] = Σ_i x[n,i,c]/I;   Grad: y[n,i,c] = x[n,c]/I
var MeanPixels = Op[MeanPixelsArgs]{Name: "mean_pixels", Ref: meanPixels}

// MeanPixelsArgs lists output, input, sizes.
type MeanPixelsArgs struct {
	Y       Buf `kernel:"out"` // (N,C); with Grad (N,I,C)
	X       Buf // (N,I,C); with Grad (N,C)
	N, I, C int
	Grad    bool
}

func meanPixels(c *CPU, a MeanPixelsArgs) {
	c.Rows(a.N, a.I*a.C, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			for ch := range a.C {
				var sum float64
				for i := range a.I {
					if a.Grad {
						a.Y.F32[(n*a.I+i)*a.C+ch] = float32(float64(a.X.F32[n*a.C+ch]) / float64(a.I))
					} else {
						sum += float64(a.X.F32[(n*a.I+i)*a.C+ch])
					}
				}
				if !a.Grad {
					a.Y.F32[n*a.C+ch] = float32(sum / float64(a.I))
				}
			}
		}
	})
}
