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

	// Input is the layout whose way of making images the input is used: Layout, unless it is changed. The networks of both layouts are the same
	// function of their input.
	Input InceptionLayout

	// Batch is how many images are done at a time, 8 if it is not set. A last batch of fewer is filled up with black images, as on a GPU the
	// order of sums, and so an image's bits, depend on how many there are.
	Batch int

	// Planar says that images are given as (N,C,H,W), not (N,H,W,C).
	Planar bool

	stem   [2][]*inceptionConv // before the first maximum, and between the first and the second
	blocks []inceptionBlock
	convs  []*inceptionConv // all
	output *autograd.Var    // (2048,1008)
	bias   *autograd.Var    // (1008)
	trace  func(name string, y *autograd.Var)
}

// InceptionFeatures are what the network says of N images, one after the other.
type InceptionFeatures struct {
	Pool3        []float32 // (N,2048): the mean of the last activations over pixels
	Spatial      []float32 // (N,2023): (17,17,7), the first channels of a layer in the middle, for sFID
	Logits       []float32 // (N,1008)
	LogitsNoBias []float32 // (N,1008): without the bias of the last layer, for the Inception Score
}

// NewInception declares the network with the tensors that a layout's files have, without the counters num_batches_tracked. Their values are undefined
// until they are set.
func NewInception(d *tensor.Device, layout InceptionLayout) *Inception {
	ps, s := newInceptionScope(d, layout)
	n := &Inception{Params: ps, Layout: layout, Input: layout}
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
	n.convs = *s.all
	last := NewLinear(Scope{params: ps}.In(layout.names("fc", "output")), InceptionFeature, InceptionClasses, true, kaiming)
	n.output, n.bias = last.Weight, last.Bias
	ps.Freeze()
	return n
}

// Features are the network's features of images of any size: bytes (N,H,W,C), or as Planar says, with one channel, which becomes three, or three.
// The same image has the same features whatever is beside it, and on the host with any number of threads.
func (n *Inception) Features(images []byte, count, height, width, channels int) InceptionFeatures {
	size := height * width * channels
	if count < 0 || size <= 0 || len(images) != count*size || channels != 1 && channels != 3 {
		panic(fmt.Errorf("nn: Inception: %d bytes for %d images of %dx%d pixels and %d channels, 1 or 3", len(images), count, height, width, channels))
	}
	batch := n.Batch
	if batch == 0 {
		batch = 8
	}
	for _, c := range n.convs {
		c.fold(n.Device)
	}
	var f InceptionFeatures
	pixels := make([]float32, batch*height*width*3)
	for first := 0; first < count; first += batch {
		have := min(batch, count-first)
		clear(pixels)
		threeChannels(pixels, images[first*size:][:have*size], height*width, channels, n.Planar)
		n.Device.NoGrad(func() {
			n.Device.Scope(func() []*tensor.Tensor {
				x := autograd.Const(n.Device.FromFloat32(pixels, batch, height, width, 3))
				f.append(n.forward(n.prepare(x)), n.bias, have)
				return nil
			})
		})
	}
	return f
}

// threeChannels makes numbers (N,I,3) of bytes (N,I,C), or planar (N,C,I), whose only channel is repeated if there is but one.
func threeChannels(to []float32, from []byte, pixels, channels int, planar bool) {
	stride, next := channels, 1 // from pixel to pixel, from channel to channel
	if planar {
		stride, next = 1, pixels
	}
	if channels == 1 {
		next = 0
	}
	for i := range len(from) / channels {
		at := i/pixels*pixels*channels + i%pixels*stride
		for c := range 3 {
			to[3*i+c] = float32(from[at+c*next])
		}
	}
}

// Release frees the tensors. The network cannot be used afterwards.
func (n *Inception) Release() {
	n.Params.Release()
	for _, c := range n.convs {
		c.release()
	}
}

// prepare makes images of 0 … 255 the input. Shapes: x (N,H,W,3); result (N,299,299,3).
func (n *Inception) prepare(x *autograd.Var) *autograd.Var {
	resize := autograd.Bilinear
	if n.Input == InceptionTensorFlow {
		resize = autograd.BilinearTopLeft
	}
	scale, shift := n.Input.affine()
	three := func(v float32) *tensor.Tensor { return n.Device.FromFloat32([]float32{v, v, v}, 3) }
	return autograd.ChannelAffine(resize(x, InceptionSize, InceptionSize), three(scale), three(shift))
}

// inceptionResult is what the network computes for a batch.
type inceptionResult struct {
	pool3, spatial, logits *autograd.Var // (N,2048), (N,17,17,7), (N,1008) without the bias
}

// spatialBlock is the block whose first branch has the spatial feature: Mixed_6d, mixed_6.
const spatialBlock = 6

// forward is the network, without preparation. Shape: x (N,299,299,3).
func (n *Inception) forward(x *autograd.Var) (r inceptionResult) {
	step := func(name string, f func() *autograd.Var) {
		x = autograd.Scope(n.Device, f)
		if n.trace != nil {
			n.trace(name, x)
		}
	}
	for i, stem := range n.stem {
		step(fmt.Sprint("pool", i), func() *autograd.Var {
			for _, c := range stem {
				x = c.forward(x)
			}
			return autograd.Pool2D(x, inceptionDown)
		})
	}
	for i, b := range n.blocks {
		step(fmt.Sprint("mixed_", i), func() *autograd.Var { return b.forward(x) })
		if i == spatialBlock {
			r.spatial = autograd.FirstChannels(x, inceptionChannels)
		}
	}
	r.pool3 = autograd.MeanPixels(x)
	r.logits = autograd.Linear(r.pool3, n.output, nil)
	return r
}

// append adds what was computed for the first so many images of a batch.
func (f *InceptionFeatures) append(r inceptionResult, bias *autograd.Var, have int) {
	first := func(x *autograd.Var) []float32 { return x.Value.Float32s()[:have*x.Len()/x.Dim(0)] }
	logits := first(r.logits)
	f.Pool3 = append(f.Pool3, first(r.pool3)...)
	f.Spatial = append(f.Spatial, first(r.spatial)...)
	f.LogitsNoBias = append(f.LogitsNoBias, logits...)
	b := bias.Value.Float32s()
	for i, v := range logits {
		f.Logits = append(f.Logits, v+b[i%len(b)])
	}
}
