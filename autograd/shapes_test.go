package autograd_test

import (
	"fmt"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

// TestShapesRefused gives each operation shapes that do not fit: it must say so by its name, and not compute.
func TestShapesRefused(t *testing.T) {
	d := tensor.CPU(1)
	of := func(shape ...int) *autograd.Var {
		x := d.New(kernels.F32, shape...)
		x.CopyFrom(make([]float32, x.Len()))
		return autograd.Const(x)
	}
	v := func(shape ...int) *tensor.Tensor { return of(shape...).Value }
	image := of(2, 4, 4, 8)
	norm := func(weight, bias int, m autograd.Norm) func() {
		return func() { autograd.GroupNorm(image, of(weight), of(bias), m) }
	}
	for says, calls := range map[string][]func(){
		"Axpby: ":         {func() { of(2, 3).Add(of(3, 2)) }, func() { of(2).Sub(of(3)) }, func() { autograd.Axpby(1, of(6), 1, of(2, 3)) }},
		"Mul: ":           {func() { of(2, 3).Mul(of(6)) }},
		"SampleAxpby: ":   {func() { autograd.SampleAxpby(v(3), image, nil, nil) }, func() { autograd.SampleAxpby(v(2), image, v(3), image) }, func() { autograd.SampleAxpby(v(2), image, v(2), of(2, 4, 8, 4)) }},
		"ChannelAffine: ": {func() { autograd.ChannelAffine(image, v(7), v(8)) }, func() { autograd.ChannelAffine(image, v(8), v(9)) }},
		"PairAxpby: ":     {func() { autograd.PairAxpby(v(2), v(2), image) }, func() { autograd.PairAxpby(v(1), v(2), image) }},
		"Attention: ":     {func() { autograd.Attention(of(1, 2, 2, 8), 1) }, func() { autograd.Attention(of(1, 2, 2, 12), 3) }},
		"FirstChannels: ": {func() { autograd.FirstChannels(image, 9) }},
		"CopyInto: ":      {func() { autograd.CopyInto(v(2, 4, 4, 12), 5, image) }, func() { autograd.CopyInto(v(1, 4, 4, 12), 0, image) }},
		"Conv2DInto: ": {
			func() { autograd.Conv2DInto(v(2, 4, 4, 6), 3, image, of(1, 1, 8, 4), nil, autograd.Conv{}) },
			func() { autograd.Conv2DInto(v(2, 4, 3, 6), 0, image, of(1, 1, 8, 4), nil, autograd.Conv{}) },
			func() {
				autograd.Conv2DInto(v(2, 4, 4, 4), 0, image, of(1, 1, 8, 4), nil, autograd.Conv{Residual: of(2, 4, 4, 4)})
			},
		},
		"Concat: ": {func() { autograd.Concat(image, of(2, 4, 3, 8)) }, func() { autograd.Concat(image, of(2, 8, 2, 8)) }, func() { autograd.Concat(image, of(4, 4, 2, 8)) }},
		"Conv2D: ": {
			func() { autograd.Conv2D(of(2, 4, 8), of(1, 1, 8, 4), nil, autograd.Conv{}) }, func() { autograd.Conv2D(image, of(8, 4), nil, autograd.Conv{}) },
			func() { autograd.Conv2D(image, of(1, 1, 7, 4), nil, autograd.Conv{}) }, func() { autograd.Conv2D(image, of(1, 1, 8, 4), of(5), autograd.Conv{}) },
			func() { autograd.Conv2D(image, of(1, 1, 8, 4), nil, autograd.Conv{Residual: of(2, 4, 4, 8)}) },
		},
		"CrossEntropy: ": {
			func() { autograd.CrossEntropy(of(2, 3), []int{0}) }, func() { autograd.CrossEntropy(of(2, 3), []int{0, 3}) }, func() { autograd.CrossEntropy(of(2, 3), []int{0, -1}) },
		},
		"SampleDistance: ": {func() { autograd.SampleL2(image, of(2, 4, 8, 4)) }, func() { autograd.SampleL1(of(2, 3), of(2, 4)) }},
		"GroupNorm: ": {
			norm(8, 8, autograd.Norm{}), norm(8, 8, autograd.Norm{Groups: 3}), norm(7, 8, autograd.Norm{Groups: 2}), norm(8, 9, autograd.Norm{Groups: 2}),
			norm(8, 8, autograd.Norm{Groups: 2, Add: of(2, 7)}), norm(8, 8, autograd.Norm{Groups: 2, ScaleShift: of(2, 8)}),
		},
		"Linear: ": {
			func() { autograd.Linear(of(6), of(6, 2), nil) }, func() { autograd.Linear(of(1, 6), of(12), nil) }, func() { autograd.Linear(of(1, 6), of(5, 2), nil) },
			func() { autograd.Linear(of(1, 6), of(6, 2), of(3)) },
		},
		"LPIPSLayer: ": {func() { autograd.LPIPSLayer(image, of(2, 4, 8, 4), v(8)) }, func() { autograd.LPIPSLayer(image, image, v(7)) }},
		"Normal: ":     {func() { autograd.Normal(d, tensor.Random{}, tensor.Noise, new(int), -1, 1, 2, 3) }},
		"Pool2D: ":     {func() { autograd.MaxPool2D(of(2, 4, 8)) }},
		"Filter: ":     {func() { autograd.Filter{Taps: []float32{1, 1, 1, 1}}.Down(of(1, 1, 4, 8)) }, func() { autograd.Filter{Taps: []float32{1, 1, 1, 1}}.Down(of(1, 4, 1, 8)) }},
	} {
		for i, call := range calls {
			func() {
				defer func() {
					if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "autograd: "+says) {
						t.Errorf("%scall %d: %s", says, i, got)
					}
				}()
				call()
			}()
		}
	}
}

// TestShapesAllowed: what only just fits is computed.
func TestShapesAllowed(t *testing.T) {
	d := tensor.CPU(1)
	of := func(shape ...int) *autograd.Var {
		x := d.New(kernels.F32, shape...)
		x.CopyFrom(make([]float32, x.Len()))
		return autograd.Const(x)
	}
	image := of(2, 4, 4, 8)
	autograd.CopyInto(of(2, 4, 4, 12).Value, 4, image)
	autograd.Conv2DInto(of(2, 4, 4, 6).Value, 2, image, of(1, 1, 8, 4), nil, autograd.Conv{})
	autograd.Filter{Taps: []float32{1, 1, 1, 1}}.Down(of(1, 4, 4, 8))
	autograd.CrossEntropy(of(2, 3), []int{0, 2})
	autograd.Normal(d, tensor.Random{}, tensor.Noise, new(int), 0, 1, 2, 3)
	if y := autograd.FirstChannels(image, 8); y.Dim(3) != 8 {
		t.Errorf("all channels are %v", y.Shape())
	}
	if y := autograd.GroupNorm(image, of(8), of(8), autograd.Norm{Groups: 8, Add: of(2, 8), ScaleShift: of(2, 16)}); y.Len() != image.Len() {
		t.Errorf("normalised: %v", y.Shape())
	}
}
