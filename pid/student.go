package pid

import (
	"math"

	"onestep/autograd"
	"onestep/nn"
)

// Student is the trajectory x_θ(z, ·) of the probability-flow ODE that starts at the noise z of standard deviation σ_max:
//
//	x_θ(z,t) = (t/T)·z + (1 − t/T)·F_θ(c_in·z, ln(t)/4),   T = σ_max,   c_in = 1/√(σ_data² + T²)
//
// It meets the boundary x_θ(z,T) = z exactly, whatever F_θ is. F_θ sees z, never x, so c_in is a constant.
type Student struct {
	Net       *nn.UNet
	SigmaData float64
	SigmaMax  float64
}

// At is x_θ(z,t). Shapes: z (N,H,W,C); t N levels; labels (N,LabelDim) or nil; result as z, float32.
func (s *Student) At(z *autograd.Var, t []float64, labels *autograd.Var) *autograd.Var {
	d := z.Device()
	return autograd.Scope(d, func() *autograd.Var {
		f := s.raw(z, t, labels)
		return autograd.SampleAxpby(nn.Coefficients(d, t, s.noiseWeight), z, nn.Coefficients(d, t, s.netWeight), f)
	})
}

// Sample is the generator: x_θ(z, σ_min), one evaluation.
func (s *Student) Sample(z *autograd.Var, sigmaMin float64, labels *autograd.Var) *autograd.Var {
	t := make([]float64, z.Dim(0))
	for i := range t {
		t[i] = sigmaMin
	}
	return s.At(z, t, labels)
}

// raw is F_θ(c_in·z, ln(t)/4).
func (s *Student) raw(z *autograd.Var, t []float64, labels *autograd.Var) *autograd.Var {
	cin := float32(1 / math.Sqrt(s.SigmaData*s.SigmaData+s.SigmaMax*s.SigmaMax))
	return s.Net.Forward(z.Scale(cin), nn.Inputs{Noise: nn.NoiseLabels(z.Device(), t), Labels: labels})
}

func (s *Student) noiseWeight(t float64) float64 { return t / s.SigmaMax }
func (s *Student) netWeight(t float64) float64   { return 1 - t/s.SigmaMax }
