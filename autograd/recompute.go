package autograd

import "slices"

// Recompute is f(inputs...) without keeping what f's backward pass needs: it runs f again then [chen16]. It trades one more forward pass
// for the memory of everything between the inputs and the result. Parameters that f captures receive their gradients as usual; f must
// compute the same values both times. If no input needs a gradient, f is run as it is and nothing is saved: what it captures may still
// need one, and only its graph can tell.
func Recompute(f func(inputs ...*Var) *Var, inputs ...*Var) *Var {
	d := inputs[0].Device()
	if !d.GradEnabled() || !slices.ContainsFunc(inputs, func(x *Var) bool { return x.needs }) {
		return f(inputs...)
	}
	var y *Var
	captured := d.Watch(func() {
		d.NoGrad(func() {
			y = Scope(d, func() *Var { return f(inputs...) })
		})
	})
	v := recordFused(y.Value, false, inputs, values(inputs...), func(g arrived) {
		// The gradient gathered so far goes on growing in the twins, so that it is summed in the same order as when f is run once.
		twins := map[*Var]*Var{}
		again := make([]*Var, len(inputs))
		for i, x := range inputs {
			if twins[x] == nil {
				twins[x] = x.twin()
			}
			again[i] = twins[x]
		}
		backward(Scope(d, func() *Var { return f(again...) }), g.dy, g.factor, nil)
		for i, x := range inputs {
			x.join(again[i]) // the second time of an input that is there twice does nothing
		}
	})
	v.node.captured = captured
	return v
}
