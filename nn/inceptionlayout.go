package nn

import (
	"fmt"

	"onestep/tensor"
)

// InceptionLayout is one of the two ways in which the weights of the 2015-12-05 network are published. The network is the same; the names of its
// tensors differ, and how images are made its input.
type InceptionLayout int

// The layouts. Their Fréchet distances differ by some tenths of a percent and are not comparable.
const (
	// InceptionPyTorch is pytorch-fid's: Mixed_5b.branch1x1.conv.weight, with batch norm's scale. Images are resized with half-pixel centres,
	// and u/127.5 − 1.
	InceptionPyTorch InceptionLayout = iota

	// InceptionTensorFlow is that of the port of the original graph: layers.mixed.conv.weight, without a scale. Images are resized with the
	// centres of pixels at their corners, and (u − 128)/128.
	InceptionTensorFlow
)

// inceptionNames are what settings and stamps call the layouts.
var inceptionNames = [...]string{"pytorch-fid", "tensorflow"}

// String is pytorch-fid or tensorflow.
func (l InceptionLayout) String() string { return inceptionNames[l] }

// InceptionInput is the layout whose publisher's way of making images the network's input a setting names: tensorflow, pytorch-fid, or auto for that
// of the weights.
func InceptionInput(name string, weights InceptionLayout) (InceptionLayout, error) {
	if name == "auto" {
		return weights, nil
	}
	for l, n := range inceptionNames {
		if name == n {
			return InceptionLayout(l), nil
		}
	}
	return 0, fmt.Errorf("%q: want auto, tensorflow or pytorch-fid", name)
}

// InceptionLayoutOf recognises a layout by the names of tensors; has says which there are.
func InceptionLayoutOf(has func(name string) bool) (InceptionLayout, error) {
	for l, name := range inceptionFirst {
		if has(name) {
			return InceptionLayout(l), nil
		}
	}
	return 0, fmt.Errorf("neither %s nor %s: not the weights of the 2015-12-05 Inception network", inceptionFirst[0], inceptionFirst[1])
}

// inceptionFirst is the first tensor of each layout.
var inceptionFirst = [...]string{"Conv2d_1a_3x3.conv.weight", "layers.conv.weight"}

// affine is what makes numbers 0 … 255 the network's input: u·scale + shift.
func (l InceptionLayout) affine() (scale, shift float32) {
	if l == InceptionTensorFlow {
		return 1.0 / 128, -1
	}
	return 1 / 127.5, -1
}

// names picks one of a tensor's names.
func (l InceptionLayout) names(torch, tensorFlow string) string {
	if l == InceptionTensorFlow {
		return tensorFlow
	}
	return torch
}

// inceptionScope is where the tensors of a network are declared.
type inceptionScope struct {
	Scope
	layout InceptionLayout
	all    *[]*inceptionConv // declared so far
}

func newInceptionScope(d *tensor.Device, l InceptionLayout) (*Params, inceptionScope) {
	ps, s := NewParams(d)
	if l == InceptionTensorFlow {
		s = s.In("layers")
	}
	return ps, inceptionScope{s, l, new([]*inceptionConv)}
}

// block is the scope of a block.
func (s inceptionScope) block(torch, tensorFlow string) inceptionScope {
	s.Scope = s.In(s.layout.names(torch, tensorFlow))
	return s
}
