package pid_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"onestep/autograd"
	"onestep/nn"
	"onestep/nn/optim"
	"onestep/pid"
	"onestep/pid/pidtest"
	"onestep/tensor"
)

func TestStudentBoundary(t *testing.T) {
	d := tensor.CPU(0)
	s := &pid.Student{Net: pidtest.Tiny(t, d, 0), SigmaData: 0.5, SigmaMax: 80}
	z := make([]float32, 3*64)
	tensor.Random{Seed: 1}.Normal(z, tensor.Noise, 0, 0)
	x := s.At(autograd.Const(d.FromFloat32(z, 3, 8, 8, 1)), []float64{80, 80, 80}, nil)
	if !slices.Equal(x.Value.Float32s(), z) {
		t.Error("x(z,T) is not z")
	}
}

func TestMicrobatch(t *testing.T) {
	d := tensor.CPU(0)
	var norms, losses []float64
	for _, micro := range []int{0, 1, 4} { // 4 does not divide the batch
		j := pidtest.Job(t, d, func(c *pid.Config) { c.Micro = micro })
		m, err := j.Trainer.Update()
		if err != nil {
			t.Fatal(err)
		}
		norms, losses = append(norms, m.GradNorm), append(losses, m.Loss)
	}
	for i := range norms {
		if r := math.Abs(norms[i]/norms[0] - 1); r > 1e-5 {
			t.Errorf("gradient norms %v: differ by %.1g, more than rounding", norms, r)
		}
		if r := math.Abs(losses[i]/losses[0] - 1); r > 1e-6 {
			t.Errorf("losses %v: differ by %.1g, more than rounding", losses, r)
		}
	}
}

// TestClip compares one step with and without clipping: the first RAdam step is lr·g, so its length is the clipped norm.
func TestClip(t *testing.T) {
	d := tensor.CPU(0)
	const clip, lr = 0.01, 0.1
	j := pidtest.Job(t, d, func(c *pid.Config) { c.Clip, c.LR, c.Warmup, c.EMA = clip, lr, 0, nil })
	var before [][]float32
	for _, p := range j.Student.Net.Trained() {
		before = append(before, p.Get())
	}
	m, err := j.Trainer.Update()
	if err != nil {
		t.Fatal(err)
	}
	if m.GradNorm < 2*clip {
		t.Fatalf("gradient norm %g: nothing to clip", m.GradNorm)
	}
	var moved float64
	for i, p := range j.Student.Net.Trained() {
		for k, v := range p.Get() {
			moved += math.Pow(float64(v-before[i][k]), 2)
		}
	}
	if got := math.Sqrt(moved) / lr; math.Abs(got/clip-1) > 1e-3 {
		t.Errorf("step of gradient length %g, want %g", got, clip)
	}
}

// spike is a loss whose gradient overflows at some calls.
type spike struct {
	x     *autograd.Var
	calls int
	bad   func(call int) bool
}

func (s *spike) Losses(*int, int, int) *autograd.Var {
	l := autograd.Reshape(s.x.Scale(1), 1)
	if s.bad(s.calls) {
		l = l.Scale(math.MaxFloat32).Scale(math.MaxFloat32)
	}
	s.calls++
	return l
}
func (s *spike) Level(int, int) float64 { return 0 }

func TestLossScale(t *testing.T) {
	d := tensor.CPU(1)
	params, scope := nn.NewParams(d)
	x := scope.Vector("x", 1, nn.Constant(1))
	params.Init(tensor.Random{})
	s := &spike{x: x, bad: func(call int) bool { return call == 1 || call == 2 }}
	tr := &pid.Trainer{
		Objective: s, Params: params, Opt: optim.New(optim.Rule{Scale: optim.Half}, []*autograd.Var{x}, []float64{0.5}), Batch: 1, Steps: 10,
		Schedule: pid.Schedule{LR: 0.1, AnnealFrom: 1},
	}
	var skipped []bool
	for range 5 {
		value, ema := x.Value.Float32s()[0], tr.Opt.EMA[0][0].Float32s()[0]
		m, err := tr.Update()
		if err != nil {
			t.Fatal(err)
		}
		skipped = append(skipped, m.Skipped)
		if moved := x.Value.Float32s()[0] != value || tr.Opt.EMA[0][0].Float32s()[0] != ema; moved == m.Skipped {
			t.Errorf("step skipped %t, parameter or average moved %t", m.Skipped, moved)
		}
	}
	if !slices.Equal(skipped, []bool{false, true, true, false, false}) || tr.Step != 5 || tr.Opt.State().Steps != 3 {
		t.Errorf("skipped %v, %d steps, %d updates", skipped, tr.Step, tr.Opt.State().Steps)
	}
	if got, want := tr.Opt.State().Log2, 20-2+3e-3; math.Abs(got-want) > 1e-12 {
		t.Errorf("log2 of the loss scale is %g, want %g", got, want)
	}

	s.bad = func(int) bool { return true }
	var err error
	for range 100 {
		if _, err = tr.Update(); err != nil {
			break
		}
	}
	if !errors.Is(err, pid.ErrDiverged) {
		t.Errorf("endless overflow: error %v, want ErrDiverged", err)
	}
	tr.Opt = optim.New(optim.Adam, []*autograd.Var{x}, nil)
	if _, err := tr.Update(); !errors.Is(err, pid.ErrDiverged) {
		t.Errorf("overflow in float32: error %v, want ErrDiverged", err)
	}
}

