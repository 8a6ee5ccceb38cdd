package nn

import (
	"fmt"

	"onestep/autograd"
	"onestep/tensor"
)

// Sizes of the network, and of what it gives.
const (
	InceptionSize     = 299         // height and width that images are resized to
	InceptionFeature  = 2048        // numbers of pool3
	InceptionSpatial  = 7 * 17 * 17 // numbers of the spatial feature
	InceptionClasses  = 1008
	inceptionChannels = InceptionSpatial / (17 * 17)
)

// Inception is the third Inception network [szegedy16] with the weights of 2015-12-05, on whose features FID [heusel17] and the Inception Score
// stand. It is for inference: its tensors are those of the published file, and what it computes with is made of them when they have changed.
type Inception struct {
	*Params
	Layout InceptionLayout

	// Batch is how many images are done at a time, 8 if it is not set. A last batch of fewer is filled up with black images, as on a GPU the
	// order of sums, and so an image's bits, depend on how many there are.
	Batch int

	stem         [2][]*inceptionConv // before the first maximum, and between the first and the second
	blocks       []inceptionBlock
	output       *Linear
	scale, shift *tensor.Tensor // (3): what makes 0 … 255 the input
	convs        []*inceptionConv
	trace        func(name string, y *autograd.Var)
}

// InceptionFeatures are what the network says of N images, one after the other.
type InceptionFeatures struct {
	Pool3        []float32 // (N,2048): the mean of the last activations over pixels
	Spatial      []float32 // (N,2023): (17,17,7), the first channels of a layer in the middle, for sFID
	Logits       []float32 // (N,1008)
	LogitsNoBias []float32 // (N,1008): without the bias of the last layer, for the Inception Score
}

// NewInception declares the network with the tensors of a layout's files, but for what those hold besides (num_batches_tracked). They have
// undefined values until they are set.
func NewInception(d *tensor.Device, layout InceptionLayout) *Inception {
	ps, s := newInceptionScope(d, layout)
	n := &Inception{Params: ps, Layout: layout}
	n.stem[0] = s.chain(3,
		inceptionUnit{"Conv2d_1a_3x3", "conv", 32, 3, 3, halves},
		inceptionUnit{"Conv2d_2a_3x3", "conv_1", 32, 3, 3, valid},
		inceptionUnit{"Conv2d_2b_3x3", "conv_2", 64, 3, 3, same}).convs
	n.stem[1] = s.chain(64,
		inceptionUnit{"Conv2d_3b_1x1", "conv_3", 80, 1, 1, same},
		inceptionUnit{"Conv2d_4a_3x3", "conv_4", 192, 3, 3, valid}).convs
	n.blocks = []inceptionBlock{
		s.block("Mixed_5b", "mixed").blockA(192, 32),
		s.block("Mixed_5c", "mixed_1").blockA(256, 64),
		s.block("Mixed_5d", "mixed_2").blockA(288, 64),
		s.block("Mixed_6a", "mixed_3").blockB(288),
		s.block("Mixed_6b", "mixed_4").blockC(768, 128),
		s.block("Mixed_6c", "mixed_5").blockC(768, 160),
		s.block("Mixed_6d", "mixed_6").blockC(768, 160),
		s.block("Mixed_6e", "mixed_7").blockC(768, 192),
		s.block("Mixed_7a", "mixed_8").blockD(768),
		s.block("Mixed_7b", "mixed_9").blockE(1280, inceptionMean),
		s.block("Mixed_7c", "mixed_10").blockE(2048, inceptionMax),
	}
	n.output = NewLinear(Scope{params: ps}.In(layout.names("fc", "output")), InceptionFeature, InceptionClasses, true, kaiming)
	ps.Freeze()
	scale, shift := layout.affine()
	n.scale, n.shift = constant(d, []float32{scale, scale, scale}), constant(d, []float32{shift, shift, shift})
	return n
}

// Features are the network's features of images of any size: bytes (N,H,W,C), with one channel, which becomes three, or three. The same image
// has the same features whatever is beside it.
func (n *Inception) Features(images []byte, count, height, width, channels int) InceptionFeatures {
	if len(images) != count*height*width*channels || channels != 1 && channels != 3 {
		panic(fmt.Errorf("nn: Inception: %d bytes for %d images of %dx%d pixels and %d channels, 1 or 3", len(images), count, height, width, channels))
	}
	panic("nn: Inception: not yet")
}
