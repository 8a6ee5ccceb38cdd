package kernels

import "fmt"

// ConvShape is the geometry of a convolution: input (N,H,W,I), weight (KH,KW,I,O), output (N,OH,OW,O), zero padding.
type ConvShape struct {
	N, H, W, I int
	O, KH, KW  int
	Stride     int
	PadH, PadW int
	OH, OW     int
}

// Out fills in OH and OW. It panics if the kernel does not fit.
func (s ConvShape) Out() ConvShape {
	s.OH = (s.H+2*s.PadH-s.KH)/s.Stride + 1
	s.OW = (s.W+2*s.PadW-s.KW)/s.Stride + 1
	if s.OH <= 0 || s.OW <= 0 {
		panic(fmt.Errorf("kernels: convolution of a %dx%d image by a %dx%d kernel with padding %d,%d is empty", s.H, s.W, s.KH, s.KW, s.PadH, s.PadW))
	}
	return s
}

// MACs is the number of multiply-adds, border included.
func (s ConvShape) MACs() int { return s.N * s.OH * s.OW * s.O * s.KH * s.KW * s.I }

// Conv2D is a convolution (cross-correlation) with bias, residual and rectifier:
//
//	y[n,p,q,o] = act( s·( Σ_{i,j,c} x[n, p·S+i−padH, q·S+j−padW, c]·w[i,j,c,o] + b[o] + r[n,p,q,o] ) )
//
// act is the identity or max(0,·).
var Conv2D = define(Op[Conv2DArgs]{Name: "conv2d", Ref: conv2D, MACs: func(a Conv2DArgs) int { return a.ConvShape.MACs() }})

// Conv2DArgs lists output, inputs, settings, sizes. Bias and Residual may be left out.
type Conv2DArgs struct {
	Y        Buf `kernel:"out gaps"` // (N,OH,OW,O), or channels of a wider image
	X        Buf // (N,H,W,I)
	Weight   Buf // (KH,KW,I,O)
	Bias     Buf // (O), or not given
	Residual Buf // as Y, or not given
	Scale    float32
	ReLU     bool
	Width    int // elements from pixel to pixel of Y and Residual; 0: O. What lies between is left alone
	ConvShape
}

// Row is the distance of pixels of Y and Residual.
func (a Conv2DArgs) Row() int {
	if a.Width == 0 {
		return a.O
	}
	return a.Width
}

func conv2D(c *CPU, a Conv2DArgs) {
	s, row := a.ConvShape, a.Row()
	c.Rows(s.N*s.OH*s.OW, s.KH*s.KW*s.I*s.O, func(_, lo, hi int) {
		sum := make([]float64, s.O)
		for m := lo; m < hi; m++ { // (n,p,q)
			clear(sum)
			s.taps(m, func(tap, pixel int) {
				for i := range s.I {
					x := float64(a.X.F32[pixel*s.I+i])
					w := a.Weight.F32[(tap*s.I+i)*s.O:][:s.O]
					for o := range sum {
						sum[o] += x * float64(w[o])
					}
				}
			})
			for o, y := range sum {
				if a.Bias.Given() {
					y += float64(a.Bias.F32[o])
				}
				if a.Residual.Given() {
					y += float64(a.Residual.F32[m*row+o])
				}
				y *= float64(a.Scale)
				if a.ReLU {
					y = max(0, y)
				}
				a.Y.F32[m*row+o] = float32(y)
			}
		}
	})
}

// taps calls f for every kernel tap of output pixel m that lies inside the image, with the index of its input pixel.
func (s ConvShape) taps(m int, f func(tap, pixel int)) {
	n, p, q := m/(s.OH*s.OW), m/s.OW%s.OH, m%s.OW
	for i := range s.KH {
		h := p*s.Stride + i - s.PadH
		for j := range s.KW {
			w := q*s.Stride + j - s.PadW
			if 0 <= h && h < s.H && 0 <= w && w < s.W {
				f(i*s.KW+j, (n*s.H+h)*s.W+w)
			}
		}
	}
}

// LastTap finds what an input gradient reads along one axis. Position at of the input, padding counted in, meets the output by the taps i < k of the
// kernel for which the stride divides at − i. It returns the last of these taps, the line (at−i)/stride of the output that this one reads, and how
// many such taps there are.
func LastTap(at, k, stride int) (last, line, count int) {
	first := at % stride
	if first >= k {
		return 0, 0, 0
	}
	count = (k - first + stride - 1) / stride
	last = first + (count-1)*stride
	return last, (at - last) / stride, count
}

// Conv2DInputGrad is the gradient of the convolution, without residual and rectifier, at its input:
//
//	dx[n,h,w,c] = s·Σ over (p,q,i,j) with p·S+i−padH = h, q·S+j−padW = w, and over o, of dy[n,p,q,o]·w[i,j,c,o]
//
// With Mask, the output of the rectifier that made the input, it is the gradient before that: dx is 0 where the mask is not positive.
var Conv2DInputGrad = define(Op[Conv2DInputGradArgs]{
	Name: "conv2d_input_grad", Ref: conv2DInputGrad, MACs: func(a Conv2DInputGradArgs) int { return a.ConvShape.MACs() },
})

