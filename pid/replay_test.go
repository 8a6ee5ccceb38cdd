package pid_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/nn"
	"onestep/nn/optim"
	"onestep/pid"
	"onestep/pid/pidtest"
	"onestep/tensor"
)

// plant is an objective with a number that is not finite in the noise of one sample of one step, or in the gradient of its loss.
type plant struct {
	*pid.Distillation
	step, sample int
	gradient     bool
}

func (p *plant) Losses(step *int, first, n int) *autograd.Var {
	losses := p.Distillation.Losses(step, first, n)
	if *step != p.step || p.sample < first || p.sample >= first+n {
		return losses
	}
	d := losses.Device()
	at := func(there, elsewhere float32) *tensor.Tensor {
		x := make([]float32, n)
		for i := range x {
			x[i] = elsewhere
		}
		x[p.sample-first] = there
		return d.FromFloat32(x, n)
	}
	if !p.gradient {
		return losses.Mul(autograd.Const(at(float32(math.NaN()), 1)))
	}
	down, up := autograd.Const(at(1e-20, 1)), autograd.Const(at(1e20, 1))
	return losses.Mul(down).Mul(down).Mul(up).Mul(up) // backward the gradient meets the huge factors first
}

// diverges runs a job until it does.
func diverges(t *testing.T, j *pid.Job) string {
	t.Helper()
	err := j.Trainer.Run(context.Background(), func(pid.Metrics) error { return nil })
	if !errors.Is(err, pid.ErrDiverged) {
		t.Fatalf("error %v, want ErrDiverged", err)
	}
	_, text, _ := strings.Cut(err.Error(), "replayed: ")
	t.Log(text)
	return text
}

// spoil puts a number that is not finite into a parameter.
func spoil(t *testing.T, params *nn.Params, name string, v float32) {
	t.Helper()
	p := params.Named(name)
	x := p.Get()
	x[len(x)/2] = v
	p.Set(x)
}

// TestReplayNames plants what is not finite at one place, and the run that it stops names operation, layer and sample.
func TestReplayNames(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		name   string
		change func(*pid.Config)
		plant  func(t *testing.T, j *pid.Job)
		says   []string
	}{
		{"weight", nil, func(t *testing.T, j *pid.Job) { spoil(t, j.Student.Net.Params, "enc.8x8_block0.conv0.weight", inf) },
			[]string{"the result of Conv2D in student enc.8x8_block0.conv0 is ", "sample 0, and so is student enc.8x8_block0.conv0.weight"}},
		{"teacher", nil, func(t *testing.T, j *pid.Job) { spoil(t, j.Teacher.Net.Params, "dec.4x4_in0.norm1.bias", inf) },
			[]string{"the result of GroupNorm in teacher dec.4x4_in0.norm1 is ", "sample 0, and so is teacher dec.4x4_in0.norm1.bias"}},
		{"half", func(c *pid.Config) { c.FP16 = true }, func(t *testing.T, j *pid.Job) { spoil(t, j.Student.Net.Params, "enc.4x4_block0.conv1.weight", 1e6) },
			[]string{"the result of Cast in student enc.4x4_block0.conv1 is +Inf at element ", "whatever the sample"}},
		{"blocks", func(c *pid.Config) { c.Recompute = true }, func(t *testing.T, j *pid.Job) { spoil(t, j.Student.Net.Params, "dec.8x8_block1.affine.weight", inf) },
			[]string{"the result of Linear in student dec.8x8_block1.affine is "}},
		{"sample", nil, func(t *testing.T, j *pid.Job) { wrap(j, plant{step: 3, sample: 4}) },
			[]string{"the result of Mul after ", "is NaN at element 4 of [6], sample 4"}},
		{"microbatch", func(c *pid.Config) { c.Micro = 3 }, func(t *testing.T, j *pid.Job) { wrap(j, plant{step: 2, sample: 5}) },
			[]string{"the result of Mul after ", "is NaN at element 2 of [3], sample 5"}},
		{"gradient", nil, func(t *testing.T, j *pid.Job) { wrap(j, plant{step: 2, sample: 1, gradient: true}) },
			[]string{"the gradient that Mul passes back after ", "Inf at element 1 of [6], sample 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := pidtest.Job(t, tensor.CPU(1), c.change)
			c.plant(t, j)
			text := diverges(t, j)
			for _, s := range c.says {
				if !strings.Contains(text, s) {
					t.Errorf("%q does not say %q", text, s)
				}
			}
		})
	}
}

func wrap(j *pid.Job, p plant) {
	p.Distillation = j.Trainer.Objective.(*pid.Distillation)
	j.Trainer.Objective = &p
}

// TestReplayAhead: the trainer was further when it saw the step's report; what is replayed then has other parameters, and that is said.
func TestReplayAhead(t *testing.T) {
	j := pidtest.Job(t, tensor.CPU(1), nil)
	wrap(j, plant{step: 3, sample: 4})
	j.Trainer.Pause = func(int) bool { return false }
	text := diverges(t, j)
	if !strings.Contains(text, "sample 4 (with the parameters after step 6, since steps that fit followed)") {
		t.Errorf("%q does not say that steps followed", text)
	}
}

// steep has the losses 8·v_k·w, at w = 0. A fourth of each is in the mean, with the gradient 2·v_k.
type steep struct {
	w      *autograd.Var // (1,1)
	values []float32
}

func (s *steep) Losses(_ *int, first, n int) *autograd.Var {
	v := s.w.Device().FromFloat32(s.values[first:first+n], n, 1)
	return autograd.Reshape(autograd.Linear(autograd.Const(v), s.w, nil).Scale(8), n)
}
func (s *steep) Level(int, int) float64 { return 0 }

// TestReplaySum: where a sum over samples is not finite, the sample is named that is not finite alone, or it is said that there is none.
func TestReplaySum(t *testing.T) {
	const where = "the gradient of layer.weight by Linear in layer is +Inf at element 0 of [1 1], "
	for says, values := range map[string][]float32{
		where + "sample 3": {1, 1, 1, 2e38},
		where + "the sum over samples 2 to 3, each of which is finite": {1, 1, 1e38, 1e38},
	} {
		params, scope := nn.NewParams(tensor.CPU(1))
		w := scope.In("layer").Linear("weight", 1, 1, nn.Constant(0))
		params.Init(tensor.Random{})
		tr := &pid.Trainer{
			Objective: &steep{w, values}, Params: params, Opt: optim.New(optim.Adam, []*autograd.Var{w}, nil), Batch: 4, Micro: 2, Steps: 1,
			Schedule: pid.Schedule{LR: 1, AnnealFrom: 1},
		}
		if text := diverges(t, &pid.Job{Trainer: tr}); text != says {
			t.Errorf("%q, want %q", text, says)
		}
	}
}
