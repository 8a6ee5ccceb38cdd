package kernels

// Resample halves or doubles an image with a separable filter f of K taps, every channel alike [karras22]: Down is a convolution with
// stride 2, Up its transpose. With R = f⊗f,
//
//	down: y[p,q] = gain·Σ_{i,j} R[i,j]·x[2p+i−pad, 2q+j−pad]
//	up:   y[h,w] = gain·Σ_{i,j,p,q} R[i,j]·x[p,q]   over 2p+i−pad = h, 2q+j−pad = w
//
// Pixels outside count as zero. Each direction is the gradient of the other with the same filter, padding and gain.
var Resample = define(Op[ResampleArgs]{Name: "resample", Ref: resample})

// ResampleArgs lists output, input, settings, sizes. Big is the image with more pixels, Small the other: Down reads Big.
type ResampleArgs struct {
	Y              Buf       `kernel:"out"` // Up: (N,BigH,BigW,C), Down: (N,SmallH,SmallW,C)
	X              Buf       // the other one
	Filter         []float32 // (K)
	Pad            int
	Gain           float32
	Up             bool
	N, C           int
	BigH, BigW     int
	SmallH, SmallW int
}

func resample(c *CPU, a ResampleArgs) {
	if a.Up {
		c.Rows(a.N*a.BigH*a.BigW, a.C*4, func(_, lo, hi int) {
			sum := make([]float64, a.C)
			for m := lo; m < hi; m++ { // (n,h,w)
				n, h, w := m/(a.BigH*a.BigW), m/a.BigW%a.BigH, m%a.BigW
				clear(sum)
				for i, fi := range a.Filter {
					p := h + a.Pad - i
					if p < 0 || p%2 != 0 || p/2 >= a.SmallH {
						continue
					}
					for j, fj := range a.Filter {
						q := w + a.Pad - j
						if q < 0 || q%2 != 0 || q/2 >= a.SmallW {
							continue
						}
						f := float64(a.Gain) * float64(fi) * float64(fj)
						x := a.X.F32[((n*a.SmallH+p/2)*a.SmallW+q/2)*a.C:]
						for ch := range sum {
							sum[ch] += f * float64(x[ch])
						}
					}
				}
				for ch, v := range sum {
					a.Y.F32[m*a.C+ch] = float32(v)
				}
			}
		})
		return
	}
	c.Rows(a.N*a.SmallH*a.SmallW, a.C*len(a.Filter)*len(a.Filter), func(_, lo, hi int) {
		sum := make([]float64, a.C)
		for m := lo; m < hi; m++ { // (n,p,q)
			n, p, q := m/(a.SmallH*a.SmallW), m/a.SmallW%a.SmallH, m%a.SmallW
			clear(sum)
			for i, fi := range a.Filter {
				h := 2*p + i - a.Pad
				if h < 0 || h >= a.BigH {
					continue
				}
				for j, fj := range a.Filter {
					w := 2*q + j - a.Pad
					if w < 0 || w >= a.BigW {
						continue
					}
					f := float64(a.Gain) * float64(fi) * float64(fj)
					x := a.X.F32[((n*a.BigH+h)*a.BigW+w)*a.C:]
					for ch := range sum {
						sum[ch] += f * float64(x[ch])
					}
				}
			}
			for ch, v := range sum {
				a.Y.F32[m*a.C+ch] = float32(v)
			}
		}
	})
}
