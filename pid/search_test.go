package pid

import (
	"testing"

	"onestep/tensor"
)

// TestSampleOf: a number belongs to the sample that its place along the first dimension says, also where all samples stand there twice.
func TestSampleOf(t *testing.T) {
	d := tensor.CPU(1)
	weight := d.FromFloat32(make([]float32, 6), 3, 2)
	s := &search{params: map[*tensor.Tensor]string{weight: "conv.weight"}, first: 10, n: 3}
	of := func(shape ...int) *tensor.Tensor {
		n := 1
		for _, v := range shape {
			n *= v
		}
		return d.FromFloat32(make([]float32, n), shape...)
	}
	for _, c := range []struct {
		name                  string
		t                     *tensor.Tensor
		element, size, sample int
	}{
		{"once", of(3, 2), 3, 6, 11},
		{"twice", of(6, 2), 9, 12, 11},
		{"a gradient among more channels", of(3, 2), 9, 15, 11},
		{"other things", of(4, 3), 3, 12, -1},
		{"one number", of(), 0, 1, -1},
		{"parameter", weight, 3, 6, -1},
	} {
		if got := s.sampleOf(c.t, c.element, c.size); got != c.sample {
			t.Errorf("%s: sample %d, want %d", c.name, got, c.sample)
		}
	}
	s.n = 1
	if got := s.sampleOf(of(4), 3, 4); got != 10 {
		t.Errorf("alone: sample %d, want 10", got)
	}
}

// TestPlaceOf: a parameter stands in its layer, what was seen being made where that was, and anything else where the last layer was.
func TestPlaceOf(t *testing.T) {
	d := tensor.CPU(1)
	one := func() *tensor.Tensor { return d.FromFloat32([]float32{1}, 1) }
	weight, bare, made, other := one(), one(), one(), one()
	s := &search{
		params: map[*tensor.Tensor]string{weight: "net.conv.weight", bare: "scale"}, last: "net.last",
		places: map[*tensor.Tensor]place{made: {layer: "net.norm", weight: true}},
	}
	for x, want := range map[*tensor.Tensor]place{
		weight: {layer: "net.conv", weight: true}, bare: {weight: true}, made: {layer: "net.norm", weight: true}, other: {layer: "net.last"},
	} {
		if got := s.of(x); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
