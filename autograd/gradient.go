package autograd

import (
	"fmt"

	"onestep/tensor"
)

// accumulate adds dx to the gradient at x. It takes part in dx, which the caller must not change afterwards.
func (x *Var) accumulate(dx *tensor.Tensor) { x.add(part{t: dx, factor: 1}) }

// accumulateScaled adds a·dx to the gradient at x, on the same condition.
func (x *Var) accumulateScaled(a float32, dx *tensor.Tensor) { x.add(part{t: dx, factor: a}) }

// add adds a part to the gradient at x. A leaf's parts are added up at once, a result's wait: see [sum].
func (x *Var) add(p part) {
	if !x.needs {
		return
	}
	x.mustBeOpen(p.t)
	p.t.Retain()
	switch {
	case x.sum != nil:
		x.sum.parts = append(x.sum.parts, p)
	case x.Grad == nil && p.factor == 1 && p.t.Len() == x.Len():
		x.Grad = p.t
	default:
		s := sum{at: x.Value, parts: append(x.soFar(), p)}
		x.Grad = nil
		x.Grad = s.plain()
	}
}

// soFar are the parts of the gradient at x, which of a leaf is one or none.
func (x *Var) soFar() []part {
	switch {
	case x.sum != nil:
		return x.sum.parts
	case x.Grad != nil:
		return []part{{t: x.Grad, factor: 1}}
	}
	return nil
}

func (x *Var) mustBeOpen(dx *tensor.Tensor) {
	if x.leaf != nil && x.leaf.handedOut {
		panic(fmt.Errorf("autograd: a gradient of shape %v is added to after it was handed out as complete", dx.Shape()))
	}
}

// twin is a variable of x's value that goes on gathering the gradient at x, until join.
func (x *Var) twin() *Var {
	t := &Var{Value: x.Value, Grad: x.Grad, needs: x.needs, sum: x.sum}
	x.Grad = nil
	return t
}

// join gives back what its twin gathered. A result and its twin gather in one sum.
func (x *Var) join(twin *Var) {
	if g := twin.Grad; g != nil {
		x.accumulate(g)
		g.Release()
	}
	twin.Grad = nil
}

// drop forgets the gradient.
func (x *Var) drop() {
	if x.Grad != nil {
		x.Grad.Release()
		x.Grad = nil
	}
	if x.sum != nil {
		x.sum.drop()
	}
}
