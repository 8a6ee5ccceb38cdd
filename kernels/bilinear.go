package kernels

import "math"

// Bilinear resizes images by bilinear interpolation with half-pixel centres and no antialiasing (PyTorch's interpolate with
// align_corners=false):
//
//	source = max(0, (dst + ½)·in/out − ½),   neighbours clamped at the border
//
// With TopLeft, pixels stand for their top left corners, as in TensorFlow 1, whose source is dst·in/out.
//
// Grad computes the transpose instead: from the gradient at the large image that at the small one.
var Bilinear = define(Op[BilinearArgs]{Name: "bilinear", Ref: bilinear})

// BilinearArgs lists output, input, sizes, settings. With Grad, Y is the gradient (N,H,W,C) and X the gradient (N,OH,OW,C).
type BilinearArgs struct {
	Y      Buf `kernel:"out"` // (N,OH,OW,C)
	X      Buf // (N,H,W,C)
	N, C   int
	H, W   int
	OH, OW int

	Grad, TopLeft bool
}

// BilinearTap is the pair of source pixels of one destination pixel, and the weight of the second.
type BilinearTap struct {
	Lo, Hi int
	T      float64
}

// Taps lists the taps along both axes.
func (a BilinearArgs) Taps() (rows, cols []BilinearTap) {
	shift := 0.5
	if a.TopLeft {
		shift = 0
	}
	axis := func(in, out int) []BilinearTap {
		taps := make([]BilinearTap, out)
		for i := range taps {
			s := max(0, (float64(i)+shift)*float64(in)/float64(out)-shift)
			lo := min(int(math.Floor(s)), in-1)
			taps[i] = BilinearTap{Lo: lo, Hi: min(lo+1, in-1), T: s - float64(lo)}
		}
		return taps
	}
	return axis(a.H, a.OH), axis(a.W, a.OW)
}

func bilinear(c *CPU, a BilinearArgs) {
	rows, cols := a.Taps()
	if a.Grad {
		c.For(a.N*a.C, func(_, nc int) { // one plane: its sums stay in one order
			n, ch := nc/a.C, nc%a.C
			sum := make([]float64, a.H*a.W)
			for p, r := range rows {
				for q, s := range cols {
					g := float64(a.X.F32[((n*a.OH+p)*a.OW+q)*a.C+ch])
					sum[r.Lo*a.W+s.Lo] += (1 - r.T) * (1 - s.T) * g
					sum[r.Lo*a.W+s.Hi] += (1 - r.T) * s.T * g
					sum[r.Hi*a.W+s.Lo] += r.T * (1 - s.T) * g
					sum[r.Hi*a.W+s.Hi] += r.T * s.T * g
				}
			}
			for i, v := range sum {
				a.Y.F32[(n*a.H*a.W+i)*a.C+ch] = float32(v)
			}
		})
		return
	}
	c.Rows(a.N*a.OH, a.OW*a.C, func(_, lo, hi int) {
		for m := lo; m < hi; m++ { // (n,p)
			n, p := m/a.OH, m%a.OH
			r := rows[p]
			x := func(h, w, ch int) float64 { return float64(a.X.F32[((n*a.H+h)*a.W+w)*a.C+ch]) }
			for q, s := range cols {
				for ch := range a.C {
					top := (1-s.T)*x(r.Lo, s.Lo, ch) + s.T*x(r.Lo, s.Hi, ch)
					bottom := (1-s.T)*x(r.Hi, s.Lo, ch) + s.T*x(r.Hi, s.Hi, ch)
					a.Y.F32[(m*a.OW+q)*a.C+ch] = float32((1-r.T)*top + r.T*bottom)
				}
			}
		}
	})
}
