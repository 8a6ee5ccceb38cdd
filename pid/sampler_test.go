package pid_test

import (
	"math"
	"slices"
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

// constant is a denoiser that always says the same, whose ODE's solution is a straight line, which both samplers follow exactly.
type constant struct {
	says   float32
	levels []float64   // that it was asked at
	inputs [][]float32 // that it was given
}

func (c *constant) Denoise(x *autograd.Var, sigma []float64, _ *autograd.Var) *autograd.Var {
	if slices.Max(sigma) != slices.Min(sigma) || len(sigma) != x.Dim(0) {
		panic("levels differ")
	}
	c.levels, c.inputs = append(c.levels, sigma[0]), append(c.inputs, x.Value.Float32s())
	return autograd.Const(x.Device().FromFloat32(slices.Repeat([]float32{c.says}, x.Len()), x.Shape()...))
}

// TestSamplerSteps sees where the samplers ask the network, and with what, and that they end at what it says.
func TestSamplerSteps(t *testing.T) {
	noise := tensor.CPU(1).FromFloat32([]float32{-1, 0.5, 2, 0}, 2, 1, 2, 1)
	levels := pid.EDMLevels(0)
	ts := levels.Steps(3)
	for _, c := range []struct {
		sampler pid.Sampler
		says    float32
		levels  []float64
		end     float32
	}{
		{pid.Sampler{Levels: levels, Steps: 3}, 3, []float64{ts[0], ts[1], ts[1], ts[2], ts[2]}, 3},
		{pid.Sampler{Levels: levels, Steps: 3, Euler: true}, 3, []float64{ts[0], ts[1], ts[2]}, 3},
		{pid.Sampler{Levels: levels, Steps: 3, Euler: true, Clip: true}, 3, []float64{ts[0], ts[1], ts[2]}, 1},
		{pid.Sampler{Levels: levels, Steps: 3, Euler: true, Clip: true}, -3, []float64{ts[0], ts[1], ts[2]}, -1},
		{pid.Sampler{Levels: levels, Steps: 1}, 3, []float64{80}, 3},
	} {
		d := &constant{says: c.says}
		out := c.sampler.Draw(d, noise, nil, tensor.Random{}, []uint64{1, 2})
		if !slices.Equal(d.levels, c.levels) || c.sampler.NFE() != len(c.levels) {
			t.Errorf("%+v: asked at %v, want %v; %d evaluations", c.sampler, d.levels, c.levels, c.sampler.NFE())
		}
		for k, in := range d.inputs {
			for i, got := range in {
				start := float64(noise.Float32s()[i]) * 80
				want := float64(c.end) + (start-float64(c.end))*c.levels[k]/80
				if math.Abs(float64(got)-want) > 1e-4 {
					t.Errorf("%+v: evaluation %d has %g, want %g", c.sampler, k, got, want)
				}
			}
		}
		for _, got := range out {
			if math.Abs(float64(got-c.end)) > 1e-5 {
				t.Errorf("%+v: ends at %v, want %g", c.sampler, out, c.end)
			}
		}
	}
}
