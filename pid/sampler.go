package pid

import (
	"math"

	"onestep/autograd"
	"onestep/tensor"
)

// Denoiser is D(x;σ). Shapes: x (N,H,W,C); sigma N levels; labels (N,LabelDim) or nil; result as x.
type Denoiser interface {
	Denoise(x *autograd.Var, sigma []float64, labels *autograd.Var) *autograd.Var
}

// Sampler solves the teacher's ODE, or with churn its stochastic variant, from pure noise [karras22]. The state is float64, the
// network's arithmetic its own. Heun takes 2·Steps−1 evaluations, Euler Steps.
type Sampler struct {
	Levels Levels
	Steps  int
	Euler  bool
	Clip   bool // clamp every answer of the network to [−1,1], as the PID reference does

	Churn      float64 // S_churn: noise put back per step; 0: the ODE
	SMin, SMax float64 // the levels at which it is put back; 0, 0: all
	SNoise     float64 // its relative size; 0: 1
}

// NFE is the number of network evaluations per image.
func (s Sampler) NFE() int {
	if s.Euler {
		return s.Steps
	}
	return 2*s.Steps - 1
}

// Draw turns unit noise (N,H,W,C) into images. Sample k's churn noise is keyed by seeds[k], so it does not depend on the batch.
func (s Sampler) Draw(d Denoiser, noise *tensor.Tensor, labels *autograd.Var, r tensor.Random, seeds []uint64) []float32 {
	ts := s.Levels.Steps(s.Steps)
	x := make([]float64, noise.Len()) // the state
	for i, v := range noise.Float32s() {
		x[i] = float64(v) * ts[0]
	}
	slope := make([]float64, len(x))
	second := make([]float64, len(x))
	next := make([]float64, len(x))
	for k := range s.Steps {
		t, to := ts[k], ts[k+1]
		hat := s.churn(x, t, r, uint64(k), seeds)
		s.slope(slope, d, x, hat, noise, labels)
		for i := range x {
			next[i] = x[i] + (to-hat)*slope[i]
		}
		if to > 0 && !s.Euler {
			s.slope(second, d, next, to, noise, labels)
			for i := range x {
				next[i] = x[i] + (to-hat)*(0.5*slope[i]+0.5*second[i])
			}
		}
		x, next = next, x
	}
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// slope is dx/dt = (x − D(x;t))/t.
func (s Sampler) slope(dst []float64, d Denoiser, x []float64, t float64, like *tensor.Tensor, labels *autograd.Var) {
	dev := like.Device()
	in := make([]float32, len(x))
	for i, v := range x {
		in[i] = float32(v)
	}
	sigma := make([]float64, like.Dim(0))
	for i := range sigma {
		sigma[i] = t
	}
	var denoised []float32
	dev.Scope(func() []*tensor.Tensor {
		denoised = d.Denoise(autograd.Const(dev.FromFloat32(in, like.Shape()...)), sigma, labels).Value.Float32s()
		return nil
	})
	for i, v := range denoised {
		if s.Clip {
			v = min(max(v, -1), 1)
		}
		dst[i] = (x[i] - float64(v)) / t
	}
}

// churn raises the noise of x from t to the level it returns.
func (s Sampler) churn(x []float64, t float64, r tensor.Random, step uint64, seeds []uint64) float64 {
	if s.Churn <= 0 || t < s.SMin || s.SMax > 0 && t > s.SMax {
		return t
	}
	hat := t + t*min(s.Churn/float64(s.Steps), math.Sqrt2-1)
	size := math.Sqrt(hat*hat - t*t)
	if s.SNoise > 0 {
		size *= s.SNoise
	}
	per := len(x) / len(seeds)
	eps := make([]float32, per)
	for n, seed := range seeds {
		r.Normal(eps, tensor.Churn, step, seed)
		for i, e := range eps {
			x[n*per+i] += size * float64(e)
		}
	}
	return hat
}
