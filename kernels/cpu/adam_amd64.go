//go:build amd64 && !purego

package cpu

import "onestep/kernels"

func init() {
	kernels.Adam.Register(kernels.Impl[kernels.AdamArgs]{Kind: "cpu", ISA: kernels.AVX2, Half: true, CPU: adam})
}

// adam passes over memory once: θ stays in the first-level cache for the averages and for the half precision copy.
func adam(c *kernels.CPU, a kernels.AdamArgs) {
	isa, plan := c.ISA(), a.Plan.F32
	if plan[kernels.PlanApply] == 0 {
		return
	}
	set := [9]float32{plan[kernels.PlanGradScale], a.Decay, float32(a.Beta1), float32(1 - a.Beta1), float32(a.Beta2), float32(1 - a.Beta2),
		plan[kernels.PlanStep], plan[kernels.PlanEps]}
	adaptive := int(plan[kernels.PlanAdaptive])
	const part = 2048
	c.BlocksOf(a.P, func(_, _, i, lo, hi int) {
		for ; lo < hi; lo += part {
			n := min(part, hi-lo)
			p := a.P[i].F32[lo:]
			vecAdam(isa, p, a.M[i].F32[lo:], a.V[i].F32[lo:], a.G[i].F32[lo:], &set, adaptive, n)
			for k, r := range a.Rates {
				ema := a.EMA[k*len(a.P)+i].F32[lo:]
				vecAxpby(isa, ema, ema, p, float32(r), float32(1-r), n)
			}
			if len(a.Half) > 0 && a.Half[i].Given() {
				toHalf(a.Half[i].F16[lo:lo+n], p[:n])
			}
		}
	})
}
