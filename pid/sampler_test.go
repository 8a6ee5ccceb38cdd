package pid_test

import (
	"math"
	"testing"

	"onestep/autograd"
	"onestep/pid"
	"onestep/tensor"
)

// halves is the denoiser D(x;σ) = x/2.
type halves struct{}

func (halves) Denoise(x *autograd.Var, _ []float64, _ *autograd.Var) *autograd.Var {
	return x.Scale(0.5)
}

// TestSamplerChurn: with D = x/2, where dx/dt = x/(2t), Euler's step from t̂ to t multiplies x by 1 + h, h = (t − t̂)/(2t̂), and Heun's by
// 1 + h/2 + (1+h)·(t − t̂)/(4t). Churn has raised the level to t̂ before, where S_min ≤ t ≤ S_max, by noise of the seed's own.
func TestSamplerChurn(t *testing.T) {
	const samples, per = 2, 3
	d, r, seeds := tensor.CPU(1), tensor.Random{Seed: 7}, []uint64{4, 9}
	noise := []float32{1, -2, 0.5, 0.25, 3, -1}
	for _, s := range []pid.Sampler{
		{Steps: 6, Churn: 1.5, SMin: 0.1, SMax: 50, SNoise: 1.25},
		{Steps: 6, Churn: 1.5, SMin: 0.1, SMax: 50, SNoise: 1.25, Euler: true},
		{Steps: 4, Churn: 100}, // γ is at most √2 − 1
	} {
		s.Levels = pid.EDMLevels(0)
		ts := s.Levels.Steps(s.Steps)
		got := s.Draw(halves{}, d.FromFloat32(noise, samples, 1, 1, per), nil, r, seeds)
		for k, seed := range seeds {
			eps := make([]float32, per)
			for j := range per {
				x := float64(noise[k*per+j]) * ts[0]
				for i := range s.Steps {
					hat, to := ts[i], ts[i+1]
					if hat >= s.SMin && (s.SMax == 0 || hat <= s.SMax) {
						hat *= 1 + min(s.Churn/float64(s.Steps), math.Sqrt2-1)
						r.Normal(eps, tensor.Churn, uint64(i), seed)
						size := math.Sqrt(hat*hat - ts[i]*ts[i])
						if s.SNoise > 0 {
							size *= s.SNoise
						}
						x += size * float64(eps[j])
					}
					h := (to - hat) / (2 * hat)
					if to == 0 || s.Euler {
						x *= 1 + h
					} else {
						x *= 1 + h/2 + (1+h)*(to-hat)/(4*to)
					}
				}
				if y := float64(got[k*per+j]); !(math.Abs(y-x) <= 1e-5*math.Abs(x)) {
					t.Errorf("%+v: sample %d, number %d: %v, want %v", s, k, j, y, x)
				}
			}
		}
	}
}
