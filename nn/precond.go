package nn

import (
	"math"

	"onestep/autograd"
	"onestep/tensor"
)

// Precond is EDM's denoiser around a raw network [karras22]:
//
//	D(x;σ) = c_skip·x + c_out·F(c_in·x, ln(σ)/4)
//	c_skip = σ_data²/(σ²+σ_data²),   c_out = σ·σ_data/√(σ²+σ_data²),   c_in = 1/√(σ²+σ_data²)
type Precond struct {
	Net       *UNet
	SigmaData float64 // 0.5 for images in [−1,1]
}

// Denoise is D(x;σ). Shapes: x (N,H,W,C); sigma N positive noise levels; labels (N,LabelDim) or nil; result as x, float32. The levels are read
// again whenever a [tensor.Program] is replayed.
func (p *Precond) Denoise(x *autograd.Var, sigma []float64, labels *autograd.Var) *autograd.Var {
	return p.DenoiseWith(x, sigma, Inputs{Labels: labels})
}

// DenoiseWith is Denoise with the other inputs of the network; their Noise is set here.
func (p *Precond) DenoiseWith(x *autograd.Var, sigma []float64, in Inputs) *autograd.Var {
	d, sd := x.Device(), p.SigmaData
	return autograd.Scope(d, func() *autograd.Var {
		skip := Coefficients(d, sigma, func(s float64) float64 { return sd * sd / (s*s + sd*sd) })
		out := Coefficients(d, sigma, func(s float64) float64 { return s * sd / math.Sqrt(s*s+sd*sd) })
		cin := Coefficients(d, sigma, func(s float64) float64 { return 1 / math.Sqrt(s*s+sd*sd) })
		in.Noise = NoiseLabels(d, sigma)
		f := p.Net.Forward(autograd.SampleAxpby(cin, x, nil, nil), in)
		return autograd.SampleAxpby(skip, x, out, f)
	})
}

// NoiseLabels are c_noise = ln(σ)/4, (N).
func NoiseLabels(d *tensor.Device, sigma []float64) *autograd.Var {
	return autograd.Const(Coefficients(d, sigma, func(s float64) float64 { return math.Log(s) / 4 }))
}

// Coefficients is f of every level, (N). Both are asked again whenever a [tensor.Program] is replayed.
func Coefficients(d *tensor.Device, levels []float64, f func(float64) float64) *tensor.Tensor {
	return d.Input(func(dst []float32) {
		for i, v := range levels {
			dst[i] = float32(f(v))
		}
	}, len(levels))
}
