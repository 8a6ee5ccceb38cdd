package pid

import (
	"fmt"
	"slices"
	"strconv"

	"onestep/nn"
	"onestep/nn/optim"
	"onestep/tensor"
)

// Names of the tensors in a checkpoint: a kind, then the parameter's published name.
const (
	ckptParam  = "param."
	ckptFirst  = "exp_avg."
	ckptSecond = "exp_avg_sq."
)

const metaStep = "step"

func ckptEMA(rate float64) string { return "ema_" + FormatRate(rate) + "." }

// FormatRate is an EMA rate as it stands in file names: the shortest decimal that reads back as it.
func FormatRate(rate float64) string { return strconv.FormatFloat(rate, 'g', -1, 64) }

// Save writes everything a run needs to go on bit for bit: parameters, moments, averages, step and loss scale. Random numbers are keyed by
// the step and need no state. meta is kept beside. The file is sealed: [tensor.OpenSealed] reads it.
func (tr *Trainer) Save(path string, meta map[string]string) error {
	state := tr.Opt.State()
	m := map[string]string{
		metaStep:    strconv.Itoa(tr.Step),
		"opt_steps": strconv.Itoa(state.Steps),
	}
	if tr.scaled() {
		m["lg_loss_scale"] = strconv.FormatFloat(state.Log2, 'g', -1, 64)
	}
	for k, v := range meta {
		m[k] = v
	}
	var list []tensor.Named
	tr.each(func(kind string, p *nn.Param, t *tensor.Tensor) {
		list = append(list, tensor.LazyF32(kind+p.Name, func() []float32 { return p.Publish(t) }, p.Shape...))
	})
	return tensor.WriteSealed(path, m, list)
}

// CheckFinite is ErrDiverged if any number of the state is not finite. Such a state must not replace one that is saved.
func (tr *Trainer) CheckFinite() (err error) {
	tr.each(func(kind string, p *nn.Param, t *tensor.Tensor) {
		for _, v := range t.Float32s() {
			if err == nil && !finite(float64(v)) {
				err = fmt.Errorf("%w: step %d, seed %d: %s is not finite", ErrDiverged, tr.Step, tr.Seed, kind+p.Name)
			}
		}
	})
	return err
}

// Load continues from a checkpoint of the same network, optimiser and averages. Nothing is changed unless all of it fits.
func (tr *Trainer) Load(f *tensor.SafeTensors) error {
	number := func(key string) (int, error) {
		n, err := strconv.Atoi(f.Metadata[key])
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%s: %s %q: want a number of steps", f.Path, key, f.Metadata[key])
		}
		return n, nil
	}
	step, err := number(metaStep)
	if err != nil {
		return err
	}
	var state optim.State
	if state.Steps, err = number("opt_steps"); err != nil {
		return err
	}
	if state.Steps > step {
		return fmt.Errorf("%s: %d updates in %d steps", f.Path, state.Steps, step)
	}
	scale, scaled := f.Metadata["lg_loss_scale"]
	if scaled != tr.scaled() {
		return fmt.Errorf("%s: saved with fp16 %t, this run has %t", f.Path, scaled, tr.scaled())
	}
	if scaled {
		if state.Log2, err = strconv.ParseFloat(scale, 64); err != nil || !finite(state.Log2) {
			return fmt.Errorf("%s: lg_loss_scale %q: want a number", f.Path, scale)
		}
	}
	want, first := 0, error(nil)
	tr.each(func(kind string, p *nn.Param, _ *tensor.Tensor) {
		want++
		e, ok := f.Entry(kind + p.Name)
		switch {
		case first != nil:
		case !ok:
			first = fmt.Errorf("%s: %s: missing", f.Path, kind+p.Name)
		case e.DType != "F32" || !slices.Equal(e.Shape, p.Shape):
			first = fmt.Errorf("%s: %s: %s %v, want F32 %v", f.Path, kind+p.Name, e.DType, e.Shape, p.Shape)
		default:
			first = f.CheckFinite(kind + p.Name)
		}
	})
	if first == nil && len(f.Names()) != want {
		first = fmt.Errorf("%s: %d tensors, this run has %d: other --ema rates?", f.Path, len(f.Names()), want)
	}
	if first != nil {
		return first
	}
	tr.each(func(kind string, p *nn.Param, t *tensor.Tensor) {
		e, _ := f.Entry(kind + p.Name)
		x, err := e.Float32s()
		if err != nil {
			panic(err) // an F32 entry of the right shape was just checked
		}
		p.Adopt(t, x)
	})
	tr.Step = step
	tr.Opt.SetState(state)
	tr.forget() // what is recorded does not bring the parameters' binary16 copies up to date
	return nil
}

// scaled says whether the run has a loss scale.
func (tr *Trainer) scaled() bool { return tr.Opt.Rule.Scale != (optim.LossScale{}) }

// each visits every tensor of the state.
func (tr *Trainer) each(f func(kind string, p *nn.Param, t *tensor.Tensor)) {
	for i, p := range tr.Params.Trained() {
		f(ckptParam, p, p.Var.Value)
		f(ckptFirst, p, tr.Opt.M[i])
		f(ckptSecond, p, tr.Opt.V[i])
		for k, rate := range tr.Opt.Rates {
			f(ckptEMA(rate), p, tr.Opt.EMA[k][i])
		}
	}
}
