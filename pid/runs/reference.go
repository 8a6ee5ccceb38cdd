package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"onestep/nn"
	"onestep/nn/optim"
	"onestep/nn/weights"
	"onestep/pid"
	"onestep/tensor"
	"onestep/tensor/format"
)

// The PID reference repository saves a run as modelSTEP.pt, the student; ema_RATE_STEP.pt, every average; and optSTEP.pt, PyTorch's state of
// RAdam. STEP has six digits or more. The optimiser of a run in binary16 knows two tensors only: all parameters of at most one dimension, one
// behind the other, (n), and all others, (1,n).

var referenceModel = regexp.MustCompile(`^model(\d{6,15})\.pt$`)

// referenceModelPath is the model of a folder's newest set, or the file itself, and its step.
func referenceModelPath(path string) (model string, step int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", 0, err
	}
	names := []string{filepath.Base(path)}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return "", 0, err
		}
		names = nil
		for _, e := range entries {
			names = append(names, e.Name())
		}
	} else {
		path = filepath.Dir(path)
	}
	step = -1
	for _, name := range names {
		if m := referenceModel.FindStringSubmatch(name); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil && n > step {
				model, step = filepath.Join(path, name), n
			}
		}
	}
	if step < 0 {
		return "", 0, fmt.Errorf("%s: no checkpoint of the reference: no modelSTEP.pt, with a step of six digits or more", path)
	}
	return model, step, nil
}

func referenceEMA(dir string, rate float64, step int) string {
	return filepath.Join(dir, fmt.Sprintf("ema_%s_%06d.pt", pid.FormatRate(rate), step))
}

func referenceOpt(dir string, step int) string {
	return filepath.Join(dir, fmt.Sprintf("opt%06d.pt", step))
}

// ResumeReference continues from a set of the reference's files: the newest of a folder, or that of a model file. As there, an average whose file is
// missing begins at the parameters, moments whose file is missing begin at zero, and the loss scale begins anew; notes say so.
//
// Deviation: parameters of a run in binary16 keep the float32 of the file, which the reference rounds.
func ResumeReference(tr *pid.Trainer, path string) (notes []error, err error) {
	model, step, err := referenceModelPath(path)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(model)
	value := func(_ int, p *nn.Param) *tensor.Tensor { return p.Var.Value }
	if err := adopt(tr, model, value); err != nil {
		return nil, err
	}
	for k, rate := range tr.Opt.Rates {
		average := func(i int, _ *nn.Param) *tensor.Tensor { return tr.Opt.EMA[k][i] }
		err := adopt(tr, referenceEMA(dir, rate, step), average)
		if errors.Is(err, fs.ErrNotExist) {
			notes = append(notes, fmt.Errorf("%w: this average starts at the parameters", err))
			err = adopt(tr, model, average)
		}
		if err != nil {
			return nil, err
		}
	}
	state, note, err := adoptOptimizer(tr, referenceOpt(dir, step), step)
	if err != nil {
		return nil, err
	}
	if note != nil {
		notes = append(notes, note)
	}
	tr.Continue(step, state)
	return notes, nil
}

// adopt fills a tensor for every trained parameter from the state dict in a file.
func adopt(tr *pid.Trainer, path string, to func(i int, p *nn.Param) *tensor.Tensor) error {
	f, err := format.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, name := range f.Names() {
		if tr.Params.Named(name) == nil {
			return fmt.Errorf("%s: %s: no such tensor in this network", f.Path, name)
		}
	}
	for i, p := range tr.Params.Trained() {
		x, err := weights.Published(f.SafeTensors, "", p)
		if err != nil {
			return err
		}
		p.Adopt(to(i, p), x)
	}
	return nil
}

