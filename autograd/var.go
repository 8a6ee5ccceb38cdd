package autograd

import (
	"fmt"
	"slices"

	"onestep/kernels"
	"onestep/tensor"
)

// Var is a tensor that gradients may flow through: a value, the gradient at it, and how it was made.
type Var struct {
	Value *tensor.Tensor
	Grad  *tensor.Tensor // of a leaf, after Backward: the sum so far, or nil

	needs bool  // a gradient flows through it
	node  *node // how it was made; nil for leaves
	sum   *sum  // of a result: its gradient, while it gathers; nil for leaves
	leaf  *leaf // what is kept beside a parameter; nil for all others
}

// leaf is what a parameter has beside its value and its gradient.
type leaf struct {
	half      halfCopy
	handedOut bool // the gradient was handed out by BackwardReady: nothing may be added to it
}

// node is one recorded operation.
type node struct {
	id       uint64 // even; odd after last
	name     string // while somebody observes
	out      *Var
	inputs   []*Var
	captured []*tensor.Tensor // values of parameters that backward adds to besides the inputs
	saved    []*tensor.Tensor
	backward func(arrived)
	factors  bool // backward takes the factor of the gradient itself
}

// Param makes a leaf that gathers a gradient.
func Param(t *tensor.Tensor) *Var { return &Var{Value: t, needs: true, leaf: &leaf{}} }

// Const makes a leaf that gathers none.
func Const(t *tensor.Tensor) *Var { return &Var{Value: t} }

// StopGrad is x as a constant: sg(x).
func StopGrad(x *Var) *Var { return Const(x.Value) }

// Dim is one dimension of the value; negative numbers count from the end.
func (x *Var) Dim(i int) int { return x.Value.Dim(i) }

// Shape is the value's shape.
func (x *Var) Shape() []int { return x.Value.Shape() }

// Len is the value's number of elements.
func (x *Var) Len() int { return x.Value.Len() }

// Buf is the value's memory.
func (x *Var) Buf() kernels.Buf { return x.Value.Buf() }

// Device is where the value lives.
func (x *Var) Device() *tensor.Device { return x.Value.Device() }

// NeedsGrad tells whether a gradient flows through x.
func (x *Var) NeedsGrad() bool { return x.needs }

// Scope runs f and frees every tensor made in it that neither its result nor the graph needs.
func Scope(d *tensor.Device, f func() *Var) *Var {
	var y *Var
	d.Scope(func() []*tensor.Tensor {
		y = f()
		return []*tensor.Tensor{y.Value}
	})
	return y
}

// record makes the result of an operation: y, computed from inputs. The closure backward is kept, and with it the tensors in saved, if a
// gradient flows through any input; it gets the gradient at y, must not change it, and calls accumulate on the inputs. Operations whose kernels
// do more than that call recordFused.
func record(y *tensor.Tensor, inputs []*Var, saved []*tensor.Tensor, backward func(dy *tensor.Tensor)) *Var {
	v := enter(y, inputs, saved)
	if v.node != nil {
		v.node.backward = func(g arrived) { backward(g.dy) }
	}
	return v
}

// enter puts an operation into the graph if a gradient flows through any input; its backward function is left to set. Only record and
// recordFused call it: the operation is named after the function that called them.
func enter(y *tensor.Tensor, inputs []*Var, saved []*tensor.Tensor) *Var {
	v := &Var{Value: y}
	d := y.Device()
	name := observed(y, inputs)
	needs := slices.ContainsFunc(inputs, func(x *Var) bool { return x.needs })
	if !d.GradEnabled() {
		for _, x := range inputs {
			if x.needs {
				d.Note(x.Value)
			}
		}
		return v
	}
	if !needs {
		return v
	}
	for _, t := range saved {
		t.Retain()
	}
	v.needs = true
	v.node = &node{id: 2 * d.NextNode(), name: name, out: v, inputs: inputs, saved: saved}
	v.sum = &sum{at: y}
	return v
}

// ZeroGrad drops the gradient.
func (x *Var) ZeroGrad() {
	if x.leaf != nil {
		x.leaf.handedOut = false
	}
	x.drop()
}

// Backward adds to every parameter below y the gradient of Σ dy·y. The graph is consumed: what it saved is freed on the way.
func Backward(y *Var, dy *tensor.Tensor) { backward(y, dy, 1, nil) }

// backward is Backward of scale·dy, telling w what is done.
func backward(y *Var, dy *tensor.Tensor, scale float32, w *waiting) {
	if !slices.Equal(y.Shape(), dy.Shape()) {
		panic(fmt.Errorf("autograd: Backward: gradient of shape %v at a value of shape %v", dy.Shape(), y.Shape()))
	}
	if !y.needs {
		w.begin(nil)
		return
	}
	d := y.Device()
	nodes := reachable(y)
	d.Scope(func() []*tensor.Tensor {
		y.accumulateScaled(scale, dy)
		return nil
	})
	w.begin(nodes)
	for _, n := range nodes {
		d.Scope(func() []*tensor.Tensor {
			if g := n.out.sum.complete(n.factors); g.dy != nil {
				n.observeSum(g.dy)
				n.backward(g)
				n.observe()
			}
			return nil
		})
		n.out.drop()
		for _, t := range n.saved {
			t.Release()
		}
		w.passed(n)
		n.saved, n.backward, n.inputs, n.captured = nil, nil, nil, nil
		n.out.node, n.out.sum = nil, nil
	}
}

// reachable lists the nodes below y, the latest first.
func reachable(y *Var) []*node {
	seen := map[*node]bool{}
	var list []*node
	stack := []*Var{y}
	for len(stack) > 0 {
		n := stack[len(stack)-1].node
		stack = stack[:len(stack)-1]
		if n == nil || seen[n] {
			continue
		}
		seen[n] = true
		list = append(list, n)
		stack = append(stack, n.inputs...)
	}
	slices.SortStableFunc(list, func(a, b *node) int { return int(int64(b.id) - int64(a.id)) })
	return list
}

// check panics with a message if a caller's shapes do not fit.
func check(ok bool, format string, args ...any) {
	if !ok {
		panic(fmt.Errorf("autograd: "+format, args...))
	}
}

// vars lists the inputs that are given.
func vars(xs ...*Var) []*Var {
	return slices.DeleteFunc(xs, func(x *Var) bool { return x == nil })
}

// optional is the buffer of an input that may be nil.
func optional(x *Var) kernels.Buf {
	if x == nil {
		return kernels.Buf{}
	}
	return x.Buf()
}

// values lists the tensors of the inputs that are given, to be saved.
func values(xs ...*Var) []*tensor.Tensor {
	var ts []*tensor.Tensor
	for _, x := range xs {
		if x != nil {
			ts = append(ts, x.Value)
		}
	}
	return ts
}

// Freeze makes a parameter a constant and drops its gradient.
func (x *Var) Freeze() {
	x.ZeroGrad()
	x.needs = false
}

// Release frees the value of a leaf, its gradient, and what is kept beside.
func (x *Var) Release() {
	x.ZeroGrad()
	x.Value.Release()
	if x.leaf != nil {
		x.leaf.half.release()
	}
}
