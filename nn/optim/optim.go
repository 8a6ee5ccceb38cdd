// Package optim updates parameters: Adam, RAdam, and moving averages beside them, in one pass over memory. What becomes of a step, with its
// clipping, its loss scale and its test for overflow, is decided on the device: nothing here waits for it.
//
// # References
//
//   - [kingma15] D. Kingma, J. Ba, Adam: a method for stochastic optimization, arXiv:1412.6980
//   - [liu20] L. Liu et al., On the variance of the adaptive learning rate and beyond, arXiv:1908.03265
package optim

import (
	"fmt"
	"strings"

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
	Clip         float64 // Euclidean length that the gradient of all parameters is cut to; 0: none
	Scale        LossScale
}

// Adam and RAdam are the rules with their usual settings.
var (
	Adam  = Rule{}
	RAdam = Rule{Rectified: true}
)

// Rules are those that settings can name.
var Rules = []struct {
	Name string
	Rule Rule
}{{"radam", RAdam}, {"adam", Adam}}

// RuleNamed finds a rule. Its error begins with the name.
func RuleNamed(name string) (Rule, error) {
	for _, r := range Rules {
		if r.Name == name {
			return r.Rule, nil
		}
	}
	return Rule{}, fmt.Errorf("%q: want %s", name, RuleNames())
}

// RuleNames lists all rules for people: radam or adam.
func RuleNames() string {
	var names []string
	for _, r := range Rules {
		names = append(names, r.Name)
	}
	return strings.Join(names, " or ")
}

// WithDefaults is the rule with what it leaves out.
func (r Rule) WithDefaults() Rule {
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

// Optimizer holds the state of a rule for a list of parameters, and their moving averages:
//
//	ema ← rate·ema + (1−rate)·θ     after each step, starting at θ, without bias correction
type Optimizer struct {
	Rule  Rule
	Vars  []*autograd.Var
	M, V  []*tensor.Tensor   // first and second moments, float32
	Rates []float64          // of the averages
	EMA   [][]*tensor.Tensor // by rate, then parameter

	state *tensor.Tensor // of kernels.StepControl
	plan  *tensor.Tensor
}

// New starts with zero moments and with averages equal to the parameters.
func New(rule Rule, vars []*autograd.Var, rates []float64) *Optimizer {
	o := &Optimizer{Rule: rule.WithDefaults(), Vars: vars, Rates: rates, EMA: make([][]*tensor.Tensor, len(rates))}
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
	d := o.device()
	o.state, o.plan = d.New(kernels.F32, 2*kernels.StateLen), d.New(kernels.F32, kernels.PlanLen)
	o.SetState(State{Log2: o.Rule.Scale.Log2})
	return o
}

// device is where the parameters are, of which there is at least one.
func (o *Optimizer) device() *tensor.Device { return o.Vars[0].Device() }

// Step updates every parameter that has a gradient, and every average, unless the loss or the gradient overflowed. lr is called for the
// learning rate again whenever a [tensor.Program] is replayed. The report r is [ReportWords] words, which Step fills, and then the losses of all
// samples, which it reads.
func (o *Optimizer) Step(lr func() float64, r *tensor.Tensor) {
	d := o.device()
	d.Scope(func() []*tensor.Tensor {
		o.control(d.Input(func(dst []float32) { kernels.PutFloat64(dst, lr()) }, 2), r)
		a := kernels.AdamArgs{Plan: o.plan.Buf(), Rates: o.Rates, Decay: float32(o.Rule.WeightDecay), Beta1: o.Rule.Beta1, Beta2: o.Rule.Beta2}
		var moved []int // the averages of the others equal them
		for i, x := range o.Vars {
			if x.Grad != nil {
				moved = append(moved, i)
				a.P, a.G, a.Half = append(a.P, x.Buf()), append(a.G, x.Grad.Buf()), append(a.Half, x.Half())
				a.M, a.V = append(a.M, o.M[i].Buf()), append(a.V, o.V[i].Buf())
			}
		}
		for _, ema := range o.EMA {
			for _, i := range moved {
				a.EMA = append(a.EMA, ema[i].Buf())
			}
		}
		kernels.Adam.Run(d, a)
		return nil
	})
}

// control measures gradient and parameters and plans the step.
func (o *Optimizer) control(lr, r *tensor.Tensor) {
	d := o.device()
	var values, grads []kernels.Buf
	for _, x := range o.Vars {
		values = append(values, x.Buf())
		if x.Grad != nil {
			grads = append(grads, x.Grad.Buf())
		}
	}
	norm := func(list []kernels.Buf) kernels.Buf {
		y := d.New(kernels.F32, 2).Buf()
		kernels.SquaredNorm.Run(d, kernels.SquaredNormArgs{Y: y, X: list})
		return y
	}
	n := r.Len() - ReportWords
	kernels.StepControl.Run(d, kernels.StepControlArgs{
		State: o.state.Buf(), Plan: o.plan.Buf(), Report: r.Buf().Slice(0, ReportWords), Grad: norm(grads), Param: norm(values),
		LR: lr.Buf(), Losses: r.Buf().Slice(ReportWords, ReportWords+n), Rectified: o.Rule.Rectified, Beta1: o.Rule.Beta1, Beta2: o.Rule.Beta2,
		Eps: o.Rule.Eps, Clip: o.Rule.Clip, Growth: o.Rule.Scale.Growth, N: n,
	})
}

// Release frees the state and the averages.
func (o *Optimizer) Release() {
	for i := range o.Vars {
		o.M[i].Release()
		o.V[i].Release()
		for k := range o.EMA {
			o.EMA[k][i].Release()
		}
	}
	o.state.Release()
	o.plan.Release()
}