// TestHalf trains a few steps in half precision: after the loss scale has found its range no step is skipped, and the losses are those of
// float32 but for binary16's rounding.
func TestHalf(t *testing.T) {
	d := tensor.CPU(0)
	full, half := pidtest.Job(t, d, nil), pidtest.Job(t, d, func(c *pid.Config) { c.FP16 = true })
	skipped := 0
	for range 3 {
		b, err := half.Trainer.Update()
		for ; err == nil && b.Skipped; b, err = half.Trainer.Update() {
			skipped++
			full.Trainer.Step++ // its random numbers are gone
		}
		if err != nil {
			t.Fatal(err)
		}
		a, err := full.Trainer.Update()
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(b.Loss/a.Loss-1) > 0.02 || a.Loss == b.Loss {
			t.Errorf("step %d: loss %g in float32, %g in half precision", a.Step, a.Loss, b.Loss)
		}
	}
	if skipped > 5 {
		t.Errorf("%d steps skipped", skipped)
	}
}

func TestSchedule(t *testing.T) {
	s := pid.Schedule{LR: 2, Warmup: 4, AnnealFrom: 0.5, AnnealTo: 0.1}
	for k, want := range map[int]float64{0: 0.5, 3: 2, 10: 2, 50: 2, 75: 1.1, 100: 0.2} {
		if got := s.At(k, 100); math.Abs(got-want) > 1e-12 {
			t.Errorf("rate at step %d of 100 is %g, want %g", k, got, want)
		}
	}
}

// TestGeneratorSeeds draws the same seeds alone and together, by a student and by a teacher with churn.
func TestGeneratorSeeds(t *testing.T) {
	d := tensor.CPU(0)
	j := pidtest.Job(t, d, nil)
	g := pid.GeneratorFor(j.Student.Net, 9)
	sampler := pid.Sampler{Levels: pid.EDMLevels(0), Steps: 3, Churn: 2}
	for name, draw := range map[string]func([]uint64) ([]float32, error){
		"student": func(seeds []uint64) ([]float32, error) { return g.ByStudent(j.Student, seeds) },
		"teacher": func(seeds []uint64) ([]float32, error) { return g.ByTeacher(j.Teacher, sampler, seeds) },
	} {
		all, err := draw([]uint64{4, 5, 6})
		if err != nil {
			t.Fatal(err)
		}
		one, err := draw([]uint64{5})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(all[64:128], one) {
			t.Errorf("%s: image 5 depends on the batch", name)
		}
	}
}

// TestDenoisingMicrobatch sees that a sample's image, mirroring, level, noise and dropout do not depend on the samples beside it.
func TestDenoisingMicrobatch(t *testing.T) {
	d := tensor.CPU(0)
	im := greys(6)
	for i := range im.Pixels {
		im.Pixels[i] += uint8(i * i % 101)
	}
	o := &pid.Denoising{
		Net: &nn.Precond{Net: shaken(pidtest.Tiny(t, d, 3)), SigmaData: 0.5}, Images: im, Random: tensor.Random{Seed: 1}, Batch: 4, PMean: -1.2, PStd: 1.2,
		Flip: true, Dropout: 0.1,
	}
	for step := range 3 { // two epochs
		whole := o.Losses(&step, 0, 4).Value.Float32s()
		var parts []float32
		for k := range 4 {
			parts = append(parts, o.Losses(&step, k, 1).Value.Float32s()...)
		}
		if !slices.Equal(whole, parts) {
			t.Errorf("step %d: losses %v together, %v one by one", step, whole, parts)
		}
	}
}
