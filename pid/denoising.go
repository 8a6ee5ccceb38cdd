package pid

import (
	"math"

	"onestep/autograd"
	"onestep/nn"
	"onestep/pid/data"
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

	// LabelDropout is the probability that a network with classes is not told an image's, as in EDM: its label is all zeros.
	LabelDropout float32

	// Augment is the probability of each of EDM's augmentations, of which a network with [data.AugmentLabels] is told; 0: none. 0.12 in EDM for
	// CIFAR-10. They mirror every other image, so that Flip does nothing more.
	Augment float64

	order epochOrder
}

// Losses draws images, levels and noise and evaluates the loss.
func (o *Denoising) Losses(step *int, first, n int) *autograd.Var {
	d, im, net, sd := o.Net.Net.Device, o.Images, o.Net.Net, o.Net.SigmaData
	images, sigma, labels, changes := make([]int, n), make([]float64, n), make([]int, n), make([]data.Augmentation, n)
	d.Prepare(func() {
		for k := range n {
			images[k] = o.order.pick(im.N, o.Random, *step*o.Batch+first+k)
			sigma[k] = o.sigma(*step, first+k)
			changes[k] = o.augmentation(*step, first+k)
			if net.LabelDim > 0 {
				labels[k] = o.label(*step, first+k, im.Labels[images[k]])
			}
		}
	})
	return autograd.Scope(d, func() *autograd.Var {
		clean := imageInput(d, im, images, changes)
		noise := autograd.Normal(d, o.Random, tensor.Noise, step, first, 1, n, im.H, im.W, im.C)
		noisy := autograd.SampleAxpby(nn.Coefficients(d, sigma, one), clean, nn.Coefficients(d, sigma, identity), noise)
		in := nn.Inputs{Labels: OneHot(d, labels, net.LabelDim), Augment: augmentLabels(d, changes, net.AugmentDim)}
		if o.Dropout > 0 {
			in.Dropout = &nn.Dropout{P: o.Dropout, Random: o.Random, Step: step, Sample: first}
		}
		weight := nn.Coefficients(d, sigma, func(s float64) float64 { return (s*s + sd*sd) / (s * sd * s * sd) })
		return autograd.SampleAxpby(weight, L2(o.Net.DenoiseWith(noisy, sigma, in), clean), nil, nil)
	})
}

// label is a sample's class, or NoClass.
func (o *Denoising) label(step, sample, class int) int {
	if o.LabelDropout > 0 && o.Random.Float64(tensor.Labels, uint64(step), uint64(sample)) < float64(o.LabelDropout) {
		return NoClass
	}
	return class
}

func one(float64) float64 { return 1 }

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
