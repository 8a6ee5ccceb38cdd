//go:build amd64 && !purego

package cpu

import "onestep/kernels"

func init() {
	kernels.Adam.Register(kernels.Impl[kernels.AdamArgs]{Kind: "cpu", ISA: kernels.AVX2, Half: true, CPU: adam})
}

// adam passes over memory once: θ stays in the first-level cache for the averages and for the half precision copy.
func adam(c *kernels.CPU, a kernels.AdamArgs) {
	isa := c.ISA()
	set := [9]float32{a.GradScale, a.Decay, float32(a.Beta1), float32(1 - a.Beta1), float32(a.Beta2), float32(1 - a.Beta2), a.Step, a.Eps}
	adaptive := 0
	if a.Adaptive {
		adaptive = 1
	}
	const part = 2048
	c.Blocks(a.N, func(_, lo, hi int) {
		for ; lo < hi; lo += part {
			n := min(part, hi-lo)
			p := a.P.F32[lo:]
			vecAdam(isa, p, a.M.F32[lo:], a.V.F32[lo:], a.G.F32[lo:], &set, adaptive, n)
			for k, e := range a.EMA {
				ema := e.F32[lo:]
				vecAxpby(isa, ema, ema, p, float32(a.Rates[k]), float32(1-a.Rates[k]), n)
			}
			if a.Half.Given() {
				toHalf(a.Half.F16[lo:lo+n], p[:n])
			}
		}
	})
}
