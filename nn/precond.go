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

// Denoise is D(x;σ). Shapes: x (N,H,W,C); sigma N positive noise levels; labels (N,LabelDim) or nil; result as x, float32.
func (p *Precond) Denoise(x *autograd.Var, sigma []float64, labels *autograd.Var) *autograd.Var {
	return p.DenoiseWith(x, sigma, Inputs{Labels: labels})
}

// DenoiseWith is Denoise with the other inputs of the network; their Noise is set here.
func (p *Precond) DenoiseWith(x *autograd.Var, sigma []float64, in Inputs) *autograd.Var {
	d := x.Device()
	return autograd.Scope(d, func() *autograd.Var {
		skip, out, cin := make([]float32, len(sigma)), make([]float32, len(sigma)), make([]float32, len(sigma))
		for i, s := range sigma {
			sd := p.SigmaData
			skip[i] = float32(sd * sd / (s*s + sd*sd))
			out[i] = float32(s * sd / math.Sqrt(s*s+sd*sd))
			cin[i] = float32(1 / math.Sqrt(s*s+sd*sd))
		}
		in.Noise = NoiseLabels(d, sigma)
		f := p.Net.Forward(autograd.SampleAxpby(d.FromFloat32(cin, len(sigma)), x, nil, nil), in)
		return autograd.SampleAxpby(d.FromFloat32(skip, len(sigma)), x, d.FromFloat32(out, len(sigma)), f)
	})
}

// NoiseLabels are c_noise = ln(σ)/4, (N).
func NoiseLabels(d *tensor.Device, sigma []float64) *autograd.Var {
	c := make([]float32, len(sigma))
	for i, s := range sigma {
		c[i] = float32(math.Log(s) / 4)
	}
	return autograd.Const(d.FromFloat32(c, len(c)))
}
