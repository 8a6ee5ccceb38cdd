package main

import (
	"fmt"
	"math/bits"

	"onestep/nn"
	"onestep/nn/weights"
	"onestep/pid/data"
	"onestep/tensor"
	"onestep/tools/internal/plan"
)

// network is the teacher as training begins: a new one for the images, or that of --init.
func network(f *flags, d *tensor.Device, im *data.Images, r tensor.Random) (*nn.UNet, error) {
	if f.init != "" {
		return networkOfFile(f, d, im, r)
	}
	c := f.net
	c.Resolution, c.InChannels, c.OutChannels = im.H, im.C, im.C
	if f.conditional {
		if im.Labels == nil {
			return nil, fmt.Errorf("--conditional: %s has no classes", f.data)
		}
		c.LabelDim = classes(im)
	}
	c.AugmentDim = f.augmentLabels()
	for _, res := range c.AttnResolutions {
		if level := bits.Len(uint(im.H/max(res, 1))) - 1; res < 1 || level < 0 || level >= len(c.ChannelMult) || im.H>>level != res {
			return nil, fmt.Errorf("--attn-resolutions %d: no level of the network has it: %d levels, from %d pixels down by halves", res, len(c.ChannelMult), im.H)
		}
	}
	if err := plan.Trainable(c, plan.MachineOf(d)); err != nil {
		return nil, fmt.Errorf("--model-channels %d: %w", c.ModelChannels, err)
	}
	net, err := nn.NewUNet(d, c)
	if err != nil {
		return nil, err
	}
	net.Init(r)
	return net, nil
}

// augmentLabels is the number of them that the teacher sees.
func (f *flags) augmentLabels() int {
	if f.augment > 0 {
		return data.AugmentLabels
	}
	return 0
}

// networkOfFile is the network of --init, if it fits the images.
func networkOfFile(f *flags, d *tensor.Device, im *data.Images, r tensor.Random) (*nn.UNet, error) {
	file, err := weights.Open(f.init)
	if err != nil {
		return nil, fmt.Errorf("--init: %w", err)
	}
	defer file.Close()
	net, err := weights.TrainableUNet(d, file, f.augmentLabels(), r)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--init: %w", err)
	case net.Resolution != im.H || net.InChannels != im.C || net.OutChannels != im.C:
		return nil, fmt.Errorf("--init: %s: a network for %dx%d images of %d channels, those of %s are %dx%d of %d", f.init, net.Resolution, net.Resolution,
			net.InChannels, f.data, im.W, im.H, im.C)
	case net.LabelDim > 0 != f.conditional:
		return nil, fmt.Errorf("--init: %s: a network of %d classes; --conditional is for those that have some, and only they", f.init, net.LabelDim)
	case net.LabelDim > 0 && (im.Labels == nil || classes(im) > net.LabelDim):
		return nil, fmt.Errorf("--init: %s: a network of %d classes, %s has %d", f.init, net.LabelDim, f.data, classes(im))
	}
	net.Dropout, net.LabelDropout = f.net.Dropout, f.net.LabelDropout
	return net, nil
}

// classes counts the classes of labelled images.
func classes(im *data.Images) int {
	n := 0
	for _, l := range im.Labels {
		n = max(n, l+1)
	}
	return n
}
