package kernels

import "fmt"

// PoolShape is the geometry of a pooling: windows of Kernel×Kernel pixels, Stride apart, the first Pad pixels outside the image. Pixels outside
// do not count.
type PoolShape struct {
	N, H, W, C          int
	Kernel, Stride, Pad int
	Max                 bool // the maximum, not the mean
	OH, OW              int
}

// Out fills in OH and OW. It panics if the window does not fit, or lies in the padding.
func (s PoolShape) Out() PoolShape {
	if s.Kernel < 1 || s.Stride < 1 || s.Pad < 0 || s.Pad >= s.Kernel || s.H+2*s.Pad < s.Kernel || s.W+2*s.Pad < s.Kernel {
		panic(fmt.Errorf("kernels: pooling of a %dx%d image by windows of %d pixels, %d apart, with padding %d", s.H, s.W, s.Kernel, s.Stride, s.Pad))
	}
	s.OH = (s.H+2*s.Pad-s.Kernel)/s.Stride + 1
	s.OW = (s.W+2*s.Pad-s.Kernel)/s.Stride + 1
	return s
}

// Halves tells whether the pooling halves the image: windows of 2×2 pixels that do not overlap, an odd last row or column dropped.
func (s PoolShape) Halves() bool { return s.Kernel == 2 && s.Stride == 2 && s.Pad == 0 }

// Window is the range of pixels that window p has along an axis of size pixels.
func (s PoolShape) Window(p, size int) (from, to int) {
	from = p*s.Stride - s.Pad
	return max(from, 0), min(from+s.Kernel, size)
}

// Windows is the range of those windows along an axis, of which there are so many, that pixel h is in.
func (s PoolShape) Windows(h, windows int) (from, to int) {
	return max(h+s.Pad-s.Kernel+s.Stride, 0) / s.Stride, min((h+s.Pad)/s.Stride+1, windows)
}

// Pool2D takes the mean or the maximum over windows of pixels:
//
//	y[n,p,q,c] = max or mean over 0 ≤ i,j < K, inside the image, of x[n, p·S+i−pad, q·S+j−pad, c]
var Pool2D = define(Op[Pool2DArgs]{Name: "pool2d", Ref: pool2D})

// Pool2DArgs lists output, input, sizes.
type Pool2DArgs struct {
	Y Buf `kernel:"out"` // (N,OH,OW,C)
	X Buf // (N,H,W,C)
	PoolShape
}

func pool2D(c *CPU, a Pool2DArgs) {
	s := a.PoolShape
	c.Rows(s.N*s.OH*s.OW, s.Kernel*s.Kernel*s.C, func(_, lo, hi int) {
		for m := lo; m < hi; m++ { // (n,p,q)
			for ch := range s.C {
				var sum float64
				top, count := float32(0), 0
				s.each(m, func(pixel int) {
					x := a.X.F32[pixel*s.C+ch]
					if count == 0 {
						top = x
					}
					top = max(top, x)
					sum += float64(x)
					count++
				})
				a.Y.F32[m*s.C+ch] = top
				if !s.Max {
					a.Y.F32[m*s.C+ch] = float32(sum / float64(count))
				}
			}
		}
	})
}

// each calls f with the index of every pixel of window m, which is (n,p,q).
func (s PoolShape) each(m int, f func(pixel int)) {
	n, p, q := m/(s.OH*s.OW), m/s.OW%s.OH, m%s.OW
	top, bottom := s.Window(p, s.H)
	left, right := s.Window(q, s.W)
	for h := top; h < bottom; h++ {
		for w := left; w < right; w++ {
			f((n*s.H+h)*s.W + w)
		}
	}
}

// Pool2DBackward gives every pixel of a window its part of the gradient, or all of it to the first that holds the maximum:
//
//	dx[n,h,w,c] = Σ over windows (p,q) of dy[n,p,q,c]·( 1/pixels, or 1 if (h,w) is the first of the largest )
var Pool2DBackward = define(Op[Pool2DBackwardArgs]{Name: "pool2d_backward", Ref: pool2DBackward})

// Pool2DBackwardArgs lists output, inputs, sizes. X is read for the maximum only.
type Pool2DBackwardArgs struct {
	DX Buf `kernel:"out"` // (N,H,W,C)
	DY Buf // (N,OH,OW,C)
	X  Buf // (N,H,W,C)
	PoolShape
}

func pool2DBackward(c *CPU, a Pool2DBackwardArgs) {
	s := a.PoolShape
	c.Rows(s.N*s.H*s.W, s.Kernel*s.Kernel*s.C, func(_, lo, hi int) {
		for m := lo; m < hi; m++ { // (n,h,w)
			n, h, w := m/(s.H*s.W), m/s.W%s.H, m%s.W
			p0, p1 := s.Windows(h, s.OH)
			q0, q1 := s.Windows(w, s.OW)
			for ch := range s.C {
				var sum float64
				for p := p0; p < p1; p++ {
					for q := q0; q < q1; q++ {
						window := (n*s.OH+p)*s.OW + q
						count, first, top := 0, 0, float32(0)
						s.each(window, func(pixel int) {
							if count++; s.Max && (count == 1 || a.X.F32[pixel*s.C+ch] > top) {
								first, top = pixel, a.X.F32[pixel*s.C+ch]
							}
						})
						switch dy := float64(a.DY.F32[window*s.C+ch]); {
						case !s.Max:
							sum += dy / float64(count)
						case first == m:
							sum += dy
						}
					}
				}
				a.DX.F32[m*s.C+ch] = float32(sum)
			}
		}
	})
}

// MeanPixels is the mean over all pixels: global average pooling. Grad spreads the gradient back.
//
//	y[n,c] = Σ_i x[n,i,c]/I;   Grad: y[n,i,c] = x[n,c]/I
var MeanPixels = define(Op[MeanPixelsArgs]{Name: "mean_pixels", Ref: meanPixels})

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
