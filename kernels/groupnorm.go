package kernels

import "math"

// GroupNorm normalises every group of C/G channels of every sample [wu18], with what the U-Nets do just before and after:
//
//	v = x[n,i,c] + add[n,c]
//	u = (v − μ[n,g])·r[n,g]·w[c] + b[c],   g = c/(C/G),   r = 1/√(var + ε)
//	y = act( u·(1 + scale[n,c]) + shift[n,c] ),   act = identity or SiLU
//
// The variance is the biased one. Mean and Rstd are kept for the backward pass. The rows of Scale and Shift are Stride apart,
// so that both may be halves of one (N,2C) buffer.
var GroupNorm = define(Op[GroupNormArgs]{Name: "groupnorm", Ref: groupNorm})

// GroupNormArgs lists outputs, inputs, sizes. Add and the pair Scale, Shift may be left out.
type GroupNormArgs struct {
	Y            Buf `kernel:"out"` // (N,I,C)
	Mean, Rstd   Buf `kernel:"out"` // (N,G)
	X            Buf // (N,I,C)
	Add          Buf // (N,C), or not given
	W, B         Buf // (C)
	Scale, Shift Buf // (N,C), rows Stride apart, or not given
	Stride       int
	N, I, C, G   int // I = H·W
	Eps          float32
	SiLU         bool
}

func groupNorm(c *CPU, a GroupNormArgs) {
	per := a.C / a.G
	c.Rows(a.N*a.G, 4*a.I*per, func(_, lo, hi int) {
		for r := lo; r < hi; r++ { // (n,g)
			n, first := r/a.G, r%a.G*per
			v := func(i, ch int) float64 {
				x := float64(a.X.F32[(n*a.I+i)*a.C+ch])
				if a.Add.Given() {
					x += float64(a.Add.F32[n*a.C+ch])
				}
				return x
			}
			var sum, squares float64
			for i := range a.I {
				for ch := first; ch < first+per; ch++ {
					sum += v(i, ch)
				}
			}
			mean := sum / float64(a.I*per)
			for i := range a.I {
				for ch := first; ch < first+per; ch++ {
					squares += (v(i, ch) - mean) * (v(i, ch) - mean)
				}
			}
			rstd := 1 / math.Sqrt(squares/float64(a.I*per)+float64(a.Eps))
			a.Mean.F32[r], a.Rstd.F32[r] = float32(mean), float32(rstd)
			for i := range a.I {
				for ch := first; ch < first+per; ch++ {
					u := (v(i, ch)-mean)*rstd*float64(a.W.F32[ch]) + float64(a.B.F32[ch])
					if a.Scale.Given() {
						u = u*(1+float64(a.Scale.F32[n*a.Stride+ch])) + float64(a.Shift.F32[n*a.Stride+ch])
					}
					if a.SiLU {
						u *= sigmoid(u)
					}
					a.Y.F32[(n*a.I+i)*a.C+ch] = float32(u)
				}
			}
		}
	})
}

// GroupNormBackward is the gradient of [GroupNorm] at all its inputs, from what the forward pass read and kept; it computes the
// normalised values again. With h = (v−μ)·r and p the gradient at h,
//
//	dv = r·( p − mean(p) − h·mean(p·h) )   over each group,   dadd = Σ_i dv,   dx = dv + eScale·e + fScale·f
//
// where e and f are gradients that reach x by other ways: each may be some of the channels of something wider.
var GroupNormBackward = define(Op[GroupNormBackwardArgs]{Name: "groupnorm_backward", Ref: groupNormBackward})

// GroupNormBackwardArgs lists outputs, inputs, sizes. DAdd, DScale, DShift are given as Add, Scale, Shift are.
type GroupNormBackwardArgs struct {
	DX             Buf `kernel:"out"`      // (N,I,C)
	DW, DB         Buf `kernel:"out"`      // (C)
	DAdd           Buf `kernel:"out"`      // (N,C), or not given
	DScale, DShift Buf `kernel:"out gaps"` // (N,C), rows Stride apart, or not given
	DY             Buf // (N,I,C)
	X              Buf // (N,I,C)
	Mean, Rstd     Buf // (N,G)
	Add            Buf // (N,C), or not given
	W, B           Buf // (C)
	Scale, Shift   Buf // (N,C), rows Stride apart, or not given
	E, F           Buf // (N,I,C), pixels EWidth and FWidth apart, or not given
	EScale, FScale float32
	EWidth, FWidth int
	Stride         int
	N, I, C, G     int
	SiLU           bool
}

func groupNormBackward(c *CPU, a GroupNormBackwardArgs) {
	per := a.C / a.G
	dw, db := make([]float64, a.N*a.C), make([]float64, a.N*a.C) // (N,C): slots, summed over n below
	c.Rows(a.N*a.G, 8*a.I*per, func(_, lo, hi int) {
		p := make([]float64, a.I*per) // (I,C/G) the gradient at h
		h := make([]float64, a.I*per)
		for r := lo; r < hi; r++ { // (n,g)
			n, first := r/a.G, r%a.G*per
			mean, rstd := float64(a.Mean.F32[r]), float64(a.Rstd.F32[r])
			var sumP, sumPH float64
			for k := range per {
				ch := first + k
				w, b := float64(a.W.F32[ch]), float64(a.B.F32[ch])
				var add, scale, shift, dscale, dshift float64
				if a.Add.Given() {
					add = float64(a.Add.F32[n*a.C+ch])
				}
				if a.Scale.Given() {
					scale, shift = float64(a.Scale.F32[n*a.Stride+ch]), float64(a.Shift.F32[n*a.Stride+ch])
				}
				for i := range a.I {
					at := (n*a.I+i)*a.C + ch
					normed := (float64(a.X.F32[at]) + add - mean) * rstd
					u := normed*w + b
					g := float64(a.DY.F32[at])
					if a.SiLU {
						z := u*(1+scale) + shift
						s := sigmoid(z)
						g *= s * (1 + z*(1-s))
					}
					dscale += g * u
					dshift += g
					g *= 1 + scale
					dw[n*a.C+ch] += g * normed
					db[n*a.C+ch] += g
					g *= w
					p[i*per+k], h[i*per+k] = g, normed
					sumP += g
					sumPH += g * normed
				}
				if a.Scale.Given() {
					a.DScale.F32[n*a.Stride+ch], a.DShift.F32[n*a.Stride+ch] = float32(dscale), float32(dshift)
				}
			}
			sumP /= float64(a.I * per)
			sumPH /= float64(a.I * per)
			for k := range per {
				var dadd float64
				for i := range a.I {
					dx := rstd * (p[i*per+k] - sumP - h[i*per+k]*sumPH)
					dadd += dx
					if a.E.Given() {
						dx += float64(a.EScale) * float64(a.E.F32[(n*a.I+i)*a.EWidth+first+k])
					}
					if a.F.Given() {
						dx += float64(a.FScale) * float64(a.F.F32[(n*a.I+i)*a.FWidth+first+k])
					}
					a.DX.F32[(n*a.I+i)*a.C+first+k] = float32(dx)
				}
				if a.Add.Given() {
					a.DAdd.F32[n*a.C+first+k] = float32(dadd)
				}
			}
		}
	})
	for ch := range a.C {
		var w, b float64
		for n := range a.N {
			w += dw[n*a.C+ch]
			b += db[n*a.C+ch]
		}
		a.DW.F32[ch], a.DB.F32[ch] = float32(w), float32(b)
	}
}
