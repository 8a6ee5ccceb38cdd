//go:build amd64 && !purego

package cpu

import (
	"math"

	"onestep/kernels"
)

func init() {
	kernels.LPIPSLayer.Register(kernels.Impl[kernels.LPIPSLayerArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: lpipsLayer})
	kernels.LPIPSLayerBackward.Register(kernels.Impl[kernels.LPIPSLayerBackwardArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: lpipsLayerBackward})
}

const lpipsEps = 1e-10 // as in the definition

// lpipsTile is the number of pixels whose features stay in the first-level cache between the norms and what follows.
func lpipsTile(c int) int { return min(max(1<<12/c, 4), 256) }

// norms sets k, (rows,4), to the inverse lengths of the rows of x and y; the other two columns are left alone.
func norms(isa kernels.ISA, k, s, x, y []float32, rows, c int) {
	for i, f := range [][]float32{x, y} {
		vecRowSquares(isa, s, f, rows, c)
		for p, v := range s[:rows] {
			k[4*p+i] = float32(1 / (math.Sqrt(float64(v)) + lpipsEps))
		}
	}
}

// lpipsLayer sums the channels of a pixel in float32, and pixels in float64: over a tile, then over tiles in order.
func lpipsLayer(c *kernels.CPU, a kernels.LPIPSLayerArgs) {
	isa := c.ISA()
	tile := lpipsTile(a.C)
	tiles := (a.P + tile - 1) / tile
	slots := scratch64(c, 0, slotAllParts, a.N*tiles)
	c.Rows(a.N*tiles, 4*tile*a.C, func(w, lo, hi int) {
		work := c.Scratch(w, slotCoef, 5*tile)
		s, k := work[:tile], work[tile:]
		for t := lo; t < hi; t++ {
			first := t % tiles * tile
			rows, at := min(tile, a.P-first), (t/tiles*a.P+first)*a.C
			x, y := a.X.F32[at:], a.Y.F32[at:]
			norms(isa, k, s, x, y, rows, a.C)
			vecLpipsDistance(isa, s, x, y, a.W.F32, k, rows, a.C)
			slots[t] = 0
			for _, v := range s[:rows] {
				slots[t] += float64(v)
			}
		}
	})
	for n := range a.N {
		a.D.F32[n] = float32(sum64(slots[n*tiles:][:tiles]) / float64(a.P))
	}
}

// lpipsLayerBackward is dx = K2·w·(x·K0 − y·K1) − K3·x for each pixel; then, while dx is in the cache, the gradient that reaches x by other ways is added, and the rectifier applied.
func lpipsLayerBackward(c *kernels.CPU, a kernels.LPIPSLayerBackwardArgs) {
	isa := c.ISA()
	tile := lpipsTile(a.C)
	tiles := (a.P + tile - 1) / tile
	c.Rows(a.N*tiles, 4*tile*a.C, func(w, lo, hi int) {
		work := c.Scratch(w, slotCoef, 6*tile)
		s, lengths, k := work[:tile], work[tile:2*tile], work[2*tile:]
		for t := lo; t < hi; t++ {
			n, first := t/tiles, t%tiles*tile
			rows, at := min(tile, a.P-first), (n*a.P+first)*a.C
			x, y, dx := a.X.F32[at:], a.Y.F32[at:], a.DX.F32[at:]
			vecRowSquares(isa, lengths, x, rows, a.C)
			norms(isa, k, s, x, y, rows, a.C)
			vecLpipsDot(isa, s, x, y, a.W.F32, k, rows, a.C)
			g := 2 * float64(a.DD.F32[n]) / float64(a.P)
			for p := range rows {
				norm := math.Sqrt(float64(lengths[p]))
				nx := norm + lpipsEps
				k[4*p+2], k[4*p+3] = float32(g/nx), float32(g*float64(s[p])/(norm*nx*nx))
			}
			vecLpipsGrad(isa, dx, x, y, a.W.F32, k, rows, a.C)
			for p := range rows {
				if lengths[p] == 0 {
					clear(dx[p*a.C:][:a.C])
				}
			}
			if a.Add.Given() {
				vecAxpby(isa, dx, dx, a.Add.F32[at:], 1, 1, rows*a.C)
			}
			if a.ReLU {
				vecReluBackward(isa, dx, dx, x, rows*a.C)
			}
		}
	})
}
