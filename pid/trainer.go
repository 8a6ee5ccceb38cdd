package pid

import (
	"context"
	"errors"
	"fmt"
	"math"

	"onestep/autograd"
	"onestep/nn"
	"onestep/nn/optim"
	"onestep/tensor"
)

// Objective is what is minimised: distillation, denoising of data, classification.
type Objective interface {
	// Losses is the loss of samples first … first+n of a step, (n). A sample depends on its number and the step alone. It is part of a
	// [tensor.Program]: when that is replayed, the step is another.
	Losses(step *int, first, n int) *autograd.Var
	// Level is the noise level of such a sample as a fraction of the grid in [0,1), 0 the most noise; for the log.
	Level(step, sample int) float64
}

// Schedule is the learning rate: a linear rise over Warmup steps, constant up to AnnealFrom, then a straight line to AnnealTo.
type Schedule struct {
	LR         float64
	Warmup     int     // steps
	AnnealFrom float64 // fraction of the run; 1: constant
	AnnealTo   float64 // fraction of LR at the end
}

// At is the rate of step k = 0, 1, … of a run of n steps.
func (s Schedule) At(k, n int) float64 {
	lr := s.LR
	if k < s.Warmup {
		lr *= float64(k+1) / float64(s.Warmup)
	}
	if from := s.AnnealFrom * float64(n); float64(k) > from {
		lr *= 1 - (1-s.AnnealTo)*(float64(k)-from)/(float64(n)-from)
	}
	return lr
}

// Trainer makes optimiser steps on an objective. A step is a [tensor.Program]: it decides on the device whether the gradient overflowed, and
// reports to the host without waiting for it.
type Trainer struct {
	Objective Objective
	Params    *nn.Params
	Opt       *optim.Optimizer
	Batch     int // samples per step
	Micro     int // samples at a time; 0: all
	Steps     int // of the whole run
	Schedule  Schedule
	Seed      uint64 // for messages; the objective has its own copy
	Step      int    // steps taken, skipped ones counted: what random numbers and learning rate are keyed by

	// Pause says after which steps [Trainer.Run] waits until all is reported, so that parameters and optimiser are those of that step; nil: all.
	Pause func(step int) bool

	Networks map[string][]*nn.Param // that the objective computes with, by what messages call them; nil: Params alone

	program *tensor.Program
	report  *tensor.Tensor // of the step, see optim.Report
	ctx     context.Context
	stopped bool // ctx ended between microbatches

	ranks Ranks // nil: this process makes the run alone
	sums  *gradientSums
}

// Metrics are what one step showed.
type Metrics struct {
	Step      int        `json:"step"` // steps taken, this one included
	Loss      float64    `json:"loss"` // mean over the batch, loss scale not included
	Quartiles [4]float64 `json:"loss_q"`
	GradNorm  float64    `json:"grad_norm"`
	ParamNorm float64    `json:"param_norm"` // before the step
	LR        float64    `json:"lr"`
	LossScale float64    `json:"lg_loss_scale,omitempty"` // log2, of this step
	Skipped   bool       `json:"skipped,omitempty"`       // the gradient overflowed: no update, and no loss and gradient to show
}

// ErrDiverged says that the loss or the gradient is no longer finite, in half precision however low the loss scale is, and which operation, layer
// and sample was the first. What is saved is from before.
var ErrDiverged = errors.New("training diverged")

// lowestScale is the log2 of the loss scale below which overflow is no longer taken for one of range.
const lowestScale = -20

// ahead is the number of steps that [Trainer.Run] asks for before it has seen the report of the first of them.
const ahead = 2

// Update makes one step: the mean gradient over Batch samples, and the optimiser's rule. The losses of microbatches are averaged, so their size
// changes rounding only.
func (tr *Trainer) Update() (Metrics, error) {
	u, err := tr.begin(context.Background())
	if err != nil {
		return Metrics{}, err
	}
	m, err := tr.metrics(u)
	return m, tr.explain(err, m, u, nil)
}

// underway is a step that was asked for.
type underway struct {
	step   int
	report *tensor.Later
}

