package pid

import (
	"fmt"
	"sync"

	"onestep/nn"
	"onestep/nn/optim"
	"onestep/tensor"
)

// Job is a distillation that is set up: teacher, student and trainer.
type Job struct {
	Config  Config
	Teacher *nn.Precond
	Student *Student
	Trainer *Trainer

	digest     func() string // of the teacher's weights
	perceptual func() string // and the perceptual network's, "" without one
	spare      *Student      // draws for weights that no network holds
}

// NewJob sets a run up: the student starts as the teacher. perceptual is the network of a distance that compares features, and not
// needed for others.
func NewJob(c Config, teacher *nn.UNet, perceptual *nn.LPIPS) (*Job, error) {
	distance, err := DistanceNamed(c.Loss)
	if err != nil {
		return nil, err
	}
	if distance.Perceptual && perceptual == nil {
		return nil, fmt.Errorf("loss %s: no perceptual network for %d-pixel images of %d channels", c.Loss, teacher.Resolution, teacher.InChannels)
	}
	if teacher.InChannels != teacher.OutChannels {
		return nil, fmt.Errorf("teacher: %d channels in and %d out: not a denoiser", teacher.InChannels, teacher.OutChannels)
	}
	d := teacher.Device
	teacher.Freeze()
	net, err := nn.NewUNet(d, teacher.UNetConfig)
	if err != nil {
		return nil, err
	}
	net.CopyFrom(teacher.Params)
	net.ScaleOutput(float32(c.InitScale))
	net.Recompute = c.Recompute
	teacher.Half, net.Half = c.FP16, c.FP16
	if perceptual != nil {
		perceptual.Half = c.FP16 // Deviation: the reference leaves it to PyTorch's TF32, at half the speed; TestHalfLPIPS bounds the difference
	}

	levels := EDMLevels(c.Points)
	weighting, err := WeightingNamed(c.Weighting)
	if err != nil {
		return nil, err
	}
	j := &Job{Config: c, Teacher: NewTeacher(teacher), Student: NewStudent(net), perceptual: func() string { return "" }}
	j.digest = sync.OnceValue(func() string { return nn.Digest(teacher.List) })
	j.Trainer = &Trainer{
		Objective: &Distillation{
			Loss: &Loss{
				Student: j.Student, Teacher: j.Teacher, Levels: levels, Distance: distance.New(perceptual), Weighting: weighting,
			},
			Random: tensor.Random{Seed: c.Seed}, H: net.Resolution, W: net.Resolution, C: net.InChannels,
			Batch: c.Batch, Stratified: c.Stratified,
		},
		Params: net.Params, Opt: optim.New(c.Rule(), net.Vars(), c.EMA), Batch: c.Batch, Micro: c.Micro, Steps: c.Steps,
		Schedule: Schedule{LR: c.LR, Warmup: c.Warmup, AnnealFrom: c.AnnealFrom, AnnealTo: c.AnnealTo},
		Seed:     c.Seed,
		Networks: map[string][]*nn.Param{"student": net.List, "teacher": teacher.List},
	}
	if perceptual != nil {
		list := perceptual.Net.Tensors()
		j.Trainer.Networks["perceptual"] = list
		j.perceptual = sync.OnceValue(func() string { return nn.Digest(list) })
	}
	return j, nil
}

// Join makes the job one of several processes' that make each step together. Paths of files may differ between them.
func (j *Job) Join(ranks Ranks) error {
	c := j.Config
	c.Teacher, c.VGG = j.digest(), j.perceptual()
	if c.Inception != "" { // only one of them reads what it judges by
		c.Inception, c.Ref = "given", "given"
	}
	return j.Trainer.Join(ranks, c.JSON())
}

// TeacherDigest is the [nn.Digest] of the teacher's weights.
func (j *Job) TeacherDigest() string { return j.digest() }

// PerceptualDigest is that of the perceptual network's, "" without one.
func (j *Job) PerceptualDigest() string { return j.perceptual() }

// Average is the student with the weights of the k-th average, valid until the next call of Average or Untrained.
func (j *Job) Average(k int) (*Student, error) {
	s, err := j.other()
	if err == nil {
		s.Net.Assign(j.Trainer.Opt.EMA[k])
	}
	return s, err
}

// Untrained is the student as it was at the start, valid until the next call of Average or Untrained.
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
		j.spare = NewStudent(net)
	}
	return j.spare, nil
}
