package pid

import (
	"onestep/autograd"
	"onestep/nn"
	"onestep/tensor"
)

// Constants of all EDM models [karras22].
const (
	sigmaData = 0.5 // standard deviation of the data
	sigmaMin  = 0.002
	sigmaMax  = 80
)

// NewTeacher is the denoiser of a raw network, with the constants of all EDM models.
func NewTeacher(net *nn.UNet) *nn.Precond { return &nn.Precond{Net: net, SigmaData: sigmaData} }

// NewStudent is the trajectory of a raw network, with the constants of all EDM models.
func NewStudent(net *nn.UNet) *Student {
	return &Student{Net: net, SigmaData: sigmaData, SigmaMax: sigmaMax}
}

// Generator draws images from numbered seeds: image k is the same whatever is drawn with it.
type Generator struct {
	Random tensor.Random
	H, W   int
	C      int
	Class  int // of every image of a conditional network; −1: one drawn per seed
	Labels int // number of classes; 0: unconditional
}

// GeneratorFor fits a network.
func GeneratorFor(net *nn.UNet, seed uint64) Generator {
	return Generator{Random: tensor.Random{Seed: seed}, H: net.Resolution, W: net.Resolution, C: net.InChannels, Class: -1, Labels: net.LabelDim}
}

// samplingStep is the counter word that keeps the noise of drawn images apart from that of training steps.
const samplingStep = 1 << 40

// ClassOf is the label of a seed's image; −1 for an unconditional network.
func (g Generator) ClassOf(seed uint64) int {
	if g.Class < 0 && g.Labels > 0 {
		return g.Random.IntN(g.Labels, tensor.Labels, samplingStep, seed)
	}
	return g.Class
}

// start is the unit noise of some seeds, (N,H,W,C), and their labels.
func (g Generator) start(d *tensor.Device, seeds []uint64) (*tensor.Tensor, *autograd.Var) {
	per := g.H * g.W * g.C
	x := make([]float32, len(seeds)*per)
	labels := make([]int, len(seeds))
	for k, seed := range seeds {
		g.Random.Normal(x[k*per:(k+1)*per], tensor.Noise, samplingStep, seed)
		labels[k] = g.ClassOf(seed)
	}
	return d.FromFloat32(x, len(seeds), g.H, g.W, g.C), OneHot(d, labels, g.Labels)
}

// ByTeacher draws the images of some seeds, (N,H,W,C) numbers, by a sampler.
func (g Generator) ByTeacher(net *nn.Precond, s Sampler, seeds []uint64) (out []float32, err error) {
	defer tensor.Recover(&err)
	d := net.Net.Device
	d.Scope(func() []*tensor.Tensor {
		d.NoGrad(func() {
			noise, labels := g.start(d, seeds)
			out = s.Draw(net, noise, labels, g.Random, seeds)
		})
		return nil
	})
	return out, nil
}

// ByStudent draws the images of some seeds in one evaluation.
func (g Generator) ByStudent(s *Student, seeds []uint64) (out []float32, err error) {
	defer tensor.Recover(&err)
	d := s.Net.Device
	d.Scope(func() []*tensor.Tensor {
		d.NoGrad(func() {
			noise, labels := g.start(d, seeds)
			z := autograd.Const(noise).Scale(float32(s.SigmaMax))
			out = s.Sample(z, sigmaMin, labels).Value.Float32s()
		})
		return nil
	})
	return out, nil
}

// MaxSeed is the largest seed of an image: random numbers are told apart by 44 bits of it, see [tensor.Random].
const MaxSeed = 1<<44 - 1

// Seeds lists n seeds from the first.
func Seeds(first uint64, n int) []uint64 {
	s := make([]uint64, n)
	for i := range s {
		s[i] = first + uint64(i)
	}
	return s
}
