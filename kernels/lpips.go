package kernels

import "math"

// lpipsEps is added to the norm of a feature vector, outside the root.
const lpipsEps = 1e-10

// LPIPSLayer is one layer's share of the perceptual distance [zhang18]: the weighted squared difference of features of unit
// length, averaged over the pixels:
//
//	f̂ = f/(√(Σ_c f²) + 1e-10),   d[n] = Σ_p Σ_c w[c]·(x̂ − ŷ)² / P
var LPIPSLayer = define(Op[LPIPSLayerArgs]{Name: "lpips_layer", Ref: lpipsLayer})

// LPIPSLayerArgs lists output, inputs, sizes.
type LPIPSLayerArgs struct {
	D       Buf `kernel:"out"` // (N) float32
	X, Y    Buf // (N,P,C) features
	W       Buf // (C)
	N, P, C int
}

func lpipsLayer(c *CPU, a LPIPSLayerArgs) {
	c.For(a.N, func(_, n int) {
		var sum float64
		for p := n * a.P; p < (n+1)*a.P; p++ {
			x, y := a.X.F32[p*a.C:][:a.C], a.Y.F32[p*a.C:][:a.C]
			nx, ny := length(x)+lpipsEps, length(y)+lpipsEps
			for ch, w := range a.W.F32[:a.C] {
				d := float64(x[ch])/nx - float64(y[ch])/ny
				sum += float64(w) * d * d
			}
		}
		a.D.F32[n] = float32(sum / float64(a.P))
	})
}

func length(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return math.Sqrt(s)
}

// LPIPSLayerBackward is the gradient of [LPIPSLayer] at x; swap x and y for the other. With u the gradient at x̂,
//
//	dx = u/(‖x‖+ε) − x·(Σ_c u·x)/(‖x‖·(‖x‖+ε)²) + add,   of which the first two are 0 where ‖x‖ = 0
//
// where add is the gradient that reaches x by other ways. With ReLU, dx is the gradient before the rectifier that made x: 0 where x is not positive.
// Deviation: PyTorch has NaN at a pixel without any active channel, which its rectifier then drops; here it is 0 at once.
var LPIPSLayerBackward = define(Op[LPIPSLayerBackwardArgs]{Name: "lpips_layer_backward", Ref: lpipsLayerBackward})

// LPIPSLayerBackwardArgs lists output, inputs, setting, sizes. Add may be left out.
type LPIPSLayerBackwardArgs struct {
	DX      Buf `kernel:"out"` // (N,P,C)
	DD      Buf // (N) float32
	X, Y    Buf // (N,P,C)
	W       Buf // (C)
	Add     Buf // (N,P,C), or not given
	ReLU    bool
	N, P, C int
}

func lpipsLayerBackward(c *CPU, a LPIPSLayerBackwardArgs) {
	c.Rows(a.N*a.P, 4*a.C, func(_, lo, hi int) {
		u := make([]float64, a.C)
		for p := lo; p < hi; p++ {
			g := 2 * float64(a.DD.F32[p/a.P]) / float64(a.P)
			x, y, dx := a.X.F32[p*a.C:][:a.C], a.Y.F32[p*a.C:][:a.C], a.DX.F32[p*a.C:][:a.C]
			norm := length(x)
			nx, ny := norm+lpipsEps, length(y)+lpipsEps
			var dot float64
			for ch, w := range a.W.F32[:a.C] {
				u[ch] = g * float64(w) * (float64(x[ch])/nx - float64(y[ch])/ny)
				dot += u[ch] * float64(x[ch])
			}
			for ch := range u {
				var d float64
				if norm > 0 {
					d = u[ch]/nx - float64(x[ch])*dot/(norm*nx*nx)
				}
				if a.Add.Given() {
					d += float64(a.Add.F32[p*a.C+ch])
				}
				if a.ReLU && !(x[ch] > 0) {
					d = 0
				}
				dx[ch] = float32(d)
			}
		}
	})
}
