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
	// Losses is the loss of samples first … first+n of a step, (n). A sample depends on its number and the step alone.
	Losses(step, first, n int) *autograd.Var
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

// Trainer makes optimiser steps on an objective.
type Trainer struct {
	Objective Objective
	Params    *nn.Params
	Opt       *optim.Optimizer
	Batch     int // samples per step
	Micro     int // samples at a time; 0: all
	Steps     int // of the whole run
	Schedule  Schedule
	Clip      float64    // Euclidean length that the gradient is cut to; 0: none
	Scale     *LossScale // nil: float32
	Seed      uint64     // for messages; the objective has its own copy
	Step      int        // steps taken
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
	Skipped   bool       `json:"skipped,omitempty"`       // the gradient overflowed: no step, and no loss and gradient to show
}

// ErrDiverged says that the loss or the gradient is no longer finite. What is saved is from before.
var ErrDiverged = errors.New("training diverged")

// lowestScale is the log2 of the loss scale below which overflow is no longer taken for one of range.
const lowestScale = -20

// Update makes one step: the mean gradient over Batch samples, clipped, and the optimiser's rule. The loss of microbatches is averaged, so
// their size changes rounding only.
func (tr *Trainer) Update() (Metrics, error) { return tr.update(context.Background()) }

// update is Update; between microbatches, whose gradients are dropped then, it ends with ctx.
func (tr *Trainer) update(ctx context.Context) (m Metrics, err error) {
	defer tensor.Recover(&err)
	micro := tr.Micro
	if micro <= 0 || micro > tr.Batch {
		micro = tr.Batch
	}
	scale := tr.Scale.Factor()
	var count [4]int
	tr.Params.ZeroGrad()
	for first := 0; first < tr.Batch; first += micro {
		if ctx.Err() != nil {
			tr.Params.ZeroGrad()
			return m, context.Cause(ctx)
		}
		n := min(micro, tr.Batch-first)
		d := tr.Params.Device
		d.Scope(func() []*tensor.Tensor {
			losses := tr.Objective.Losses(tr.Step, first, n)
			seed := make([]float32, n)
			for i := range seed {
				seed[i] = float32(scale / float64(tr.Batch))
			}
			autograd.Backward(losses, d.FromFloat32(seed, n))
			for i, l := range losses.Value.Float32s() {
				m.Loss += float64(l) / float64(tr.Batch)
				q := min(3, int(4*tr.Objective.Level(tr.Step, first+i)))
				m.Quartiles[q] += float64(l)
				count[q]++
			}
			return nil
		})
	}
	for q, c := range count {
		m.Quartiles[q] /= float64(max(1, c))
	}
	m.LR = tr.Schedule.At(tr.Step, tr.Steps)
	m.GradNorm, m.ParamNorm = tr.Opt.GradNorm()/scale, tr.Opt.ParamNorm()
	if tr.Scale != nil {
		m.LossScale = tr.Scale.Log2
	}
	fits := finite(m.GradNorm) && finite(m.Loss)
	if !fits && (tr.Scale == nil || tr.Scale.Log2 < lowestScale) || !finite(m.ParamNorm) {
		return m, fmt.Errorf("%w: step %d, seed %d: loss %g, gradient norm %g, parameter norm %g",
			ErrDiverged, tr.Step, tr.Seed, m.Loss, m.GradNorm, m.ParamNorm)
	}
	tr.Scale.update(fits)
	if !fits {
		tr.Params.ZeroGrad()
		return Metrics{Step: tr.Step, LR: m.LR, ParamNorm: m.ParamNorm, LossScale: m.LossScale, Skipped: true}, nil
	}
	by := 1 / scale
	if tr.Clip > 0 && m.GradNorm > tr.Clip {
		by *= tr.Clip / (m.GradNorm + 1e-6)
	}
	tr.Opt.Step(m.LR, by)
	tr.Params.ZeroGrad()
	tr.Step++
	m.Step = tr.Step
	return m, nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// Run repeats Update until Steps or until ctx ends, whose cause it then returns, and hands every step's metrics to each, which may end the
// run with an error.
func (tr *Trainer) Run(ctx context.Context, each func(Metrics) error) error {
	for tr.Step < tr.Steps {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		m, err := tr.update(ctx)
		if err != nil {
			return err
		}
		if err := each(m); err != nil {
			return err
		}
	}
	return nil
}
