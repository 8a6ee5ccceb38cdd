package plan

import (
	"errors"

	"onestep/kernels"
	"onestep/kernels/cuda/emulated"
	"onestep/nn"
	"onestep/pid"
	"onestep/tools/internal/results"
)

// Memory is the bytes of a run, as the device that it runs on will account for them.
type Memory struct {
	Micro      int // samples at a time
	Teacher    int64
	Perceptual int64
	Inception  int64 // weights, as they are and as they are computed with
	Student    int64 // weights
	Optimizer  int64 // two moments
	Averages   int64
	Half       int64 // binary16 copies of weights, and what else is kept from step to step
	Gradients  int64 // of the student's weights, within a step
	Work       int64 // what else a step or a sample grid has at most: activations and workspace
	Peak       int64 // of all of these together
	Total      int64 // with what the allocator keeps beside, and on the CPU the program itself
}

// What the process takes besides its buffers: code, stacks, the networks' graphs; and the matrices of 2048 features of a FID.
const (
	program  = 40 << 20
	matrices = 7 * 8 * nn.InceptionFeature * nn.InceptionFeature
)

// GCPercent is what keeps garbage within 128 MiB, or a twentieth: the argument of [debug.SetGCPercent], without which the collector would let it double
// the memory. Buffers hold no pointers, so collecting often costs little.
func (m Memory) GCPercent() int { return int(min(max(5, 100<<27/m.Total), 100)) }

// memory is what the job takes with so many samples at a time. What is too much for a dry run, and so in any case more than there is, is extrapolated
// roughly from less.
func (j *Job) memory(micro int) (Memory, error) {
	m, err := j.measure(micro)
	if !errors.Is(err, kernels.ErrDry) {
		return m, err
	}
	var last, before Memory
	for n := 1; ; n *= 2 {
		next, err := j.measure(n)
		if errors.Is(err, kernels.ErrDry) && n > 2 {
			break
		}
		if err != nil {
			return m, err
		}
		last, before = next, last
	}
	more := int64(micro-last.Micro) * (last.Peak - before.Peak) / int64(last.Micro-before.Micro)
	m = last
	m.Micro, m.Work, m.Peak, m.Total = micro, m.Work+more, m.Peak+more, max(m.Total+more, j.Machine.Free+1)
	return m, nil
}

// fits says whether so many samples at a time have room.
func (j *Job) fits(micro int) (bool, error) {
	m, err := j.measure(micro)
	if errors.Is(err, kernels.ErrDry) {
		return false, nil
	}
	return m.Total <= j.Machine.Free, err
}

// measure makes the job's first steps on a dry device of the machine's kind.
func (j *Job) measure(micro int) (Memory, error) {
	d := newDry(j.Machine.Threads, j.Machine.Free)
	if j.Machine.GPU {
		d.close()
		if j.recorder == nil {
			j.recorder = emulated.NewRecorder()
		}
		var err error
		if d, err = newDryGPU(j.recorder); err != nil {
			return Memory{}, err
		}
	}
	defer d.close()
	s, err := d.setUp(j.firstSteps(micro), j.Net)
	if err != nil {
		return Memory{}, err
	}
	return s.measure(d)
}

// firstSteps is the configuration of steps that take as much memory as the job's: of two microbatches at most, since the gradients of one are there
// while the next is computed.
func (j Job) firstSteps(micro int) pid.Config {
	c := j.Config
	c.Micro, c.Batch = micro, min(j.share(), 2*micro)
	return c
}

// measure makes the first steps.
func (s *stage) measure(d *dry) (Memory, error) {
	weights, c := int64(0), s.Config
	for _, p := range s.Student.Net.Trained() {
		weights += int64(p.Var.Buf().Bytes())
	}
	m := Memory{
		Micro: c.Micro, Teacher: s.teacher, Perceptual: s.perceptual, Inception: s.inceptionBytes,
		Optimizer: 2 * weights, Averages: int64(len(c.EMA)) * weights, Gradients: weights,
	}
	m.Student = s.student - m.Optimizer - m.Averages
	for step := range 3 { // on a GPU the second is recorded and the third replayed
		if _, err := s.Trainer.Update(); err != nil {
			return m, err
		}
		switch {
		case step == 0:
			m.Half = d.now() - s.inceptionBytes - s.teacher - s.perceptual - s.student
		case step == 1:
			if err := s.drawAndJudge(&m, d); err != nil {
				return m, err
			}
		}
	}
	_, m.Peak = d.Memory()
	m.Work = m.Peak - m.Inception - m.Teacher - m.Perceptual - m.Student - m.Optimizer - m.Averages - m.Half - m.Gradients
	m.Total = d.held()
	if d.gpu == nil {
		m.Total += program
		if s.inception != nil {
			m.Total += matrices
		}
	}
	return m, nil
}

// drawAndJudge does what a run does between two steps to evaluate the student, and adds to m what Inception works with.
func (s *stage) drawAndJudge(m *Memory, d *dry) error {
	if s.Config.GridSamples > 0 || s.Config.EvalImages > 0 || s.inception != nil {
		if err := draw(s.Job); err != nil {
			return err
		}
	}
	if s.inception == nil {
		return nil
	}
	before, c := d.now(), s.Student.Net.UNetConfig
	s.inception.Features(make([]byte, s.inception.Batch*c.Resolution*c.Resolution*c.InChannels), s.inception.Batch, c.Resolution, c.Resolution, c.InChannels)
	m.Inception += d.now() - before
	return nil
}

// draw evaluates the teacher and an average once, for as many images as a run draws at a time.
func draw(j *pid.Job) error {
	net := j.Student.Net
	g := pid.GeneratorFor(net, 0)
	n := results.Batch(net.Resolution)
	if j.Config.GridSamples > 0 && j.Config.EvalImages == 0 {
		n = min(n, j.Config.GridSamples)
	}
	seeds := make([]uint64, n)
	student := j.Student
	if len(j.Config.EMA) > 0 {
		var err error
		if student, err = j.Average(0); err != nil {
			return err
		}
	}
	if _, err := g.ByStudent(student, seeds); err != nil {
		return err
	}
	_, err := g.ByTeacher(j.Teacher, pid.Sampler{Levels: pid.EDMLevels(0), Steps: 1}, seeds)
	return err
}
