package pid

import (
	"math"
	"slices"

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
//
// It is Algorithm 2 of [karras22]: hat is the level t̂ᵢ to which churn goes back, x from there on x̂ᵢ.
func (s Sampler) Draw(d Denoiser, noise *tensor.Tensor, labels *autograd.Var, r tensor.Random, seeds []uint64) []float32 {
	slope := func(x vector, t float64) vector { // dx/dt = (x − D(x;t))/t
		return x.minus(s.denoise(d, x, t, noise, labels)).over(t)
	}
	t := s.Levels.Steps(s.Steps)
	x := vectorOf(noise.Float32s()).times(t[0]) // x₀ ~ N(0, t₀²)
	for i := range s.Steps {
		hat := t[i]
		if gamma := s.gamma(t[i]); gamma > 0 {
			hat = t[i] + gamma*t[i]
			x = x.plus(math.Sqrt(hat*hat-t[i]*t[i])*s.noise(), churnNoise(r, i, seeds, len(x)))
		}
		slope1 := slope(x, hat)
		next := x.plus(t[i+1]-hat, slope1) // Euler's step
		if t[i+1] > 0 && !s.Euler {
			slope2 := slope(next, t[i+1])
			next = x.plus(t[i+1]-hat, mean(slope1, slope2)) // Heun's
		}
		x = next
	}
	return x.float32s()
}

// gamma is γ, by which the level t is raised in proportion, where S_min ≤ t ≤ S_max.
func (s Sampler) gamma(t float64) float64 {
	if s.Churn <= 0 || t < s.SMin || s.SMax > 0 && t > s.SMax {
		return 0
	}
	return min(s.Churn/float64(s.Steps), math.Sqrt2-1)
}

// noise is S_noise.
func (s Sampler) noise() float64 {
	if s.SNoise > 0 {
		return s.SNoise
	}
	return 1
}

// churnNoise is εᵢ ~ N(0,1) for a state of n numbers.
func churnNoise(r tensor.Random, step int, seeds []uint64, n int) vector {
	per := n / len(seeds)
	e := make([]float32, n)
	for k, seed := range seeds {
		r.Normal(e[k*per:(k+1)*per], tensor.Churn, uint64(step), seed)
	}
	return vectorOf(e)
}

// denoise is D(x;t), computed in the network's arithmetic, for images of the shape of like.
func (s Sampler) denoise(d Denoiser, x vector, t float64, like *tensor.Tensor, labels *autograd.Var) vector {
	dev, sigma := like.Device(), slices.Repeat([]float64{t}, like.Dim(0))
	var denoised []float32
	dev.Scope(func() []*tensor.Tensor {
		denoised = d.Denoise(autograd.Const(dev.FromFloat32(x.float32s(), like.Shape()...)), sigma, labels).Value.Float32s()
		return nil
	})
	if s.Clip {
		for i, v := range denoised {
			denoised[i] = min(max(v, -1), 1)
		}
	}
	return vectorOf(denoised)
}
