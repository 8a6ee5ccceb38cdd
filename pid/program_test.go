package pid_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
	"onestep/nn"
	"onestep/nn/golden"
	"onestep/nn/optim"
	"onestep/pid"
	"onestep/pid/data"
	"onestep/pid/pidtest"
	"onestep/tensor"
)

// state is every number of a trainer by its bits, for comparison.
func state(tr *pid.Trainer) (bits []uint32) {
	for i, p := range tr.Params.Trained() {
		for _, x := range append([]*tensor.Tensor{p.Var.Value, tr.Opt.M[i], tr.Opt.V[i]}, tr.Opt.EMA[0][i]) {
			for _, v := range x.Float32s() {
				bits = append(bits, math.Float32bits(v))
			}
		}
	}
	return bits
}

// TestReplay makes steps one operation at a time and by replaying a recorded step: metrics and states have the same bits. A replayed step
// asks the device for one launch, one upload and one download.
func TestReplay(t *testing.T) {
	const steps = 6
	trainers := map[string]func(d *tensor.Device) *pid.Trainer{
		"denoising": func(d *tensor.Device) *pid.Trainer {
			net := pidtest.Tiny(t, d, 3)
			return trainer(net.Params, &pid.Denoising{
				Net: &nn.Precond{Net: net, SigmaData: 0.5}, Images: images(), Random: tensor.Random{Seed: 1}, Batch: 4, PMean: -1.2, PStd: 1.2,
				Flip: true, Dropout: 0.1,
			})
		},
		"classification": func(d *tensor.Device) *pid.Trainer {
			c := nn.SmallClassifier(1)
			c.Classes = 3
			net, err := nn.NewClassifier(d, c)
			if err != nil {
				t.Fatal(err)
			}
			net.Init(tensor.Random{Seed: 3})
			return trainer(net.Params, &pid.Classification{Net: net, Images: images(), Random: tensor.Random{Seed: 2}, Batch: 4, Flip: true, Dropout: 0.2})
		},
	}
	trainers["lpips"] = func(d *tensor.Device) *pid.Trainer {
		judge, err := nn.NewClassifier(d, nn.SmallClassifier(1))
		if err != nil {
			t.Fatal(err)
		}
		judge.Init(tensor.Random{Seed: 4})
		judge.Freeze()
		tr := pidtest.Job(t, d, nil).Trainer
		tr.Objective.(*pid.Distillation).Loss.Distance = nn.NewUniformLPIPS(d, judge, judge.TapChannels()).Distance
		return tr
	}
	for name, change := range map[string]func(*pid.Config){
		"l2":                func(*pid.Config) {},
		"l1 in parts":       func(c *pid.Config) { c.Loss, c.Micro, c.Stratified = "l1", 4, false },
		"fp16 clip":         func(c *pid.Config) { c.FP16, c.Clip = true, 0.05 },
		"fp16 blocks parts": func(c *pid.Config) { c.FP16, c.Recompute, c.Micro = true, true, 1 },
		"adam":              func(c *pid.Config) { c.Optimizer, c.Weighting = "adam", "snr+1" },
	} {
		trainers[name] = func(d *tensor.Device) *pid.Trainer { return pidtest.Job(t, d, change).Trainer }
	}
	for name, make := range trainers {
		t.Run(name, func(t *testing.T) {
			r := kernelstest.NewCapturer(2)
			eager, replayed := make(tensor.CPU(2)), make(tensor.On(r))
			for k := range steps {
				before := *r
				want, err := eager.Update()
				if err != nil {
					t.Fatal(err)
				}
				got, err := replayed.Update()
				if err != nil {
					t.Fatal(err)
				}
				if got != want {
					t.Errorf("step %d: metrics\n%+v, want\n%+v", k, got, want)
				}
				if k < 2 {
					continue
				}
				if ops, launches, uploads, reads := r.Operations-before.Operations, r.Launches-before.Launches, r.Uploads-before.Uploads, r.Reads-before.Reads; ops != 0 || launches != 1 || uploads != 1 || reads != 1 {
					t.Errorf("step %d: %d operations, %d launches, %d uploads, %d downloads", k, ops, launches, uploads, reads)
				}
			}
			if r.Launches != steps-1 {
				t.Errorf("%d launches in %d steps: the second is to be recorded", r.Launches, steps)
			}
			if !slices.Equal(state(eager), state(replayed)) {
				t.Error("parameters, moments or averages differ")
			}
		})
	}
}

func images() *data.Images {
	im := &data.Images{N: 6, H: 8, W: 8, C: 1, Pixels: make([]uint8, 6*64), Labels: []int{0, 1, 2, 0, 1, 2}}
	for i := range im.Pixels {
		im.Pixels[i] = uint8(i * i)
	}
	return im
}

func trainer(params *nn.Params, o pid.Objective) *pid.Trainer {
	return &pid.Trainer{
		Objective: o, Params: params, Opt: optim.New(optim.Adam, params.Vars(), []float64{0.9}), Batch: 4, Micro: 3, Steps: 100,
		Schedule: pid.Schedule{LR: 1e-3, Warmup: 3, AnnealFrom: 1},
	}
}

