package autograd

import (
	"runtime"
	"slices"
	"strings"

	"onestep/tensor"
)

// observed shows an operation to the device's observer and returns its name, which is that of the function that records it. Without an observer it
// returns no name.
func observed(y *tensor.Tensor, inputs []*Var) (name string) {
	see := y.Device().Observer()
	if see == nil {
		return ""
	}
	var pc [1]uintptr
	runtime.Callers(4, pc[:]) // above this, enter, record, and the function
	frame, _ := runtime.CallersFrames(pc[:]).Next()
	name = frame.Function[strings.LastIndexByte(frame.Function, '.')+1:]
	see(tensor.Operation{Name: name, Result: y, Inputs: values(inputs...)})
	return name
}

// observeSum shows the gradient at n's result when it is complete.
func (n *node) observeSum(g *tensor.Tensor) {
	if see := g.Device().Observer(); see != nil {
		see(tensor.Operation{Name: n.name, Result: n.out.Value, Inputs: values(n.inputs...), At: n.out.Value, Grad: g})
	}
}

// observe shows what n has added to the gradients at its inputs.
func (n *node) observe() {
	see := n.out.Device().Observer()
	if see == nil {
		return
	}
	for i, x := range n.inputs {
		if slices.Contains(n.inputs[:i], x) {
			continue
		}
		o := tensor.Operation{Name: n.name, Result: n.out.Value, Inputs: values(n.inputs...), At: x.Value, Grad: x.Grad}
		if x.Grad != nil {
			see(o)
		}
		if x.sum == nil {
			continue
		}
		for _, p := range x.sum.parts {
			o.Grad = p.t
			see(o)
		}
	}
}
