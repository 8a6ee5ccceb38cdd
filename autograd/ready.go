package autograd

import "onestep/tensor"

// BackwardReady is [Backward] that hands each of params to ready, once, as soon as nothing that is left can add to its gradient: while the
// pass goes on, the gradient can be sent away. It is then the parameter's alone, so that it may be overwritten, or nil if the parameter is not
// below y and had none. What would be added to it before [Var.ZeroGrad] panics. Parameters that a [Recompute] captures are ready when its pass
// is over.
func BackwardReady(y *Var, dy *tensor.Tensor, params []*Var, ready func(*Var)) {
	backward(y, dy, 1, &waiting{params: params, ready: ready})
}

// waiting counts, for each parameter, the nodes that may still add to its gradient. A nil *waiting waits for no parameter.
type waiting struct {
	params []*Var
	ready  func(*Var)
	left   map[*Var]int
	owner  map[*tensor.Tensor]*Var // the parameter of a value
}

// begin counts, and hands out the parameters that no node adds to.
func (w *waiting) begin(nodes []*node) {
	if w == nil {
		return
	}
	w.left, w.owner = map[*Var]int{}, map[*tensor.Tensor]*Var{}
	for _, x := range w.params {
		w.left[x], w.owner[x.Value] = 0, x
	}
	for _, n := range nodes {
		w.adds(n, 1)
	}
	for _, x := range w.params {
		if w.left[x] == 0 {
			w.handOut(x)
		}
	}
}

// passed hands out the parameters that n was the last to add to.
func (w *waiting) passed(n *node) {
	if w != nil {
		w.adds(n, -1)
	}
}

// adds changes the counts of all parameters that n adds to, each as often as it does.
func (w *waiting) adds(n *node, by int) {
	count := func(x *Var) {
		if left, ok := w.left[x]; ok {
			if w.left[x] = left + by; left+by == 0 {
				w.handOut(x)
			}
		}
	}
	for _, x := range n.inputs {
		count(x)
	}
	for _, t := range n.captured {
		count(w.owner[t])
	}
}

// handOut makes x the only owner of its gradient, copying it if need be, and calls ready.
func (w *waiting) handOut(x *Var) {
	if x.Grad != nil && x.Grad.Shared() {
		own := x.Grad.NewLike().Retain()
		own.Copy(x.Grad)
		x.Grad.Release()
		x.Grad = own
	}
	x.leaf.handedOut = true
	w.ready(x)
}
