package kernels

import "math"

// Adam is one update of Adam [kingma15] or RAdam [liu20], and of every moving average, for all parameters, as [StepControl] planned it:
//
//	g ← g·gradScale + decay·θ
//	m ← β₁·m + (1−β₁)·g,   v ← β₂·v + (1−β₂)·g²
//	θ ← θ − step·m/(√v + eps)      if adaptive
//	θ ← θ − step·m                 otherwise
//	ema_r ← r·ema_r + (1−r)·θ      for every rate r
//
// Half, if given, receives θ rounded to binary16. Where the plan says not to apply, nothing is changed.
var Adam = define(Op[AdamArgs]{Name: "adam", Ref: adam, Half: true})

// AdamArgs lists updated buffers, inputs, settings. The lists are by parameter, whose buffers have one length; all but Half are float32.
type AdamArgs struct {
	P, M, V      []Buf     `kernel:"inout"` // θ, m, v
	EMA          []Buf     `kernel:"inout"` // by rate, then parameter
	Half         []Buf     `kernel:"out"`   // F16; each may be not given, or the list empty
	G            []Buf     // gradients
	Plan         Buf       // (PlanLen)
	Rates        []float64 // of the averages
	Decay        float32
	Beta1, Beta2 float64
}

func adam(c *CPU, a AdamArgs) {
	plan := a.Plan.F32
	if plan[PlanApply] == 0 {
		return
	}
	gradScale, step, eps, adaptive := plan[PlanGradScale], plan[PlanStep], plan[PlanEps], plan[PlanAdaptive] != 0
	b1, c1, b2, c2 := float32(a.Beta1), float32(1-a.Beta1), float32(a.Beta2), float32(1-a.Beta2)
	c.BlocksOf(a.P, func(_, _, n, lo, hi int) {
		for i := lo; i < hi; i++ {
			p := a.P[n].F32[i]
			g := a.G[n].F32[i]*gradScale + a.Decay*p
			m := b1*a.M[n].F32[i] + c1*g
			v := b2*a.V[n].F32[i] + c2*g*g
			if adaptive {
				p -= step * m / (float32(math.Sqrt(float64(v))) + eps)
			} else {
				p -= step * m
			}
			a.P[n].F32[i], a.M[n].F32[i], a.V[n].F32[i] = p, m, v
			for k, r := range a.Rates {
				ema := a.EMA[k*len(a.P)+n].F32
				ema[i] = float32(r)*ema[i] + float32(1-r)*p
			}
			if len(a.Half) > 0 && a.Half[n].Given() {
				a.Half[n].F16[i] = ToF16(p)
			}
		}
	})
}
