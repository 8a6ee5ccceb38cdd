package autograd

import (
	"fmt"

	"onestep/kernels"
	"onestep/tensor"
)

// term is a part of a gradient: scale·t. If t is wider than the gradient, the part is as many channels of it, from one on.
type term struct {
	t      *tensor.Tensor
	scale  float32
	from   int
	masked bool           // it is zero wherever the value, a rectifier's, is
	sums   *tensor.Tensor // (N,C): those of t over the pixels of each sample, or nil
}

// release ends the part that the gradient takes in the term's tensors.
func (g term) release() {
	g.t.Release()
	if g.sums != nil {
		g.sums.Release()
	}
}

// pixels are the term's channels as a kernel takes them: as many from the start of the buffer, of pixels that are width apart.
func (g term) pixels() (b kernels.Buf, width int, scale float32) {
	if g.t == nil {
		return
	}
	b = g.t.Buf()
	return b.Slice(g.from, b.Len), g.t.Dim(-1), g.scale
}

// accumulate adds dx to the gradient at x. It takes part in dx, which the caller must not change afterwards.
func (x *Var) accumulate(dx *tensor.Tensor) { x.add(term{t: dx, scale: 1}) }

// accumulateScaled adds a·dx to the gradient at x, on the same condition.
func (x *Var) accumulateScaled(a float32, dx *tensor.Tensor) { x.add(term{t: dx, scale: a}) }

// add adds a term to the gradient at x. A leaf's are added up at once. A result's wait, as one of the operations that x went into may have a
// kernel that adds them to what it computes itself.
func (x *Var) add(g term) {
	if !x.needs {
		return
	}
	x.mustBeOpen(g.t)
	g.t.Retain()
	switch {
	case x.node != nil || x.result:
		x.terms = append(x.terms, g)
	case x.Grad == nil && g.scale == 1 && g.t.Len() == x.Len():
		x.Grad = g.t
	default:
		x.terms = append(x.pending(1), g)
		x.Grad = nil
		x.Grad, x.terms = x.plain(), nil
	}
}

func (x *Var) mustBeOpen(dx *tensor.Tensor) {
	if x.final {
		panic(fmt.Errorf("autograd: a gradient of shape %v is added to after it was handed out as complete", dx.Shape()))
	}
}

// pending are the terms of the gradient at x so far, at most so many; those beyond are added up. Whoever adds them to something else calls
// replace.
func (x *Var) pending(most int) []term {
	if x.Grad != nil {
		return []term{{t: x.Grad, scale: 1}}
	}
	for len(x.terms) > most {
		x.sum()
	}
	return x.terms
}

// replace makes dx, which has all pending terms in it, the gradient at x so far.
func (x *Var) replace(dx *tensor.Tensor, masked bool) {
	if !x.needs {
		return
	}
	x.mustBeOpen(dx)
	x.put(dx, masked)
	if x.node == nil && !x.result {
		x.Grad, x.terms = dx, nil
	}
}

// put makes dx the only term.
func (x *Var) put(dx *tensor.Tensor, masked bool) {
	dx.Retain()
	x.drop()
	x.terms = []term{{t: dx, scale: 1, masked: masked}}
}

// sum adds up the first two terms.
func (x *Var) sum() {
	a, b := x.terms[0], x.terms[1]
	p, q := x.whole(a), x.whole(b)
	sum := p
	if sum.Shared() {
		sum = p.NewLike()
	}
	kernels.Axpby.Run(x.Device(), kernels.AxpbyArgs{Y: sum.Buf(), X: p.Buf(), A: a.scale, Z: q.Buf(), B: b.scale, N: p.Len()})
	sum.Retain()
	a.release()
	b.release()
	x.terms = append([]term{{t: sum, scale: 1, masked: a.masked && b.masked}}, x.terms[2:]...)
}

// whole is a term without its factor, as a tensor of x's shape.
func (x *Var) whole(g term) *tensor.Tensor {
	if g.t.Len() == x.Len() {
		return g.t
	}
	y, c := x.Device().New(g.t.DType(), x.Shape()...), x.Dim(-1)
	kernels.CopyChannels.Run(x.Device(), kernels.CopyChannelsArgs{
		Y: y.Buf(), X: g.t.Buf(), M: x.Len() / c, C: c, YWidth: c, XWidth: g.t.Dim(-1), XFrom: g.from,
	})
	return y
}

// scaled is the gradient at x so far as one tensor, or nil, and a factor that is left to do. It stays x's.
func (x *Var) scaled() (g *tensor.Tensor, scale float32) {
	terms := x.pending(1)
	if len(terms) == 0 {
		return nil, 1
	}
	scale, masked := terms[0].scale, terms[0].masked
	if g = x.whole(terms[0]); g != terms[0].t {
		x.put(g, masked)
		x.terms[0].scale = scale
	}
	return g, scale
}

// plain is the gradient at x so far as one tensor, or nil. It stays x's.
func (x *Var) plain() *tensor.Tensor {
	g, scale := x.scaled()
	if scale == 1 {
		return g
	}
	y := g
	if y.Shared() {
		y = g.NewLike()
	}
	kernels.Axpby.Run(x.Device(), kernels.AxpbyArgs{Y: y.Buf(), X: g.Buf(), A: scale, N: y.Len()})
	x.put(y, x.terms[0].masked)
	return y
}

// complete is the gradient at x when all of it is there, or nil, and a factor of it, which is 1 unless x's operation takes one. It stays x's.
// That of a rectifier's value passes where the value is positive.
func (x *Var) complete() (g *tensor.Tensor, scale float32) {
	if x.node.scales {
		g, scale = x.scaled()
	} else {
		g, scale = x.plain(), 1
	}
	if g == nil || !x.rectified || x.terms[0].masked {
		return g, scale
	}
	dx := g.NewLike()
	kernels.ReLUBackward.Run(x.Device(), kernels.ReLUBackwardArgs{DX: dx.Buf(), DY: g.Buf(), Y: x.Buf(), N: g.Len()})
	x.put(dx, true)
	return dx, scale
}

// twin is a variable of x's value that goes on gathering the gradient at x, until join.
func (x *Var) twin() *Var {
	t := &Var{Value: x.Value, Grad: x.Grad, terms: x.terms, needs: x.needs, rectified: x.rectified, result: x.result || x.node != nil}
	x.Grad, x.terms = nil, nil
	return t
}

// join gives back what its twin gathered.
func (x *Var) join(twin *Var) {
	x.terms = append(x.terms, twin.terms...)
	if g := twin.Grad; g != nil {
		x.accumulate(g)
		g.Release()
	}
	twin.Grad, twin.terms = nil, nil
}

// drop forgets the gradient.
func (x *Var) drop() {
	if x.Grad != nil {
		x.Grad.Release()
		x.Grad = nil
	}
	for _, g := range x.terms {
		g.release()
	}
	x.terms = nil
}

// mask is the value of a rectifier's result, and a buffer that is not given of all others: what a kernel needs to select the gradient itself.
func (x *Var) mask() kernels.Buf {
	if x.rectified {
		return x.Buf()
	}
	return kernels.Buf{}
}