// begin asks for one step. Between microbatches, whose gradients are dropped then, it ends with ctx.
func (tr *Trainer) begin(ctx context.Context) (u underway, err error) {
	defer func() {
		if err != nil {
			tr.program = nil
		}
	}()
	defer tensor.Recover(&err)
	d := tr.Params.Device
	if tr.program == nil {
		tr.program = d.Program(tr.update)
	}
	if tr.report == nil {
		tr.report = d.Unscoped(func() *tensor.Tensor {
			return d.FromFloat32(make([]float32, optim.ReportWords+tr.Batch), optim.ReportWords+tr.Batch)
		})
	}
	if tr.ranks != nil { // a step is made by all ranks or by none
		ctx = context.WithoutCancel(ctx)
	}
	tr.ctx, tr.stopped = ctx, false
	if tr.ranks == nil || tr.ranks.OnDevice() {
		tr.program.Run()
	} else { // the host takes part
		tr.update()
	}
	if tr.stopped {
		tr.forget()
		return u, context.Cause(ctx)
	}
	u = underway{tr.Step, tr.report.Later()}
	tr.Step++
	return u, nil
}

// forget drops the program: the next step is done as it comes.
func (tr *Trainer) forget() {
	if tr.program != nil {
		tr.program.Release()
		tr.program = nil
	}
}

// micro is how many samples are computed at a time.
func (tr *Trainer) micro() int {
	if tr.Micro <= 0 || tr.Micro > tr.Batch {
		return tr.Batch
	}
	return tr.Micro
}

// update is the step as a program.
func (tr *Trainer) update() {
	d, micro := tr.Params.Device, tr.micro()
	tr.Params.ZeroGrad()
	defer tr.Params.ZeroGrad()
	tr.clearLosses()
	first, end := tr.share()
	for n := 0; first < end; first += n {
		if tr.ctx.Err() != nil && !d.Capturing() {
			tr.stopped = true
			return
		}
		n = min(micro, end-first)
		d.Scope(func() []*tensor.Tensor {
			losses := tr.Objective.Losses(&tr.Step, first, n)
			tr.backward(losses, tr.Opt.Seed(n, tr.Batch), first+n == end)
			tr.report.Part(optim.ReportWords+first, optim.ReportWords+first+n).Copy(losses.Value)
			return nil
		})
	}
	tr.sumLosses()
	tr.Opt.Step(func() float64 { return tr.Schedule.At(tr.Step, tr.Steps) }, tr.report)
}

// metrics waits for a step's report and reads it.
func (tr *Trainer) metrics(u underway) (m Metrics, err error) {
	defer tensor.Recover(&err)
	r := optim.ReadReport(u.report.Float32s())
	m = Metrics{Step: u.step + 1, LR: tr.Schedule.At(u.step, tr.Steps), GradNorm: r.GradNorm, ParamNorm: r.ParamNorm}
	if tr.Scaled() {
		m.LossScale = r.Log2
	}
	var count [4]int
	for k, l := range r.Losses {
		m.Loss += float64(l) / float64(tr.Batch)
		q := min(3, int(4*tr.Objective.Level(u.step, k)))
		m.Quartiles[q] += float64(l)
		count[q]++
	}
	for q, c := range count {
		m.Quartiles[q] /= float64(max(1, c))
	}
	if !r.Fits && (!tr.Scaled() || r.Log2 < lowestScale) || !finite(m.ParamNorm) {
		return m, fmt.Errorf("%w: step %d, seed %d: loss %g, gradient norm %g, parameter norm %g",
			ErrDiverged, u.step, tr.Seed, m.Loss, m.GradNorm, m.ParamNorm)
	}
	if !r.Fits {
		m.Loss, m.Quartiles, m.GradNorm, m.Skipped = 0, [4]float64{}, 0, true
	}
	return m, nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// Run makes steps until Steps or until ctx ends, whose cause it then returns, and hands every step's metrics, in order, to each, which may end
// the run with an error. The trainer may be a few steps further then, but not after those of Pause, the last one, and the end of ctx.
func (tr *Trainer) Run(ctx context.Context, each func(Metrics) error) error {
	var queue []underway
	settle := func(left int) error {
		for len(queue) > left {
			m, err := tr.metrics(queue[0])
			if err != nil {
				return tr.explain(err, m, queue[0], queue[1:])
			}
			queue = queue[1:]
			if err := each(m); err != nil {
				return err
			}
		}
		return nil
	}
	for tr.Step < tr.Steps {
		var u underway
		err := tr.stop(ctx)
		if err == nil {
			u, err = tr.begin(ctx)
		}
		if err != nil {
			if e := settle(0); e != nil {
				return e
			}
			return err
		}
		queue = append(queue, u)
		left := ahead
		if tr.Pause == nil || tr.Pause(tr.Step) || tr.Step == tr.Steps {
			left = 0
		}
		if err := settle(left); err != nil {
			if tr.ranks != nil && tr.Step < tr.Steps && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
				tr.stop(ctx) // the others ask
			}
			return err
		}
	}
	return nil
}
