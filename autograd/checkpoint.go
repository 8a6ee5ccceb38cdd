package autograd

import (
	"slices"

	"onestep/tensor"
)

// Checkpoint is f(inputs...) without keeping what f's backward pass needs: it runs f again then [chen16]. It trades one more forward pass
// for the memory of everything between the inputs and the result. Parameters that f captures receive their gradients as usual; f must
// compute the same values both times. If no input needs a gradient, f is run as it is and nothing is saved: what it captures may still
// need one, and only its graph can tell.
func Checkpoint(f func(inputs ...*Var) *Var, inputs ...*Var) *Var {
	d := inputs[0].Device()
	if !d.Recording() || !slices.ContainsFunc(inputs, func(x *Var) bool { return x.needs }) {
		return f(inputs...)
	}
	var y *Var
	captured := d.Watch(func() {
		d.NoRecord(func() {
			y = Scope(d, func() *Var { return f(inputs...) })
		})
	})
	v := record(y.Value, inputs, values(inputs...), func(dy *tensor.Tensor) {
		// The gradient gathered so far goes on growing in the copies, so that it is summed in the same order as without a checkpoint.
		copies := map[*Var]*Var{}
		again := make([]*Var, len(inputs))
		for i, x := range inputs {
			if copies[x] == nil {
				copies[x] = &Var{Value: x.Value, Grad: x.take(), needs: x.needs}
			}
			again[i] = copies[x]
		}
		Backward(Scope(d, func() *Var { return f(again...) }), dy)
		for i, x := range inputs {
			if g := again[i].Grad; g != nil { // f may capture x besides taking it
				x.accumulate(g)
				g.Release()
			}
			again[i].Grad = nil // x may be there twice
		}
	})
	v.node.captured = captured
	return v
}
