package pid_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/nn"
	"onestep/nn/optim"
	"onestep/pid"
	"onestep/pid/data"
	"onestep/pid/pidtest"
	"onestep/tensor"
)

// TestAccuracy counts the images that a classifier gets right, in batches that do not divide their number: those it was told it gets right, then
// with the labels moved on by one.
func TestAccuracy(t *testing.T) {
	net, err := nn.NewClassifier(tensor.CPU(1), nn.ClassifierConfig{Channels: 1, Widths: []int{4, 4}, Hidden: 6, Classes: 5})
	if err != nil {
		t.Fatal(err)
	}
	net.Init(tensor.Random{Seed: 3})
	im := &data.Images{N: 9, H: 8, W: 8, C: 1, Pixels: make([]uint8, 9*64), Labels: make([]int, 9)}
	for i := range im.Pixels {
		im.Pixels[i] = uint8(i * i * i % 253)
	}
	x := make([]float32, 9*64)
	for k := range im.N {
		im.Float(x[k*64:(k+1)*64], k)
	}
	y := net.Logits(autograd.Const(net.Device.FromFloat32(x, 9, 8, 8, 1)), nil).Value.Float32s()
	for k := range im.N {
		row := y[5*k : 5*k+5]
		im.Labels[k] = slices.Index(row, slices.Max(row))
	}
	for wrong := range im.N + 1 {
		if got, want := pid.Accuracy(net, im, 4), float64(9-wrong)/9; math.Abs(got-want) > 1e-12 {
			t.Fatalf("accuracy with %d labels changed: %g, want %g", wrong, got, want)
		}
		if wrong < im.N {
			im.Labels[wrong] = (im.Labels[wrong] + 1) % 5
		}
	}
}

// TestJobStudents: the averages and the untrained student are those of the job, whatever was drawn before, and training does not change the latter.
func TestJobStudents(t *testing.T) {
	j := pidtest.Job(t, tensor.CPU(1), func(c *pid.Config) { c.EMA, c.LR, c.Warmup, c.InitScale = []float64{0, 0.9}, 0.1, 0, 0.5 })
	values := func(s *pid.Student, err error) (all []float32) {
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range s.Net.Trained() {
			all = append(all, p.Get()...)
		}
		return all
	}
	start := values(j.Student, nil)
	if !slices.Equal(values(j.Untrained()), start) || slices.Equal(start, values(pid.NewStudent(j.Teacher.Net), nil)) {
		t.Error("the student does not start as the teacher with another scale of the output")
	}
	digest := j.TeacherDigest()
	if len(digest) != 64 || digest != nn.Digest(j.Teacher.Net.List) || digest == nn.Digest(j.Student.Net.List) || j.PerceptualDigest() != "" {
		t.Errorf("digests %q, %q", digest, j.PerceptualDigest())
	}
	if _, err := j.Trainer.Update(); err != nil {
		t.Fatal(err)
	}
	now := values(j.Student, nil)
	if slices.Equal(now, start) || !slices.Equal(values(j.Average(0)), now) {
		t.Error("the average of rate 0 is not the student")
	}
	if slow := values(j.Average(1)); slices.Equal(slow, now) || slices.Equal(slow, start) {
		t.Error("the average of rate 0.9 is an end of the step")
	}
	if !slices.Equal(values(j.Untrained()), start) || !slices.Equal(values(j.Student, nil), now) {
		t.Error("the untrained student is another after a step, or the student is after it was asked for")
	}
	if one := j.Teacher.Net.List[0]; nn.Digest(j.Teacher.Net.List[:1]) == nn.Digest(j.Teacher.Net.List[1:2]) || nn.Digest([]*nn.Param{one}) != nn.Digest(j.Teacher.Net.List[:1]) {
		t.Error("digests do not tell tensors apart")
	}
}

// TestNewJobRefuses: without a perceptual network lpips means nothing, and what is no denoiser is no teacher.
func TestNewJobRefuses(t *testing.T) {
	c := pid.DefaultJob
	if _, err := pid.NewJob(c, pidtest.Tiny(t, tensor.CPU(1), 0), nil); err == nil || err.Error() != "loss lpips: no perceptual network for 8-pixel images of 1 channels" {
		t.Error(err)
	}
	c.Loss = "l1"
	config := pidtest.Tiny(t, tensor.CPU(1), 0).UNetConfig
	config.OutChannels = 2
	net, err := nn.NewUNet(tensor.CPU(1), config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pid.NewJob(c, net, nil); err == nil || err.Error() != "teacher: 1 channels in and 2 out: not a denoiser" {
		t.Error(err)
	}
	c.Weighting = "x"
	if _, err := pid.NewJob(c, pidtest.Tiny(t, tensor.CPU(1), 0), nil); err == nil || !strings.HasPrefix(err.Error(), `weighting "x"`) {
		t.Error(err)
	}
}

// TestLeftoverGradient: what gathered at the parameters before a step is no part of it.
func TestLeftoverGradient(t *testing.T) {
	var norms []float64
	for _, left := range []bool{false, true} {
		j := pidtest.Job(t, tensor.CPU(1), nil)
		if left {
			for _, p := range j.Student.Net.Trained() {
				ones := slices.Repeat([]float32{1}, p.Var.Len())
				autograd.Backward(p.Var, p.Var.Device().FromFloat32(ones, p.Var.Shape()...))
			}
		}
		m, err := j.Trainer.Update()
		if err != nil {
			t.Fatal(err)
		}
		norms = append(norms, m.GradNorm)
	}
	if norms[0] != norms[1] {
		t.Errorf("gradient norm %g, and %g after another gradient", norms[0], norms[1])
	}
}

// told is an objective whose losses and levels are given.
type told struct {
	x      *autograd.Var
	losses []float32
	levels []float64
}

func (o *told) Losses(_ *int, first, n int) *autograd.Var {
	losses := autograd.Const(o.x.Device().FromFloat32(o.losses[first:first+n], n, 1))
	return autograd.Reshape(autograd.Linear(losses, autograd.Reshape(o.x, 1, 1), nil), n)
}

func (o *told) Level(_, sample int) float64 { return o.levels[sample] }

// TestQuartiles: a step's loss is the mean over the batch, that of a quarter of the grid the mean of those of its samples, 0 if it has none; and the
// gradient that of the mean.
func TestQuartiles(t *testing.T) {
	for _, micro := range []int{0, 2} {
		params, scope := nn.NewParams(tensor.CPU(1))
		x := scope.Vector("x", 1, nn.Constant(1))
		params.Init(tensor.Random{})
		tr := &pid.Trainer{
			Objective: &told{x: x, losses: []float32{1, 2, 4, 8, 16}, levels: []float64{0, 0.25, 0.2499, 0.999, 0.75}}, Params: params,
			Opt: optim.New(optim.Adam, []*autograd.Var{x}, nil), Batch: 5, Micro: micro, Steps: 10, Schedule: pid.Schedule{LR: 0.5, AnnealFrom: 1},
		}
		m, err := tr.Update()
		want := pid.Metrics{Step: 1, Loss: 31. / 5, Quartiles: [4]float64{2.5, 2, 0, 12}, GradNorm: m.GradNorm, ParamNorm: 1, LR: 0.5}
		if err != nil || m != want || math.Abs(m.GradNorm-31./5) > 1e-5 {
			t.Errorf("micro %d: %+v, want %+v; %v", micro, m, want, err)
		}
	}
}
