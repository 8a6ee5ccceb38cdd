// Package optim updates parameters: Adam, RAdam, and moving averages beside them, in one pass over memory.
//
// # References
//
//   - [kingma15] D. Kingma, J. Ba, Adam: a method for stochastic optimization, arXiv:1412.6980
//   - [liu20] L. Liu et al., On the variance of the adaptive learning rate and beyond, arXiv:1908.03265
package optim

import (
	"math"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

// Rule is how a gradient becomes a step. The zero Rule is Adam with the usual settings.
type Rule struct {
	Rectified    bool    // RAdam [liu20] instead of Adam [kingma15]
	Beta1, Beta2 float64 // 0: 0.9 and 0.999
	Eps          float64 // 0: 1e-8
	WeightDecay  float64 // L2: added to the gradient
}

// Adam and RAdam are the rules with their usual settings.
var (
	Adam  = Rule{}
	RAdam = Rule{Rectified: true}
)

func (r Rule) withDefaults() Rule {
	if r.Beta1 == 0 {
		r.Beta1 = 0.9
	}
	if r.Beta2 == 0 {
		r.Beta2 = 0.999
	}
	if r.Eps == 0 {
		r.Eps = 1e-8
	}
	return r
}

// coefficients folds the bias corrections of step k = 1, 2, … into a step size and an epsilon for [kernels.Adam]:
//
//	Adam:  θ ← θ − (lr/b₁)·m / (√v/√b₂ + ε)                b_i = 1 − β_i^k
//	RAdam: θ ← θ − lr·r·(m/b₁)·√b₂/(√v + ε)                if ρ_k > 5, with
//	       r = √( (ρ_k−4)(ρ_k−2)ρ_∞ / ((ρ_∞−4)(ρ_∞−2)ρ_k) )
//	       θ ← θ − lr·m/b₁                                  otherwise: the first five steps
//
// RAdam adds ε to √v before the bias correction, as PyTorch does.
func (r Rule) coefficients(lr float64, k int) (step, eps float64, adaptive bool) {
	b1, b2 := 1-math.Pow(r.Beta1, float64(k)), 1-math.Pow(r.Beta2, float64(k))
	if !r.Rectified {
		return lr / b1 * math.Sqrt(b2), r.Eps * math.Sqrt(b2), true
	}
	limit := 2/(1-r.Beta2) - 1
	rho := limit - 2*float64(k)*math.Pow(r.Beta2, float64(k))/b2
	if rho <= 5 {
		return lr / b1, 0, false
	}
	rect := math.Sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
	return lr * rect * math.Sqrt(b2) / b1, r.Eps, true
}

// Optimizer holds the state of a rule for a list of parameters, and their moving averages:
//
//	ema ← rate·ema + (1−rate)·θ     after each step, starting at θ, without bias correction
type Optimizer struct {
	Rule  Rule
	Vars  []*autograd.Var
	Steps int                // taken so far
	M, V  []*tensor.Tensor   // first and second moments, float32
	Rates []float64          // of the averages
	EMA   [][]*tensor.Tensor // by rate, then parameter
}

// New starts with zero moments and with averages equal to the parameters.
func New(rule Rule, vars []*autograd.Var, rates []float64) *Optimizer {
	o := &Optimizer{Rule: rule.withDefaults(), Vars: vars, Rates: rates, EMA: make([][]*tensor.Tensor, len(rates))}
	for _, x := range vars {
		zero := func() *tensor.Tensor {
			t := x.Device().New(kernels.F32, x.Shape()...)
			t.CopyFrom(make([]float32, x.Len()))
			return t
		}
		o.M = append(o.M, zero())
		o.V = append(o.V, zero())
		for k := range rates {
			e := x.Device().New(kernels.F32, x.Shape()...)
			e.Copy(x.Value)
			o.EMA[k] = append(o.EMA[k], e)
		}
	}
	return o
}

// Step updates every parameter that has a gradient, which is first multiplied by gradScale (clipping, and the inverse of the loss
// scale), and every average.
func (o *Optimizer) Step(lr, gradScale float64) {
	o.Steps++
	step, eps, adaptive := o.Rule.coefficients(lr, o.Steps)
	for i, x := range o.Vars {
		if x.Grad == nil {
			continue // its averages equal it
		}
		args := kernels.AdamArgs{
			P: x.Buf(), M: o.M[i].Buf(), V: o.V[i].Buf(), G: x.Grad.Buf(), Rates: o.Rates,
			GradScale: float32(gradScale), Decay: float32(o.Rule.WeightDecay), Beta1: o.Rule.Beta1, Beta2: o.Rule.Beta2,
			Step: float32(step), Eps: float32(eps), Adaptive: adaptive, N: x.Len(),
		}
		for k := range o.Rates {
			args.EMA = append(args.EMA, o.EMA[k][i].Buf())
		}
		kernels.Adam.Run(x.Device(), args)
	}
}

// GradNorm is the Euclidean length of all gradients together; ±Inf or NaN if any element is. The sum over tensors is in float64.
func (o *Optimizer) GradNorm() float64 {
	return norm(o.Vars, func(x *autograd.Var) *tensor.Tensor { return x.Grad })
}

// ParamNorm is the Euclidean length of all parameters together.
func (o *Optimizer) ParamNorm() float64 {
	return norm(o.Vars, func(x *autograd.Var) *tensor.Tensor { return x.Value })
}

func norm(vars []*autograd.Var, of func(*autograd.Var) *tensor.Tensor) float64 {
	if len(vars) == 0 {
		return 0
	}
	d := vars[0].Device()
	slots := d.New(kernels.F32, len(vars))
	defer slots.Release()
	slots.CopyFrom(make([]float32, len(vars)))
	for i, x := range vars {
		if t := of(x); t != nil {
			kernels.Norm.Run(d, kernels.NormArgs{Y: slots.Buf().Slice(i, i+1), X: t.Buf(), N: t.Len()})
		}
	}
	var sum float64
	for _, v := range slots.Float32s() {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// Release frees the moments and averages.
func (o *Optimizer) Release() {
	for i := range o.Vars {
		o.M[i].Release()
		o.V[i].Release()
		for k := range o.EMA {
			o.EMA[k][i].Release()
		}
	}
}
