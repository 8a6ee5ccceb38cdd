package bench

import (
	"onestep/autograd"
	"onestep/nn"
	"onestep/nn/optim"
	"onestep/pid"
	"onestep/tensor"
)

// CIFAR10 is the DDPM++ network of EDM's unconditional CIFAR-10 models, as PID distils it: 55.7 M parameters, 21.2 G multiply-adds an image.
func CIFAR10() nn.UNetConfig {
	c := nn.SongDefaults()
	c.Resolution = 32
	return c
}

// PIDStep is a trainer of the reference's settings but for the distance, L2 in place of LPIPS: RAdam and one average on random weights.
func PIDStep(d *tensor.Device, c nn.UNetConfig, batch int) (*pid.Trainer, error) {
	student, err := nn.NewUNet(d, c)
	if err != nil {
		return nil, err
	}
	teacher, err := nn.NewUNet(d, c)
	if err != nil {
		return nil, err
	}
	r := tensor.Random{Seed: 1}
	student.Init(r)
	teacher.CopyFrom(student.Params)
	teacher.Freeze()
	var vars []*autograd.Var
	for _, p := range student.Trained() {
		vars = append(vars, p.Var)
	}
	o := &pid.Distillation{
		Loss: &pid.Loss{
			Student: &pid.Student{Net: student, SigmaData: 0.5, SigmaMax: 80}, Teacher: &nn.Precond{Net: teacher, SigmaData: 0.5},
			Levels: pid.EDMLevels(250), Distance: pid.L2, Weighting: pid.Weightings["uniform"],
		},
		Random: r, H: c.Resolution, W: c.Resolution, C: c.InChannels, Batch: batch,
	}
	return &pid.Trainer{
		Objective: o, Params: student.Params, Opt: optim.New(optim.RAdam, vars, []float64{0.999}),
		Batch: batch, Steps: 1 << 20, Schedule: pid.Schedule{LR: 2e-4, AnnealFrom: 1},
	}, nil
}

// PIDStepFLOPs are the floating-point operations of a step's convolutions and products: the student forward (1) and backward (2) at two
// levels and the teacher forward, for so many multiply-adds an image.
func PIDStepFLOPs(macs float64, batch int) float64 { return 2 * 7 * macs * float64(batch) }

// CIFAR10MACs are the multiply-adds of one image through [CIFAR10].
const CIFAR10MACs = 21.192e9
