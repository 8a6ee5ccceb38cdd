package runs

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"onestep/nn"
	"onestep/nn/optim"
	"onestep/pid"
	"onestep/tensor"
)

const metaStep = "step"

// SaveTrainer writes everything a run needs to go on bit for bit: parameters, moments, averages, step and loss scale. Random numbers are keyed
// by the step and need no state. meta is kept beside. The file is sealed: [tensor.OpenSealed] reads it.
func SaveTrainer(path string, tr *pid.Trainer, meta map[string]string) error {
	state := tr.Opt.State()
	m := map[string]string{
		metaStep:    strconv.Itoa(tr.Step),
		"opt_steps": strconv.Itoa(state.Steps),
	}
	if tr.Scaled() {
		m["lg_loss_scale"] = strconv.FormatFloat(state.Log2, 'g', -1, 64)
	}
	for k, v := range meta {
		m[k] = v
	}
	var list []tensor.Named
	tr.State(func(kind string, p *nn.Param, t *tensor.Tensor) {
		list = append(list, tensor.LazyF32(kind+p.Name, func() []float32 { return p.Publish(t) }, p.Shape...))
	})
	return tensor.WriteSealed(path, m, list)
}

// LoadTrainer continues from a checkpoint of the same network, optimiser and averages. Nothing is changed unless all of it fits.
func LoadTrainer(tr *pid.Trainer, f *tensor.SafeTensors) error {
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
	if scaled != tr.Scaled() {
		return fmt.Errorf("%s: saved with fp16 %t, this run has %t", f.Path, scaled, tr.Scaled())
	}
	if scaled {
		if state.Log2, err = strconv.ParseFloat(scale, 64); err != nil || math.IsNaN(state.Log2) || math.IsInf(state.Log2, 0) {
			return fmt.Errorf("%s: lg_loss_scale %q: want a number", f.Path, scale)
		}
	}
	want, first := 0, error(nil)
	tr.State(func(kind string, p *nn.Param, _ *tensor.Tensor) {
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
	tr.State(func(kind string, p *nn.Param, t *tensor.Tensor) {
		e, _ := f.Entry(kind + p.Name)
		x, err := e.Float32s()
		if err != nil {
			panic(err) // an F32 entry of the right shape was just checked
		}
		p.Adopt(t, x)
	})
	tr.Continue(step, state)
	return nil
}