// Conv2DInputGradArgs lists output, inputs, setting, sizes. Mask may be left out.
type Conv2DInputGradArgs struct {
	DX     Buf `kernel:"out"` // (N,H,W,I)
	DY     Buf // (N,OH,OW,O)
	Weight Buf // (KH,KW,I,O)
	Mask   Buf // (N,H,W,I), or not given
	Scale  float32
	ConvShape
}

func conv2DInputGrad(c *CPU, a Conv2DInputGradArgs) {
	s := a.ConvShape
	c.Rows(s.N*s.H*s.W, s.KH*s.KW*s.I*s.O, func(_, lo, hi int) {
		sum := make([]float64, s.I)
		for m := lo; m < hi; m++ { // (n,h,w)
			clear(sum)
			n, h, w := m/(s.H*s.W), m/s.W%s.H, m%s.W
			for i := range s.KH {
				for j := range s.KW {
					p, q := h+s.PadH-i, w+s.PadW-j
					if p < 0 || q < 0 || p%s.Stride != 0 || q%s.Stride != 0 || p/s.Stride >= s.OH || q/s.Stride >= s.OW {
						continue
					}
					dy := a.DY.F32[((n*s.OH+p/s.Stride)*s.OW+q/s.Stride)*s.O:][:s.O]
					for ci := range sum {
						wt := a.Weight.F32[((i*s.KW+j)*s.I+ci)*s.O:][:s.O]
						for o, g := range dy {
							sum[ci] += float64(g) * float64(wt[o])
						}
					}
				}
			}
			for ci, v := range sum {
				a.DX.F32[m*s.I+ci] = 0
				if !a.Mask.Given() || a.Mask.F32[m*s.I+ci] > 0 {
					a.DX.F32[m*s.I+ci] = float32(float64(a.Scale) * v)
				}
			}
		}
	})
}

// Conv2DWeightGrad is the gradient of the convolution at its weight and bias:
//
//	dw[i,j,c,o] = s·Σ_{n,p,q} x[n, p·S+i−padH, q·S+j−padW, c]·dy[n,p,q,o],   db[o] = s·Σ_{n,p,q} dy[n,p,q,o]
//
// Where the sums of dy over a sample's pixels are known, as group norm knows those of its gradient, they may be given to be used for db.
var Conv2DWeightGrad = define(Op[Conv2DWeightGradArgs]{
	Name: "conv2d_weight_grad", Ref: conv2DWeightGrad, MACs: func(a Conv2DWeightGradArgs) int { return a.ConvShape.MACs() },
})

// Conv2DWeightGradArgs lists outputs, inputs, setting, sizes. DBias and Sums may be left out.
type Conv2DWeightGradArgs struct {
	DWeight Buf `kernel:"out"` // (KH,KW,I,O)
	DBias   Buf `kernel:"out"` // (O), or not given
	X       Buf // (N,H,W,I)
	DY      Buf // (N,OH,OW,O)
	Sums    Buf // (N,O): Σ_{p,q} dy[n,p,q,o], or not given
	Scale   float32
	ConvShape
}

func conv2DWeightGrad(c *CPU, a Conv2DWeightGradArgs) {
	s := a.ConvShape
	c.For(s.KH*s.KW*s.I+1, func(_, r int) { // (i,j,c), and a last row for the bias
		sum := make([]float64, s.O)
		if r == s.KH*s.KW*s.I {
			if a.DBias.Given() {
				rows, of := s.N*s.OH*s.OW, a.DY
				if a.Sums.Given() {
					rows, of = s.N, a.Sums
				}
				for m := range rows {
					for o := range sum {
						sum[o] += float64(of.F32[m*s.O+o])
					}
				}
				for o, v := range sum {
					a.DBias.F32[o] = float32(float64(a.Scale) * v)
				}
			}
			return
		}
		i, j, ci := r/(s.KW*s.I), r/s.I%s.KW, r%s.I
		for n := range s.N {
			for p := range s.OH {
				h := p*s.Stride + i - s.PadH
				if h < 0 || h >= s.H {
					continue
				}
				for q := range s.OW {
					w := q*s.Stride + j - s.PadW
					if w < 0 || w >= s.W {
						continue
					}
					x := float64(a.X.F32[((n*s.H+h)*s.W+w)*s.I+ci])
					dy := a.DY.F32[((n*s.OH+p)*s.OW+q)*s.O:][:s.O]
					for o, g := range dy {
						sum[o] += x * float64(g)
					}
				}
			}
		}
		for o, v := range sum {
			a.DWeight.F32[r*s.O+o] = float32(float64(a.Scale) * v)
		}
	})
}
