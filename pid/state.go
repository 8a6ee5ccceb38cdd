package pid

import (
	"fmt"
	"strconv"

	"onestep/nn"
	"onestep/nn/optim"
	"onestep/tensor"
)

// Kinds of tensors in a trainer's state, as they stand before a parameter's published name: parameters, the optimiser's moments, and [EMAKind].
const (
	ParamKind  = "param."
	FirstKind  = "exp_avg."
	SecondKind = "exp_avg_sq."
)

// EMAKind is the kind of the average with a rate.
func EMAKind(rate float64) string { return "ema_" + FormatRate(rate) + "." }

// FormatRate is an EMA rate as it stands in file names: the shortest decimal that reads back as it.
func FormatRate(rate float64) string { return strconv.FormatFloat(rate, 'g', -1, 64) }

// State visits every tensor that a run needs to go on bit for bit, in a fixed order. Besides them there are the step and the optimiser's
// [optim.State]; random numbers are keyed by the step and need no state.
func (tr *Trainer) State(visit func(kind string, p *nn.Param, t *tensor.Tensor)) {
	for i, p := range tr.Params.Trained() {
		visit(ParamKind, p, p.Var.Value)
		visit(FirstKind, p, tr.Opt.M[i])
		visit(SecondKind, p, tr.Opt.V[i])
		for k, rate := range tr.Opt.Rates {
			visit(EMAKind(rate), p, tr.Opt.EMA[k][i])
		}
	}
}

// Continue goes on after a step, whose tensors the caller has put into those of [Trainer.State].
func (tr *Trainer) Continue(step int, state optim.State) {
	tr.Step = step
	tr.Opt.SetState(state)
	tr.forget() // what is recorded does not bring the parameters' binary16 copies up to date
}

// Scaled says whether the run has a loss scale.
func (tr *Trainer) Scaled() bool { return tr.Opt.Rule.Scale != (optim.LossScale{}) }

// CheckFinite is ErrDiverged if any number of the state is not finite. Such a state must not replace one that is saved.
func (tr *Trainer) CheckFinite() (err error) {
	tr.State(func(kind string, p *nn.Param, t *tensor.Tensor) {
		for _, v := range t.Float32s() {
			if err == nil && !finite(float64(v)) {
				err = fmt.Errorf("%w: step %d, seed %d: %s is not finite", ErrDiverged, tr.Step, tr.Seed, kind+p.Name)
			}
		}
	})
	return err
}
