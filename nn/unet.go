package nn

import (
	"fmt"

	"onestep/autograd"
	"onestep/tensor"
)

// UNet is the raw network F(x; c): an image and a noise label to an image. Its [Family] makes its layers.
type UNet struct {
	*Params
	UNetConfig
	Half      bool // compute in binary16, see the package comment
	Recompute bool // run every block again in the backward pass instead of keeping its activations

	net   network
	trace func(name string, y *autograd.Var) // for tests: sees the output of every entry
}

// Inputs are what a U-Net sees besides the image. Labels may be nil: a conditional network then gets zeros.
type Inputs struct {
	Noise   *autograd.Var // (N) noise labels
	Labels  *autograd.Var // (N,LabelDim) one-hot, or nil
	Augment *autograd.Var // (N,AugmentDim), or nil, which is the same as zeros
	Dropout *Dropout      // nil: off
}

// NewUNet declares a network; its parameters have undefined values until they are loaded or initialised.
func NewUNet(d *tensor.Device, c UNetConfig) (*UNet, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	params, s := NewParams(d)
	u := &UNet{Params: params, UNetConfig: c}
	var err error
	if u.net, err = c.family().declare(u, s); err != nil {
		u.Release()
		return nil, err
	}
	return u, nil
}

// Forward maps x (N,H,W,InChannels) to F (N,H,W,OutChannels), binary16 if the network computes so.
func (u *UNet) Forward(x *autograd.Var, in Inputs) *autograd.Var {
	if x.Dim(3) != u.InChannels || in.Noise.Len() != x.Dim(0) {
		panic(fmt.Errorf("nn: %s: image %v with %d noise labels, want %d channels", u.ModelType, x.Shape(), in.Noise.Len(), u.InChannels))
	}
	if in.Labels != nil && in.Labels.Len() != x.Dim(0)*u.LabelDim {
		panic(fmt.Errorf("nn: %s: labels %v for %d images of %d classes", u.ModelType, in.Labels.Shape(), x.Dim(0), u.LabelDim))
	}
	if in.Augment != nil && in.Augment.Len() != x.Dim(0)*u.AugmentDim {
		panic(fmt.Errorf("nn: %s: augmentation labels %v for %d images, want %d of each", u.ModelType, in.Augment.Shape(), x.Dim(0), u.AugmentDim))
	}
	return autograd.Scope(x.Device(), func() *autograd.Var { return u.net.forward(x, in) })
}

// ScaleOutput multiplies the last convolution, and so F, by a number.
func (u *UNet) ScaleOutput(by float32) {
	if by == 1 {
		return
	}
	last := u.net.last()
	for _, x := range []*autograd.Var{last.Weight, last.Bias} {
		v := x.Value.Float32s()
		for i := range v {
			v[i] *= by
		}
		x.Value.CopyFrom(v)
	}
}

func (u *UNet) seen(name string, y *autograd.Var) {
	if u.trace != nil {
		u.trace(name, y)
	}
}
