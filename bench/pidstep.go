package bench

import (
	"onestep/nn"
	"onestep/nn/optim"
	"onestep/pid"
	"onestep/tensor"
)

// Step says which training step is timed. The zero value but for Net and Batch is float32 with the L2 distance.
type Step struct {
	Net   nn.UNetConfig
	Batch int
	Half  bool      // mixed precision
	LPIPS bool      // the distance of the reference, on VGG16 at 224×224; else L2
	Rates []float64 // of the averages; nil: one

	Recompute bool // compute blocks again in the backward pass
}

// PIDStep is a trainer of the reference's settings on random weights: RAdam, 250 grid points.
func PIDStep(d *tensor.Device, s Step) (*pid.Trainer, error) {
	student, err := nn.NewUNet(d, s.Net)
	if err != nil {
		return nil, err
	}
	teacher, err := nn.NewUNet(d, s.Net)
	if err != nil {
		return nil, err
	}
	r := tensor.Random{Seed: 1}
	student.Init(r)
	teacher.CopyFrom(student.Params)
	teacher.Freeze()
	teacher.Half, student.Half = s.Half, s.Half
	student.Recompute = s.Recompute
	distance := pid.L2
	if s.LPIPS {
		vgg := nn.NewVGG16(d)
		vgg.Init(r)
		l := nn.NewVGGLPIPS(vgg, -1, 1)
		l.Half = s.Half
		distance = l.Distance
	}
	rule := optim.RAdam
	if s.Half {
		rule.Scale = optim.Half
	}
	rates := s.Rates
	if rates == nil {
		rates = []float64{0.999}
	}
	o := &pid.Distillation{
		Loss: &pid.Loss{
			Student: pid.NewStudent(student), Teacher: pid.NewTeacher(teacher),
			Levels: pid.EDMLevels(250), Distance: distance, Weighting: pid.Uniform,
		},
		Random: r, H: s.Net.Resolution, W: s.Net.Resolution, C: s.Net.InChannels, Batch: s.Batch,
	}
	return &pid.Trainer{
		Objective: o, Params: student.Params, Opt: optim.New(rule, student.Vars(), rates),
		Batch: s.Batch, Steps: 1 << 20, Schedule: pid.Schedule{LR: 2e-4, AnnealFrom: 1},
	}, nil
}

// PIDStepFLOPs are the floating-point operations of a step's convolutions and products: the student forward (1) and backward (2) at two
// levels and the teacher forward, for so many multiply-adds an image.
func PIDStepFLOPs(macs float64, batch int) float64 { return 2 * 7 * macs * float64(batch) }

// CIFAR10MACs are the multiply-adds of one image through [nn.CIFAR10].
const CIFAR10MACs = 21.192e9

// LPIPSFLOPs are those of a step's distance on VGG16 at 224×224, whose convolutions are 15.347 G multiply-adds an image: both images forward, one
// of them backward, without gradients of weights.
func LPIPSFLOPs(batch int) float64 { return 2 * 3 * 15.347e9 * float64(batch) }
