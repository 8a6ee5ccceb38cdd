package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Fusion: some kernels of the backward pass do more than their own formula, which saves passes over memory. So the gradient at a result is not
// added up as it comes. It is a list of parts, a [sum] that is left open until the result's own operation needs it, and a kernel that can do so
// takes parts of it over.
//
// What an operation uses of this, at its inputs:
//
//	x.others(n)          the other parts of the gradient at x so far, at most n, for a kernel that adds them to what it computes itself,
//	x.replace(dx, as)    which is then all of them;
//	x.whole()            the same, as one tensor;
//	x.mask()             what a kernel needs to pass the gradient through the rectifier that made x, after which it is as{masked: true};
//	x.addChannels(...)   a part that is some channels of a wider image, which nobody has to copy out;
//	v.last()             lets the operation come after all others at its inputs, so that it finds their parts there;
//
// and at its result, with [recordFused] in place of record: a factor of the gradient that is left to its kernel, sums over the gradient's pixels
// that somebody knows, and the rectifier.

// part is a part of a gradient: factor·t. If t is wider than the gradient, the part is as many channels of it, from one on.
type part struct {
	t      *tensor.Tensor
	factor float32
	from   int
	as     known
}

// known is what is known of a part beside its elements.
type known struct {
	masked bool           // it is zero wherever the value, a rectifier's, is
	sums   *tensor.Tensor // (N,C): its sums over the pixels of each sample, or nil
}

// release ends the share that the gradient has in the part's tensors.
func (p part) release() {
	p.t.Release()
	if p.as.sums != nil {
		p.as.sums.Release()
	}
}

// pixels are the part's channels as a kernel takes them: as many from the start of the buffer, of pixels that are width apart.
func (p part) pixels() (b kernels.Buf, width int, factor float32) {
	if p.t == nil {
		return
	}
	b = p.t.Buf()
	return b.Slice(p.from, b.Len), p.t.Dim(-1), p.factor
}

// sum is the gradient at a result while it gathers: the sum of its parts.
type sum struct {
	at        *tensor.Tensor // the result
	parts     []part
	rectified bool // the result is max(0,·) of something, and its operation takes the gradient there
}

// arrived is the gradient at a result when all of it is there: factor·dy.
type arrived struct {
	dy     *tensor.Tensor
	factor float32
	sums   *tensor.Tensor // (N,C): the sums of dy over the pixels of each sample, where they are known, or nil
}

// recordFused is record for an operation that multiplies its gradient by the factor itself, and that may rectify: then it is given the gradient
// before its rectifier.
func recordFused(y *tensor.Tensor, rectified bool, inputs []*Var, saved []*tensor.Tensor, backward func(arrived)) *Var {
	v := enter(y, inputs, saved)
	if v.node != nil {
		v.node.backward, v.node.factors = backward, true
		v.sum.rectified = rectified
	}
	return v
}

// last makes x's node, the only one of its operation, come in the backward pass after all others that its inputs went into, so that their
// gradients are all there but for its own.
func (x *Var) last() *Var {
	if x.node != nil {
		x.node.id = 1
		for _, in := range x.node.inputs {
			if in.node != nil {
				x.node.id = max(x.node.id, in.node.id|1)
			}
		}
	}
	return x
}

// others are the parts of the gradient at x so far, at most so many: those beyond are added up.
func (x *Var) others(most int) []part {
	if x.sum != nil {
		x.sum.shorten(most)
	}
	return x.soFar()
}

// whole is the gradient at x so far as one tensor, or nil. It stays x's.
func (x *Var) whole() *tensor.Tensor {
	if x.sum != nil {
		return x.sum.plain()
	}
	return x.Grad
}

// replace makes dx, which has in it all that was there, the gradient at x so far.
func (x *Var) replace(dx *tensor.Tensor, as known) {
	if !x.needs {
		return
	}
	x.mustBeOpen(dx)
	dx.Retain()
	x.drop()
	if x.sum == nil {
		x.Grad = dx
		return
	}
	if as.sums != nil {
		as.sums.Retain()
	}
	x.sum.parts = []part{{t: dx, factor: 1, as: as}}
}

