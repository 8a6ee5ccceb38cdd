package pid

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"onestep/autograd"
	"onestep/nn"
	"onestep/nn/optim"
	"onestep/tensor"
)

// explain adds to an ErrDiverged where the step went wrong. later are the steps that were asked for after it.
func (tr *Trainer) explain(err error, m Metrics, u underway, later []underway) error {
	if !errors.Is(err, ErrDiverged) {
		return err
	}
	moved := slices.ContainsFunc(later, func(l underway) bool { return optim.ReadReport(l.report.Float32s()).Fits })
	text := tr.replay(u.step, m.LossScale)
	if tr.ranks != nil {
		all, lost := tr.ranks.AllGather([]byte(text))
		if lost != nil {
			return errors.Join(err, lost)
		}
		for r := len(all) - 1; r >= 0; r-- {
			if len(all[r]) > 0 {
				text = fmt.Sprintf("rank %d: %s", r, all[r])
			}
		}
	}
	if text == "" {
		text = "every number is finite"
	}
	if moved {
		text += fmt.Sprintf(" (with the parameters after step %d, since steps that fit followed)", tr.Step)
	}
	return fmt.Errorf("%w; replayed: %s", err, text)
}

// replay makes the forward and backward passes of a step again, one operation at a time, and says which was the first whose result is not finite; ""
// if there is none. Parameters and optimiser stay as they are.
func (tr *Trainer) replay(step int, log2 float64) (text string) {
	var err error
	defer func() {
		if err != nil {
			text = err.Error()
		}
	}()
	defer tensor.Recover(&err)
	tr.forget()
	tr.Params.ZeroGrad()
	defer tr.Params.ZeroGrad()
	if tr.Scaled() {
		state := tr.Opt.State()
		defer tr.Opt.SetState(state)
		tr.Opt.SetState(optim.State{Steps: state.Steps, Log2: log2})
	}
	s := &search{params: tr.roles()}
	micro := tr.micro()
	first, end := tr.share()
	for n := 0; first < end && s.found == ""; first += n {
		n = min(micro, end-first)
		tr.searchIn(s, step, first, n)
		if s.found == "" || s.sample >= 0 || n == 1 {
			continue
		}
		found := s.found // of a sum over samples: is it one of them?
		for k := first; k < first+n; k++ {
			tr.Params.ZeroGrad()
			s.found = ""
			if tr.searchIn(s, step, k, 1); s.found != "" {
				return s.found
			}
		}
		return fmt.Sprintf("%s, the sum over samples %d to %d, each of which is finite", found, first, first+n-1)
	}
	return s.found
}

// searchIn makes the passes of some samples, while a search observes every operation.
func (tr *Trainer) searchIn(s *search, step, first, n int) {
	s.places, s.last, s.first, s.n = map[*tensor.Tensor]place{}, "", first, n
	d := tr.Params.Device
	d.Observe(s.see, func() {
		d.Scope(func() []*tensor.Tensor {
			autograd.Backward(tr.Objective.Losses(&step, first, n), tr.Opt.Seed(n, tr.Batch))
			return nil
		})
	})
}

// roles names the parameters of all networks.
func (tr *Trainer) roles() map[*tensor.Tensor]string {
	names, networks := map[*tensor.Tensor]string{}, tr.Networks
	if networks == nil {
		networks = map[string][]*nn.Param{"": tr.Params.List}
	}
	for role, list := range networks {
		for _, p := range list {
			if p.Var != nil {
				names[p.Var.Value] = strings.TrimSpace(role + " " + p.Name)
			}
		}
	}
	return names
}