// TestRunReports: a run reports every step once and in order; after the steps of Pause, the last one and an interruption the
// trainer is where the report says.
func TestRunReports(t *testing.T) {
	for _, pause := range []int{0, 1, 5} {
		for _, stop := range []int{0, 7} {
			t.Run(fmt.Sprintf("pause=%d/stop=%d", pause, stop), func(t *testing.T) {
				tr := pidtest.Job(t, tensor.CPU(1), func(c *pid.Config) { c.Steps = 12 }).Trainer
				if pause > 0 {
					tr.Pause = func(step int) bool { return step%pause == 0 }
				}
				ctx, cancel := context.WithCancel(context.Background())
				var seen, late int
				err := tr.Run(ctx, func(m pid.Metrics) error {
					if seen++; m.Step != seen {
						t.Errorf("report %d is of step %d", seen, m.Step)
					}
					if m.Step != tr.Step {
						if late++; pause == 0 || m.Step%pause == 0 || m.Step == 12 {
							t.Errorf("the report of step %d comes at step %d", m.Step, tr.Step)
						}
					}
					if m.Step == stop {
						cancel()
					}
					return nil
				})
				if (err != nil) != (stop > 0) || seen != tr.Step || stop == 0 && seen != 12 {
					t.Errorf("%d reports of %d steps, error %v", seen, tr.Step, err)
				}
				if pause == 5 && late == 0 {
					t.Error("no report came later than its step")
				}
				cancel()
			})
		}
	}
}

// TestSkippedSteps: what a replayed run does about overflow is what its state says, and a run continued from a checkpoint repeats the bits.
func TestSkippedSteps(t *testing.T) {
	r := kernelstest.NewCapturer(1)
	tr := pidtest.Job(t, tensor.On(r), func(c *pid.Config) { c.FP16 = true }).Trainer
	tr.Opt.SetState(optim.State{Log2: 40})
	skipped := 0
	for k := range 40 {
		before := state(tr)
		m, err := tr.Update()
		if err != nil {
			t.Fatal(err)
		}
		if m.Skipped {
			skipped++
		}
		if slices.Equal(before, state(tr)) != m.Skipped || m.Step != k+1 {
			t.Errorf("step %d: skipped %t, state unchanged %t", m.Step, m.Skipped, !m.Skipped)
		}
	}
	if s := tr.Opt.State(); skipped < 5 || skipped > 35 || s.Steps != 40-skipped || math.Abs(s.Log2-(40-float64(skipped)+1e-3*float64(s.Steps))) > 1e-9 {
		t.Errorf("%d steps skipped, state %+v", skipped, s)
	}

	again := pidtest.Job(t, tensor.On(kernelstest.NewCapturer(1)), func(c *pid.Config) { c.FP16 = true }).Trainer
	for range 3 { // what was captured before the state is replaced must not be replayed after
		if _, err := again.Update(); err != nil {
			t.Fatal(err)
		}
	}
	var saved [][]float32
	tr.State(func(_ string, p *nn.Param, t *tensor.Tensor) { saved = append(saved, p.Publish(t)) })
	again.State(func(_ string, p *nn.Param, t *tensor.Tensor) {
		p.Adopt(t, saved[0])
		saved = saved[1:]
	})
	again.Continue(tr.Step, tr.Opt.State())
	for range 4 {
		a, err := tr.Update()
		if err != nil {
			t.Fatal(err)
		}
		b, err := again.Update()
		if err != nil {
			t.Fatal(err)
		}
		if a != b {
			t.Errorf("metrics\n%+v, continued\n%+v", a, b)
		}
	}
	if !slices.Equal(state(tr), state(again)) {
		t.Error("the continued run has another state")
	}
}

// eager hides that a device can record, so that every operation is launched by itself.
type eager struct{ kernels.Device }

// TestStepOnGPU makes whole steps with the GPU's kernels, on the interpreter unless a GPU is asked for: recorded steps have the bits of those that
// are done launch for launch, and the losses are the CPU's. In float32 they may be 1e-5 of them off after three steps. In half precision both
// round what they store to 2⁻¹¹ at other places; the loss, a mean of squares of thousands of numbers, is off by a few such roundings at most. The
// precisions take turns.
func TestStepOnGPU(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the interpreter takes seconds")
	}
	for i, c := range []struct {
		name   string
		change func(*pid.Config)
		bound  float64
	}{
		{"f32", func(c *pid.Config) { c.Batch, c.Micro = 2, 1 }, 1e-5},
		{"f16", func(c *pid.Config) { c.Batch, c.FP16, c.Clip, c.Recompute = 1, true, 0.05, true }, 4 * 0x1p-11},
	} {
		if !kernelstest.Turn(t, i, 2) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			gpu := golden.GPU(t)
			cpu := pidtest.Job(t, tensor.CPU(2), c.change).Trainer
			recorded := pidtest.Job(t, gpu, c.change).Trainer
			single := pidtest.Job(t, tensor.On(eager{golden.GPU(t).Device}), c.change).Trainer
			for k := range 3 { // as it comes, recorded, replayed
				var ms [3]pid.Metrics
				for i, tr := range []*pid.Trainer{cpu, recorded, single} {
					m, err := tr.Update()
					if err != nil {
						t.Fatal(err)
					}
					ms[i] = m
				}
				if ms[1] != ms[2] {
					t.Errorf("step %d: recorded\n%+v, launch for launch\n%+v", k, ms[1], ms[2])
				}
				if ms[0].Skipped != ms[1].Skipped || !ms[0].Skipped && !(math.Abs(ms[1].Loss-ms[0].Loss) <= c.bound*ms[0].Loss) {
					t.Errorf("step %d: loss %v (skipped: %v), on the CPU %v (%v)", k, ms[1].Loss, ms[1].Skipped, ms[0].Loss, ms[0].Skipped)
				}
				t.Logf("step %d: loss %.6g, on the CPU %.6g, skipped: %v", k, ms[1].Loss, ms[0].Loss, ms[0].Skipped)
			}
			if !slices.Equal(state(recorded), state(single)) {
				t.Error("parameters, moments or averages differ between recorded and single launches")
			}
		})
	}
}
