package plan

import (
	"onestep/kernels"
	"onestep/kernels/cuda"
	"onestep/kernels/cuda/emulated"
	"onestep/nn"
	"onestep/pid"
	"onestep/pid/embedded"
	"onestep/tensor"
	"onestep/tools/internal/results"
)

// dry is a device that computes nothing, and the bytes that it has taken from the system.
type dry struct {
	*tensor.Device
	cpu  *kernels.CPU
	gpu  *cuda.Device // or nil
	held func() int64
	fill func(*nn.Params) // gives a network weights, for tests that compute; nil: they stay undefined
}

// newDry is a dry CPU with so many threads. No buffer may be larger than all memory, if it is known how much that is.
func newDry(threads int, free int64) *dry {
	cpu := kernels.NewDryCPU(threads)
	if free > 0 {
		cpu.LimitDry(free)
	}
	return &dry{Device: tensor.On(cpu), cpu: cpu, held: cpu.Held}
}

// newDryGPU is a GPU that records, as r does.
func newDryGPU(r *emulated.Recorder) (*dry, error) {
	gpu, err := cuda.On(r.Fresh(), "dry run")
	if err != nil {
		return nil, err
	}
	return &dry{Device: tensor.On(gpu), gpu: gpu, held: gpu.Held}, nil
}

func (d *dry) close() {
	if d.gpu != nil {
		d.gpu.Close()
		return
	}
	d.cpu.Close()
}

// now is the bytes of buffers in use.
func (d *dry) now() int64 {
	now, _ := d.Memory()
	return now
}

// stage is a job that is set up on a dry device, and what each thing took.
type stage struct {
	*pid.Job
	teacher, perceptual, student int64 // bytes; the student with its optimiser
	inception                    *nn.Inception
	inceptionBytes               int64
}

// setUp makes the networks, without weights, and the trainer.
func (d *dry) setUp(c pid.Config, config nn.UNetConfig) (s *stage, err error) {
	s = &stage{}
	start := d.now()
	took := func() int64 {
		before := start
		start = d.now()
		return start - before
	}
	if c.Inception != "" {
		s.inception = nn.NewInception(d.Device, nn.InceptionPyTorch)
		s.inception.Batch = results.InceptionBatch(c)
		d.fillWeights(s.inception.Params)
	}
	s.inceptionBytes = took()
	teacher, err := nn.NewUNet(d.Device, config)
	if err != nil {
		return nil, err
	}
	d.fillWeights(teacher.Params)
	s.teacher = took()
	var perceptual *nn.LPIPS
	if c.Perceptual() {
		if perceptual, err = d.features(c, teacher); err != nil {
			return nil, err
		}
	}
	s.perceptual = took()
	if s.Job, err = pid.NewJob(c, teacher, perceptual); err != nil {
		return nil, err
	}
	s.student = took()
	return s, nil
}

// features is the perceptual network that a run takes: the embedded one for images like the embedded teacher's, unless a file is named.
func (d *dry) features(c pid.Config, teacher *nn.UNet) (*nn.LPIPS, error) {
	if c.VGG == "" && embedded.Fits(teacher) {
		return embedded.Perceptual(d.Device)
	}
	vgg := nn.NewVGG16(d.Device)
	d.fillWeights(vgg.Params)
	return nn.NewVGGLPIPS(vgg, -1, 1), nil
}

func (d *dry) fillWeights(net *nn.Params) {
	if d.fill != nil {
		d.fill(net)
	}
}
