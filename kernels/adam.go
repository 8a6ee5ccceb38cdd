package kernels

import "math"

// Adam is one update of Adam [kingma15] or RAdam [liu20], and of every moving average, for one parameter:
//
//	g ← g·gradScale + decay·θ
//	m ← β₁·m + (1−β₁)·g,   v ← β₂·v + (1−β₂)·g²
//	θ ← θ − step·m/(√v + eps)      if Adaptive
//	θ ← θ − step·m                 otherwise
//	ema_r ← r·ema_r + (1−r)·θ      for every rate r
//
// The optimiser folds its bias corrections into Step and Eps. Half, if given, receives θ rounded to binary16.
var Adam = Op[AdamArgs]{Name: "adam", Ref: adam, Half: true}

// AdamArgs lists updated buffers, input, settings, size. All buffers but Half are float32.
type AdamArgs struct {
	P, M, V      Buf       `kernel:"inout"` // (N) θ, m, v
	Half         Buf       `kernel:"out"`   // (N) F16, or not given
	G            Buf       // (N)
	EMA          []Buf     // (N) each, updated
	Rates        []float64 // of each EMA
	GradScale    float32
	Decay        float32
	Beta1, Beta2 float64
	Step, Eps    float32
	Adaptive     bool
	N            int
}

func adam(c *CPU, a AdamArgs) {
	b1, c1, b2, c2 := float32(a.Beta1), float32(1-a.Beta1), float32(a.Beta2), float32(1-a.Beta2)
	c.Blocks(a.N, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			p := a.P.F32[i]
			g := a.G.F32[i]*a.GradScale + a.Decay*p
			m := b1*a.M.F32[i] + c1*g
			v := b2*a.V.F32[i] + c2*g*g
			if a.Adaptive {
				p -= a.Step * m / (float32(math.Sqrt(float64(v))) + a.Eps)
			} else {
				p -= a.Step * m
			}
			a.P.F32[i], a.M.F32[i], a.V.F32[i] = p, m, v
			for k, ema := range a.EMA {
				ema.F32[i] = float32(a.Rates[k])*ema.F32[i] + float32(1-a.Rates[k])*p
			}
			if a.Half.Given() {
				a.Half.F16[i] = ToF16(p)
			}
		}
	})
}
