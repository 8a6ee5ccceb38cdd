//go:build amd64 && !purego

package cpu

import "onestep/kernels"

func init() {
	kernels.Bilinear.Register(kernels.Impl[kernels.BilinearArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: bilinear})
}

// bilinear stretches the two source rows of an output row, gathering pairs of pixels with indices made once, and mixes them. As
// the next output rows mostly need the same two, gathering, which is slow, is rare.
func bilinear(c *kernels.CPU, a kernels.BilinearArgs) {
	if a.Grad {
		bilinearGrad(c, a)
		return
	}
	isa := c.ISA()
	rows, cols := a.Taps()
	in, out := a.W*a.C, a.OW*a.C
	lo, hi, t := make([]int32, out), make([]int32, out), make([]float32, out)
	for q, tap := range cols {
		for ch := range a.C {
			lo[q*a.C+ch], hi[q*a.C+ch], t[q*a.C+ch] = int32(tap.Lo*a.C+ch), int32(tap.Hi*a.C+ch), float32(tap.T)
		}
	}
	c.Rows(a.N*a.OH, max(1, out/4), func(w, first, end int) {
		stretched := c.Scratch(w, slotRows, 2*out) // the last two source rows, as wide as the output
		held := [2]int{-1, -1}                     // which
		row := func(h int) []float32 {             // (n,h), in the place of its parity
			s := stretched[h%2*out:][:out]
			if held[h%2] != h {
				held[h%2] = h
				vecLerpGather(isa, s, a.X.F32[h*in:], lo, hi, t, out)
			}
			return s
		}
		for m := first; m < end; m++ { // (n,p)
			r, n := rows[m%a.OH], m/a.OH
			vecAxpby(isa, a.Y.F32[m*out:], row(n*a.H+r.Lo), row(n*a.H+r.Hi), float32(1-r.T), float32(r.T), out)
		}
	})
}

// share is what one output row or column takes of a source row or column.
type share struct {
	at     int
	weight float32
}

// shares lists for each source index the outputs that take from it, in order.
func shares(in int, taps []kernels.BilinearTap) [][]share {
	s := make([][]share, in)
	for q, t := range taps {
		if t.Lo == t.Hi {
			s[t.Lo] = append(s[t.Lo], share{q, 1})
			continue
		}
		s[t.Lo] = append(s[t.Lo], share{q, float32(1 - t.T)})
		s[t.Hi] = append(s[t.Hi], share{q, float32(t.T)})
	}
	return s
}

// bilinearGrad makes a source row: it sums the rows that took from it, in order, and then their pixels, in order.
func bilinearGrad(c *kernels.CPU, a kernels.BilinearArgs) {
	isa := c.ISA()
	down, along := a.Taps()
	rows, cols := shares(a.H, down), shares(a.W, along)
	in, out := a.W*a.C, a.OW*a.C
	c.Rows(a.N*a.H, 2*out*(1+a.OH/a.H), func(w, first, end int) {
		sum := c.Scratch(w, slotRows, out)
		for m := first; m < end; m++ { // (n,h)
			clear(sum)
			g := a.X.F32[m/a.H*a.OH*out:]
			for _, s := range rows[m%a.H] {
				vecAxpby(isa, sum, sum, g[s.at*out:], 1, s.weight, out)
			}
			y := a.Y.F32[m*in:][:in]
			clear(y)
			for q, list := range cols {
				dst := y[q*a.C:][:a.C]
				for _, s := range list {
					src := sum[s.at*a.C:][:len(dst)]
					for ch, v := range src {
						dst[ch] += s.weight * v
					}
				}
			}
		}
	})
}