// adoptOptimizer fills the moments from PyTorch's state dict, if it is there, and returns the number of updates.
func adoptOptimizer(tr *pid.Trainer, path string, step int) (state optim.State, note, err error) {
	state.Log2 = tr.Opt.Rule.Scale.Log2
	f, err := format.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state, fmt.Errorf("%w: the optimiser starts anew", err), nil
	}
	if err != nil {
		return state, nil, err
	}
	defer f.Close()
	if state.Steps, err = updates(f); err != nil {
		return state, nil, err
	}
	if state.Steps > step {
		return state, nil, fmt.Errorf("%s: %d updates in %d steps", path, state.Steps, step)
	}
	params := tr.Params.Trained()
	for _, m := range []struct {
		name string
		to   []*tensor.Tensor
	}{{"exp_avg", tr.Opt.M}, {"exp_avg_sq", tr.Opt.V}} {
		read := perParameter
		if e, ok := f.Entry("state.0." + m.name); ok && !slices.Equal(e.Shape, params[0].Shape) {
			read = flat
		}
		xs, err := read(f, m.name, params)
		if err != nil {
			return state, nil, err
		}
		for i, p := range params {
			p.Adopt(m.to[i], xs(i))
		}
	}
	if lr, ok := f.Scalars["param_groups.0.lr"].(float64); ok && lr != tr.Schedule.LR {
		note = fmt.Errorf("%s: its learning rate is %g, that of this run is %g", path, lr, tr.Schedule.LR)
	}
	return state, note, nil
}

// updates is the number of steps that the optimiser has made: of its first parameter, and so of all.
func updates(f *format.File) (int, error) {
	const name = "state.0.step"
	n, ok := f.Scalars[name].(int64)
	if e, isTensor := f.Entry(name); isTensor && e.Len() == 1 {
		x, err := e.Float64s()
		if err != nil {
			return 0, err
		}
		n = int64(x[0])
		ok = float64(n) == x[0]
	}
	if !ok || n < 0 || n > 1<<40 {
		return 0, fmt.Errorf("%s: %s: want a number of steps", f.Path, name)
	}
	return int(n), nil
}

// perParameter reads a moment of every parameter, and finds no other parameters.
func perParameter(f *format.File, moment string, params []*nn.Param) (func(i int) []float32, error) {
	xs := make([][]float32, len(params))
	for i, p := range params {
		var err error
		if xs[i], err = floats(f, fmt.Sprintf("state.%d.%s", i, moment), p.Shape...); err != nil {
			return nil, fmt.Errorf("%w, of %s", err, p.Name)
		}
	}
	if _, more := f.Entry(fmt.Sprintf("state.%d.%s", len(params), moment)); more {
		return nil, fmt.Errorf("%s: state.%d: there are %d parameters", f.Path, len(params), len(params))
	}
	return func(i int) []float32 { return xs[i] }, nil
}

// flat reads a moment of the two tensors of a run in binary16.
func flat(f *format.File, moment string, params []*nn.Param) (func(i int) []float32, error) {
	at, total := flatLayout(params)
	vectors, err := floats(f, "state.0."+moment, total[0])
	if err != nil {
		return nil, err
	}
	matrices, err := floats(f, "state.1."+moment, 1, total[1])
	if err != nil {
		return nil, err
	}
	return func(i int) []float32 {
		x := vectors
		if len(params[i].Shape) > 1 {
			x = matrices
		}
		return x[at[i] : at[i]+params[i].Var.Len()]
	}, nil
}

// flatLayout is where each parameter begins in its one of the two tensors, and how long these are.
func flatLayout(params []*nn.Param) (at []int, total [2]int) {
	for _, p := range params {
		which := min(len(p.Shape), 2) / 2
		at = append(at, total[which])
		total[which] += p.Var.Len()
	}
	return at, total
}

// floats reads finite numbers of a shape.
func floats(f *format.File, name string, shape ...int) ([]float32, error) {
	e, ok := f.Entry(name)
	if !ok {
		return nil, fmt.Errorf("%s: %s: missing", f.Path, name)
	}
	if err := e.CheckShape(shape...); err != nil {
		return nil, err
	}
	if err := e.CheckFinite(); err != nil {
		return nil, err
	}
	return e.Float32s()
}
