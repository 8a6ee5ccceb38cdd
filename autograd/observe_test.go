package autograd_test

import (
	"fmt"
	"slices"
	"testing"

	"onestep/autograd"
	"onestep/tensor"
)

// TestObserve: every operation is shown by its name, forward and then back, also what is computed again, and nothing without an observer.
func TestObserve(t *testing.T) {
	d := tensor.CPU(1)
	x, w := autograd.Param(d.FromFloat32([]float32{1, 2}, 1, 2)), autograd.Param(d.FromFloat32([]float32{3, 4}, 2, 1))
	f := func(xs ...*autograd.Var) *autograd.Var { return autograd.SiLU(xs[0]).Scale(2) }
	var seen []string
	see := func(o tensor.Operation) {
		what := o.Name
		switch {
		case o.At == x.Value:
			what += " back to x"
		case o.At == w.Value:
			what += " back to w"
		case o.At == o.Result:
			what = "at " + what
		case o.At != nil:
			what += " back"
		}
		if o.At != nil && o.Grad == nil || o.Result == nil {
			t.Errorf("%s: %+v", what, o)
		}
		seen = append(seen, what)
	}
	pass := func() {
		autograd.Backward(autograd.Linear(autograd.Recompute(f, x), w, nil).Mul(autograd.Const(d.FromFloat32([]float32{1}, 1, 1))), d.FromFloat32([]float32{1}, 1, 1))
	}
	pass()
	d.Observe(see, pass)
	pass()
	want := []string{"SiLU", "Scale", "Recompute", "Linear", "Mul", "at Mul", "Mul back", "at Linear", "Linear back", "Linear back to w", "at Recompute",
		"SiLU", "Scale", "at Scale", "Scale back", "at SiLU", "SiLU back to x", "Recompute back to x"}
	if !slices.Equal(seen, want) {
		t.Errorf("seen %s\nwant %s", fmt.Sprint(seen), fmt.Sprint(want))
	}
}

// TestObserveTwice: an input that is there twice is shown once.
func TestObserveTwice(t *testing.T) {
	d := tensor.CPU(1)
	x, back := autograd.Param(d.FromFloat32([]float32{3}, 1)), 0
	d.Observe(func(o tensor.Operation) {
		if o.At == x.Value {
			back++
		}
	}, func() { autograd.Backward(x.Mul(x), d.FromFloat32([]float32{1}, 1)) })
	if back != 1 || x.Grad.Float32s()[0] != 6 {
		t.Errorf("shown %d times, gradient %v", back, x.Grad.Float32s())
	}
}