// addChannels adds to the gradient at x as many channels of dx as x has, from one on. It takes part in dx as accumulate does.
func (x *Var) addChannels(dx *tensor.Tensor, from int) { x.add(part{t: dx, factor: 1, from: from}) }

// accumulateMasked is accumulate of a dx that x.mask was applied to.
func (x *Var) accumulateMasked(dx *tensor.Tensor) {
	x.add(part{t: dx, factor: 1, as: known{masked: x.rectified()}})
}

// rectified tells whether x is a rectifier's result, the gradient before which is wanted.
func (x *Var) rectified() bool { return x.sum != nil && x.sum.rectified }

// mask is the value of a rectifier's result, and a buffer that is not given of all others: what a kernel needs to select the gradient itself.
func (x *Var) mask() kernels.Buf {
	if x.rectified() {
		return x.Buf()
	}
	return kernels.Buf{}
}

// shorten adds up parts until there are at most so many.
func (s *sum) shorten(most int) {
	for len(s.parts) > most {
		a, b := s.parts[0], s.parts[1]
		p, q := s.narrow(a), s.narrow(b)
		y := p
		if y.Shared() {
			y = p.NewLike()
		}
		kernels.Axpby.Run(y.Device(), kernels.AxpbyArgs{Y: y.Buf(), X: p.Buf(), A: a.factor, Z: q.Buf(), B: b.factor, N: p.Len()})
		y.Retain()
		a.release()
		b.release()
		s.parts = append([]part{{t: y, factor: 1, as: known{masked: a.as.masked && b.as.masked}}}, s.parts[2:]...)
	}
}

// narrow is a part without its factor, as a tensor of the result's shape.
func (s *sum) narrow(p part) *tensor.Tensor {
	if p.t.Len() == s.at.Len() {
		return p.t
	}
	y, c := p.t.Device().New(p.t.DType(), s.at.Shape()...), s.at.Dim(-1)
	kernels.CopyChannels.Run(y.Device(), kernels.CopyChannelsArgs{
		Y: y.Buf(), X: p.t.Buf(), M: s.at.Len() / c, C: c, YWidth: c, XWidth: p.t.Dim(-1), XFrom: p.from,
	})
	return y
}

// put makes t the only part.
func (s *sum) put(t *tensor.Tensor, factor float32, as known) {
	t.Retain()
	s.drop()
	s.parts = []part{{t: t, factor: factor, as: as}}
}

// scaled is the sum as one tensor, or nil, and a factor that is left to do. It stays the sum's.
func (s *sum) scaled() (g *tensor.Tensor, factor float32) {
	s.shorten(1)
	if len(s.parts) == 0 {
		return nil, 1
	}
	p := s.parts[0]
	if g = s.narrow(p); g != p.t {
		s.put(g, p.factor, known{masked: p.as.masked})
	}
	return g, p.factor
}

// plain is the sum as one tensor, or nil. It stays the sum's.
func (s *sum) plain() *tensor.Tensor {
	g, factor := s.scaled()
	if factor == 1 {
		return g
	}
	y := g
	if y.Shared() {
		y = g.NewLike()
	}
	kernels.Axpby.Run(y.Device(), kernels.AxpbyArgs{Y: y.Buf(), X: g.Buf(), A: factor, N: y.Len()})
	s.put(y, 1, known{masked: s.parts[0].as.masked})
	return y
}

// complete is the sum when all of it is there, with a factor of 1 unless factors are left to the operation. It stays the sum's. That of a
// rectifier's result passes where the result is positive.
func (s *sum) complete(factors bool) (g arrived) {
	g.factor = 1
	if factors {
		g.dy, g.factor = s.scaled()
	} else {
		g.dy = s.plain()
	}
	if g.dy == nil {
		return g
	}
	if s.rectified && !s.parts[0].as.masked {
		dx := g.dy.NewLike()
		kernels.ReLUBackward.Run(dx.Device(), kernels.ReLUBackwardArgs{DX: dx.Buf(), DY: g.dy.Buf(), Y: s.at.Buf(), N: dx.Len()})
		s.put(dx, 1, known{masked: true})
		g.dy = dx
	}
	g.sums = s.parts[0].as.sums
	return g
}

// drop forgets the parts.
func (s *sum) drop() {
	for _, p := range s.parts {
		p.release()
	}
	s.parts = nil
}
