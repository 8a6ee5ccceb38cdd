package pid

import (
	"fmt"

	"onestep/autograd"
	"onestep/nn"
	"onestep/nn/optim"
	"onestep/tensor"
)

// sigmaData and sigmaMin are those of all EDM models.
const (
	sigmaData = 0.5
	sigmaMin  = 0.002
)

// Job is a distillation that is set up: teacher, student and trainer.
type Job struct {
	Config  Config
	Teacher *nn.Precond
	Student *Student
	Trainer *Trainer

	spare *Student // draws for weights that no network holds
}

// NewJob sets a run up: the student starts as the teacher. perceptual is needed for the loss lpips only.
func NewJob(c Config, teacher *nn.UNet, perceptual *nn.LPIPS) (*Job, error) {
	if c.Loss == "lpips" && perceptual == nil {
		return nil, fmt.Errorf("loss lpips: no perceptual network for %d-pixel images of %d channels", teacher.Resolution, teacher.InChannels)
	}
	d := teacher.Device
	teacher.Freeze()
	net, err := nn.NewUNet(d, teacher.UNetConfig)
	if err != nil {
		return nil, err
	}
	net.CopyFrom(teacher.Params)
	net.ScaleOutput(float32(c.InitScale))
	net.Checkpoint = c.Checkpoint
	teacher.Half, net.Half = c.FP16, c.FP16

	levels := EDMLevels(c.Points)
	weighting, err := WeightingNamed(c.Weighting)
	if err != nil {
		return nil, err
	}
	j := &Job{Config: c, Teacher: &nn.Precond{Net: teacher, SigmaData: sigmaData}, Student: newStudent(net)}
	var vars []*autograd.Var
	for _, p := range net.Trained() {
		vars = append(vars, p.Var)
	}
	j.Trainer = &Trainer{
		Objective: &Distillation{
			Loss: &Loss{
				Student: j.Student, Teacher: j.Teacher, Levels: levels, Distance: c.distance(perceptual), Weighting: weighting,
			},
			Random: tensor.Random{Seed: c.Seed}, H: net.Resolution, W: net.Resolution, C: net.InChannels,
			Batch: c.Batch, Stratified: c.Stratified,
		},
		Params: net.Params, Opt: optim.New(c.rule(), vars, c.EMA), Batch: c.Batch, Micro: c.Micro, Steps: c.Steps,
		Schedule: Schedule{LR: c.LR, Warmup: c.Warmup, AnnealFrom: c.AnnealFrom, AnnealTo: c.AnnealTo},
		Clip:     c.Clip, Seed: c.Seed,
	}
	if c.FP16 {
		j.Trainer.Scale = NewLossScale()
	}
	return j, nil
}

func newStudent(net *nn.UNet) *Student {
	return &Student{Net: net, SigmaData: sigmaData, SigmaMax: EDMLevels(2).SigmaMax}
}

// Average is the student with the weights of the k-th average, and Untrained the student as it was at the start. Each is valid until the
// next call of either.
func (j *Job) Average(k int) (*Student, error) {
	s, err := j.other()
	if err == nil {
		s.Net.Assign(j.Trainer.Opt.EMA[k])
	}
	return s, err
}

// Untrained is described with [Job.Average].
func (j *Job) Untrained() (*Student, error) {
	s, err := j.other()
	if err == nil {
		s.Net.CopyFrom(j.Teacher.Net.Params)
		s.Net.ScaleOutput(float32(j.Config.InitScale))
	}
	return s, err
}

// other is a student with weights of its own.
func (j *Job) other() (*Student, error) {
	if j.spare == nil {
		net, err := nn.NewUNet(j.Student.Net.Device, j.Student.Net.UNetConfig)
		if err != nil {
			return nil, err
		}
		net.CopyFrom(j.Student.Net.Params) // buffers too
		net.Half = j.Config.FP16
		net.Freeze()
		j.spare = newStudent(net)
	}
	return j.spare, nil
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

// start is the unit noise of some seeds, (N,H,W,C), and their labels.
func (g Generator) start(d *tensor.Device, seeds []uint64) (*tensor.Tensor, *autograd.Var) {
	per := g.H * g.W * g.C
	x := make([]float32, len(seeds)*per)
	labels := make([]int, len(seeds))
	for k, seed := range seeds {
		g.Random.Normal(x[k*per:(k+1)*per], tensor.Noise, samplingStep, seed)
		if labels[k] = g.Class; g.Class < 0 && g.Labels > 0 {
			labels[k] = g.Random.IntN(g.Labels, tensor.Labels, samplingStep, seed)
		}
	}
	return d.FromFloat32(x, len(seeds), g.H, g.W, g.C), OneHot(d, labels, g.Labels)
}

// ByTeacher draws the images of some seeds, (N,H,W,C) numbers, by a sampler.
func (g Generator) ByTeacher(net *nn.Precond, s Sampler, seeds []uint64) (out []float32, err error) {
	defer tensor.Recover(&err)
	d := net.Net.Device
	d.Scope(func() []*tensor.Tensor {
		d.NoRecord(func() {
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
		d.NoRecord(func() {
			noise, labels := g.start(d, seeds)
			z := autograd.Const(noise).Scale(float32(s.SigmaMax))
			out = s.Sample(z, sigmaMin, labels).Value.Float32s()
		})
		return nil
	})
	return out, nil
}

// Seeds lists n seeds from the first.
func Seeds(first uint64, n int) []uint64 {
	s := make([]uint64, n)
	for i := range s {
		s[i] = first + uint64(i)
	}
	return s
}
