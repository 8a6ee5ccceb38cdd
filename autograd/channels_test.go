package autograd_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
)

// What is written into channels of an image is what Concat joins, and what FirstChannels takes out again.
func TestIntoChannels(t *testing.T) {
	for _, isa := range kernels.ISAs() {
		d := device(t, isa)
		r := rand.New(rand.NewPCG(1, 2))
		image := func(shape ...int) *autograd.Var {
			return autograd.Const(d.FromFloat32(normals(r, size(shape)), shape...))
		}
		x, w, b := image(2, 5, 6, 7), image(1, 3, 7, 9), image(9)
		c := autograd.Conv{PadW: 1, Stride: 1, ReLU: true}
		want := autograd.Concat(x, autograd.Conv2D(x, w, b, c), x)
		y := d.New(kernels.F32, want.Shape()...)
		autograd.CopyInto(y, 16, x)
		autograd.Conv2DInto(y, 7, x, w, b, c)
		autograd.CopyInto(y, 0, x)
		if !slices.Equal(y.Float32s(), want.Value.Float32s()) {
			t.Errorf("%v: the parts are not those of Concat", isa)
		}
		if !slices.Equal(autograd.FirstChannels(want, 7).Value.Float32s(), x.Value.Float32s()) {
			t.Errorf("%v: the first channels are not those of the first part", isa)
		}
		for name, f := range map[string]func(){
			"channels outside":      func() { autograd.CopyInto(y, 17, x) },
			"convolution outside":   func() { autograd.Conv2DInto(y, 15, x, w, b, c) },
			"another size of image": func() { autograd.Conv2DInto(y, 0, x, w, b, autograd.Conv{}) },
			"more channels":         func() { autograd.FirstChannels(x, 8) },
		} {
			func() {
				defer func() {
					if _, ok := recover().(error); !ok {
						t.Errorf("%v: %s: no panic", isa, name)
					}
				}()
				f()
			}()
		}
	}
}
