package pid

import (
	"math"

	"onestep/autograd"
	"onestep/data"
	"onestep/nn"
	"onestep/tensor"
)

// Denoising is EDM's training loss [karras22], by which teachers are made from images:
//
//	L = E_{y,σ,n} λ(σ)·mean( (D(y+n; σ) − y)² ),   λ = (σ²+σ_data²)/(σ·σ_data)²,   ln σ ~ N(PMean, PStd²),   n ~ N(0,σ²)
type Denoising struct {
	Net         *nn.Precond
	Images      *data.Images
	Random      tensor.Random
	Batch       int
	PMean, PStd float64 // −1.2 and 1.2 in EDM
	Flip        bool    // mirror every other image
	Dropout     float32

	order epochOrder
}

// Losses draws images, levels and noise and evaluates the loss.
func (o *Denoising) Losses(step, first, n int) *autograd.Var {
	d, im := o.Net.Net.Device, o.Images
	per := im.H * im.W * im.C
	clean, noise := make([]float32, n*per), make([]float32, n*per)
	sigma := make([]float64, n)
	weight := make([]float32, n)
	labels := make([]int, n)
	for k := range n {
		index := o.order.pick(im.N, o.Random, step*o.Batch+first+k)
		y := clean[k*per : (k+1)*per]
		im.Float(y, index)
		if o.Flip && o.Random.IntN(2, tensor.Augment, uint64(step), uint64(first+k)) == 1 {
			mirror(y, im.W, im.C)
		}
		if o.Net.Net.LabelDim > 0 {
			labels[k] = im.Labels[index]
		}
		s := o.sigma(step, first+k)
		sd := o.Net.SigmaData
		sigma[k] = s
		weight[k] = float32((s*s + sd*sd) / (s * sd * s * sd))
		x := noise[k*per : (k+1)*per]
		o.Random.Normal(x, tensor.Noise, uint64(step), uint64(first+k))
		for i := range x {
			x[i] = y[i] + float32(s)*x[i]
		}
	}
	shape := []int{n, im.H, im.W, im.C}
	return autograd.Scope(d, func() *autograd.Var {
		in := nn.Inputs{Labels: OneHot(d, labels, o.Net.Net.LabelDim)}
		if o.Dropout > 0 {
			in.Dropout = &nn.Dropout{P: o.Dropout, Random: o.Random, Step: uint64(step), Sample: uint64(first)}
		}
		denoised := o.Net.DenoiseWith(autograd.Const(d.FromFloat32(noise, shape...)), sigma, in)
		l := L2(denoised, autograd.Const(d.FromFloat32(clean, shape...)))
		return autograd.SampleAxpby(d.FromFloat32(weight, n), l, nil, nil)
	})
}

func (o *Denoising) sigma(step, sample int) float64 {
	var z [1]float32
	o.Random.Normal(z[:], tensor.Levels, uint64(step), uint64(sample))
	return math.Exp(o.PMean + o.PStd*float64(z[0]))
}

// Level is where σ lies between its two-sigma bounds, from the most noise.
func (o *Denoising) Level(step, sample int) float64 {
	z := (math.Log(o.sigma(step, sample)) - o.PMean) / o.PStd
	return min(max(0.5-z/4, 0), 0.999)
}
