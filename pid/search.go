package pid

import (
	"fmt"
	"slices"
	"strings"

	"onestep/tensor"
)

// search looks for the first operation whose result is not finite, in the passes of n samples from the first.
type search struct {
	params   map[*tensor.Tensor]string // names
	first, n int

	places map[*tensor.Tensor]place
	last   string // the layer that was used last
	found  string // "": nothing
	sample int    // of what was found; −1: none alone
}

// place is where a tensor stands.
type place struct {
	layer  string // the module that made it, or whose output it was made from
	weight bool   // it was made from parameters alone
}

// see is given to [tensor.Device.Observe].
func (s *search) see(o tensor.Operation) {
	if s.found != "" {
		return
	}
	at, own := s.place(o)
	t, of, what := o.Result, o.Result, "the result of "+o.Name
	switch {
	case o.At == nil:
		if _, ok := s.places[o.Result]; !ok { // what is to be computed again has the result of its last operation
			s.places[o.Result] = at
		}
		if own {
			s.last = at.layer
		}
	case o.At == o.Result:
		t, what = o.Grad, "the gradient at "+what
	default:
		t, of, what = o.Grad, o.At, "the gradient that "+o.Name+" passes back"
		if name := s.params[o.At]; name != "" {
			what = "the gradient of " + name + " by " + o.Name
		}
	}
	values := t.Float32s()
	i := slices.IndexFunc(values, func(v float32) bool { return !finite(float64(v)) })
	if i < 0 {
		return
	}
	where := "after"
	if own {
		where = "in"
	}
	if at.layer == "" {
		where, at.layer = "before", "the first layer"
	}
	s.sample = s.sampleOf(of, i, len(values))
	s.found = fmt.Sprintf("%s %s %s is %g at element %d of %v", what, where, at.layer, values[i], i, t.Shape())
	switch {
	case o.At == nil && at.weight:
		s.sample = s.first
		s.found += ", whatever the sample"
	case s.sample >= 0:
		s.found += fmt.Sprintf(", sample %d", s.sample)
	}
	if o.At == nil {
		for _, x := range o.Inputs {
			if name := s.params[x]; name != "" && slices.ContainsFunc(x.Float32s(), func(v float32) bool { return !finite(float64(v)) }) {
				s.found += ", and so is " + name
			}
		}
	}
}

// place is that of an operation's result, and whether the layer is its own: it has parameters.
func (s *search) place(o tensor.Operation) (p place, own bool) {
	if p, ok := s.places[o.Result]; ok && o.At != nil {
		return p, slices.ContainsFunc(o.Inputs, func(x *tensor.Tensor) bool { return s.of(x).weight })
	}
	p.weight = len(o.Inputs) > 0
	for _, x := range o.Inputs {
		from := s.of(x)
		switch {
		case from.weight && !own:
			p.layer, own = from.layer, true
		case !own && p.layer == "":
			p.layer = from.layer
		}
		p.weight = p.weight && from.weight
	}
	return p, own
}

// of is the place of an input. What nobody has seen being made is a part of something that was just made, or data.
func (s *search) of(x *tensor.Tensor) place {
	if name, ok := s.params[x]; ok {
		return place{layer: name[:max(0, strings.LastIndexByte(name, '.'))], weight: true}
	}
	if p, ok := s.places[x]; ok {
		return p
	}
	return place{layer: s.last}
}

// sampleOf is the sample that an element of numbers about a tensor belongs to: of the tensor's own, or of its gradient, of this size. −1: the tensor
// is a parameter or made of these, or its first dimension does not go through the samples. It may go through them at one noise level after another.
func (s *search) sampleOf(t *tensor.Tensor, element, size int) int {
	lead := 1
	if shape := t.Shape(); len(shape) > 0 {
		lead = shape[0]
	}
	switch {
	case s.n == 1:
		return s.first
	case s.of(t).weight || lead%s.n != 0:
		return -1
	}
	return s.first + element/(size/lead)%s.n
}
