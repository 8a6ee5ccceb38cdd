package nn_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"onestep/kernels"
	"onestep/nn"
	"onestep/nn/golden"
	"onestep/nn/golden/nets"
	"onestep/tensor"
)

// newInception is the network with hash weights.
func newInception(d *tensor.Device, layout nn.InceptionLayout) *nn.Inception {
	n := nn.NewInception(d, layout)
	nets.SetWeights(n.Params, golden.Perceptual, "")
	return n
}

// someImages are bytes that look random.
func someImages(n int) []byte {
	x := make([]byte, n)
	for i, k := range golden.Perceptual.Indices("input:bytes", n, 256) {
		x[i] = byte(k)
	}
	return x
}

// all is everything that the network says, image after image.
func all(f nn.InceptionFeatures) [][]float32 {
	return [][]float32{f.Pool3, f.Spatial, f.Logits, f.LogitsNoBias}
}

func sameFeatures(t *testing.T, name string, got, want nn.InceptionFeatures) {
	t.Helper()
	for k, x := range all(got) {
		if y := all(want)[k]; !slices.EqualFunc(x, y, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
			t.Errorf("%s: output %d differs", name, k)
		}
	}
}

// An image has the same features, to the bit, with any number of others beside it, with any number of threads, and on every instruction set with
// fused multiply-adds; and planar or not.
func TestInceptionSameBits(t *testing.T) {
	if len(golden.ISAs()) == 1 {
		t.Skip("-short: it takes seconds")
	}
	const count, size = 3, 24
	images := someImages(count * size * size * 3)
	var want nn.InceptionFeatures
	for i, isa := range golden.ISAs()[1:] {
		for _, threads := range [][]int{{2}, {1, 3}}[min(i, 1)] {
			c := kernels.NewCPUAt(isa, threads)
			c.Poison()
			n := newInception(tensor.On(c), nn.InceptionTensorFlow)
			n.Batch = threads
			got := n.Features(images, count, size, size, 3)
			if want.Pool3 == nil {
				want = got
				planar := make([]byte, 0, len(images))
				for i := range count {
					for ch := range 3 {
						for p := range size * size {
							planar = append(planar, images[(i*size*size+p)*3+ch])
						}
					}
				}
				n.Planar = true
				sameFeatures(t, "planar", n.Features(planar, count, size, size, 3), want)
			}
			sameFeatures(t, c.Name(), got, want)
			c.Close()
		}
	}
}

// A grey image is one of three equal channels, no images have no features, and weights that are set anew are used.
func TestInceptionImages(t *testing.T) {
	if len(golden.ISAs()) == 1 {
		t.Skip("-short: it takes seconds")
	}
	d := tensor.CPU(0)
	n := newInception(d, nn.InceptionPyTorch)
	n.Batch = 1
	grey := someImages(9 * 8)
	var three []byte
	for _, u := range grey {
		three = append(three, u, u, u)
	}
	want := n.Features(three, 1, 9, 8, 3)
	sameFeatures(t, "grey", n.Features(grey, 1, 9, 8, 1), want)
	if f := n.Features(nil, 0, 9, 8, 3); f.Pool3 != nil {
		t.Error("no images have features")
	}
	p := n.Named("Conv2d_1a_3x3.bn.bias")
	p.Set(make([]float32, 32))
	if slices.Equal(n.Features(grey, 1, 9, 8, 1).Pool3, want.Pool3) {
		t.Error("weights that were set after the first use are not used")
	}
	now, _ := d.Memory()
	n.Features(three, 1, 9, 8, 3)
	if after, _ := d.Memory(); after != now {
		t.Errorf("%d bytes are kept after every call", after-now)
	}
	n.Release()
	if now, _ := d.Memory(); now != 0 {
		t.Errorf("%d bytes are left after Release", now)
	}
	for _, bad := range []func(){
		func() { n.Features(grey, 1, 9, 8, 3) },
		func() { n.Features(grey, 1, 9, 4, 2) },
	} {
		func() {
			defer func() {
				if _, ok := recover().(error); !ok {
					t.Error("images of another size or number of channels are taken")
				}
			}()
			bad()
		}()
	}
}

// With the same weights and the same way of making images the input, both layouts are one function.
func TestInceptionInput(t *testing.T) {
	if len(golden.ISAs()) == 1 {
		t.Skip("-short: it takes seconds")
	}
	d := tensor.CPU(0)
	from, to := newInception(d, nn.InceptionTensorFlow), newInception(d, nn.InceptionPyTorch)
	rest := from.Tensors()
	for _, p := range to.Tensors() {
		if strings.HasSuffix(p.Name, ".bn.weight") {
			p.Set(slices.Repeat([]float32{1}, p.Shape[0])) // TensorFlow's network has no scale
			continue
		}
		p.Set(rest[0].Get())
		rest = rest[1:]
	}
	from.Batch, to.Batch = 1, 1
	to.Input = nn.InceptionTensorFlow
	x := someImages(24 * 20 * 3)
	want := from.Features(x, 1, 24, 20, 3)
	sameFeatures(t, "TensorFlow's resizing", to.Features(x, 1, 24, 20, 3), want)
	to.Input = nn.InceptionPyTorch
	if slices.Equal(to.Features(x, 1, 24, 20, 3).Pool3, want.Pool3) {
		t.Error("the other resizing gives the same features")
	}
}
