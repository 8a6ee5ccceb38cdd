package nn

import (
	"fmt"
	"math"
	"slices"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

// SongUNet is DDPM++ and NCSN++ [song21] as EDM has them.
var SongUNet = register(&Family{
	Name: "SongUNet", Paper: "2011.13456", Anchor: "map_layer0.weight",
	Defaults:       SongDefaults,
	Constructor:    songConstructor,
	check:          checkSong,
	least:          leastTrunk,
	declare:        declareSong,
	recognise:      func(k unetKeys) bool { return k.has("map_layer0.weight") && !k.has("out_conv.weight") },
	read:           readSong,
	undecided:      songFilter,
	checkReference: checkReferenceSong,
})

// SongDefaults are the settings of the DDPM++ networks [karras22] that a configuration may leave out.
func SongDefaults() UNetConfig {
	return UNetConfig{
		ModelType: "SongUNet", InChannels: 3, OutChannels: 3, ModelChannels: 128, ChannelMult: []int{2, 2, 2}, NumBlocks: 4,
		AttnResolutions: []int{16}, EmbeddingType: "positional", ChannelMultNoise: 1, EncoderType: "standard", ResampleFilter: []float32{1, 1},
	}
}

// songConstructor is SongDefaults but for the widths, of which EDM's scripts set others than its class.
func songConstructor() UNetConfig {
	c := SongDefaults()
	c.ChannelMult = []int{1, 2, 2, 2}
	return c
}

func checkSong(c UNetConfig) error {
	return checkTrunk(c, func() error {
		switch taps := len(c.ResampleFilter); {
		case c.EmbeddingType != "positional" && c.EmbeddingType != "fourier":
			return c.errorf("embedding_type %q: want positional or fourier", c.EmbeddingType)
		case c.EncoderType != "standard" && c.EncoderType != "residual":
			return c.errorf("encoder_type %q: want standard or residual", c.EncoderType)
		case c.ChannelMultNoise < 1 || c.ModelChannels*c.ChannelMultNoise%2 != 0 || taps%2 != 0 || taps == 0 || taps > 64:
			return c.errorf("channel_mult_noise %d, resample_filter %v: not usable", c.ChannelMultNoise, c.ResampleFilter)
		}
		return nil
	})
}

// readSong tells a configuration from names and shapes.
func readSong(k unetKeys) UNetConfig {
	c := SongDefaults()
	c.ModelChannels = k.dim("map_layer0.weight", 0) / 4
	c.ChannelMultNoise = k.dim("map_layer0.weight", 1) / max(1, c.ModelChannels)
	c.readTrunk(k)
	c.OutChannels = k.dim(fmt.Sprintf("dec.%dx%d_aux_conv.weight", c.Resolution, c.Resolution), 0)
	if k.has("map_noise.freqs") {
		c.EmbeddingType = "fourier"
	}
	half := fmt.Sprintf("enc.%dx%d_", c.Resolution/2, c.Resolution/2)
	if k.has(half + "aux_residual.weight") {
		c.EncoderType = "residual"
	}
	if k.dim(half+"down.conv0.resample_filter", 3) == 4 {
		c.ResampleFilter = []float32{1, 3, 3, 1}
	}
	return c
}

// songFilter is the resampling filter, of which the shape does not say everything: it must be one that is known.
func songFilter(c UNetConfig, k unetKeys) (tensor, why string) {
	half, taps := c.Resolution/2, len(c.ResampleFilter)
	filter := fmt.Sprintf("enc.%dx%d_down.conv0.resample_filter", half, half)
	if len(c.ChannelMult) > 1 && !slices.Equal(k[filter], []int{1, 1, taps, taps}) {
		return filter, "missing, or of another length than 2 and 4: which filter this network has cannot be told"
	}
	return "", ""
}

func checkReferenceSong(c UNetConfig) error {
	if c.EmbeddingType != "positional" || c.EncoderType != "standard" || len(c.ResampleFilter) != 2 {
		return fmt.Errorf("the reference has no networks with %s embedding, %s encoder and filter %v", c.EmbeddingType, c.EncoderType, c.ResampleFilter)
	}
	return nil
}

// songUNet is a network of the family.
type songUNet struct {
	trunk
	mapLayer0, mapLayer1 *Linear
	mapLabel, mapAugment *Linear        // nil if the configuration has none
	freqs                *autograd.Var  // of the Fourier embedding; else nil
	omega                *tensor.Tensor // of the positional embedding; else nil
	outNorm              *GroupNorm
	outConv              *Conv2d
}

func declareSong(u *UNet, s Scope) (network, error) {
	c, n := u.UNetConfig, &songUNet{}
	init, zero := xavier(1), xavier(1e-5)
	emb, noise := 4*c.ModelChannels, c.ModelChannels*c.ChannelMultNoise
	block := BlockConfig{
		Emb: emb, Heads: 1, SkipScale: sqrtHalf, Eps: 1e-6, Filter: c.ResampleFilter, ResampleProj: true,
		init: init, initZero: zero, initQKV: xavier(math.Sqrt(0.2)),
	}
	if c.EmbeddingType == "fourier" {
		n.freqs = s.In("map_noise").State("freqs", noise/2, normal(16))
	} else {
		n.omega = s.constant(frequencies(noise/2, true))
	}
	if c.LabelDim > 0 {
		n.mapLabel = NewLinear(s.In("map_label"), c.LabelDim, noise, true, init)
	}
	if c.AugmentDim > 0 {
		n.mapAugment = NewLinear(s.In("map_augment"), c.AugmentDim, noise, false, init)
	}
	n.mapLayer0 = NewLinear(s.In("map_layer0"), noise, emb, true, init)
	n.mapLayer1 = NewLinear(s.In("map_layer1"), emb, emb, true, init)

	var width int
	var err error
	if n.trunk, width, err = declareTrunk(u, s, trunkConfig{block: block, first: c.ModelChannels, lastAttends: true}); err != nil {
		return nil, err
	}
	dec := s.In("dec")
	name := fmt.Sprintf("%dx%d_aux_", c.Resolution, c.Resolution)
	n.outNorm = NewGroupNorm(dec.In(name+"norm"), width, 1e-6)
	n.outConv = NewConv2d(dec.In(name+"conv"), ConvConfig{In: width, Out: c.OutChannels, Kernel: 3}, zero)
	return n, nil
}

func (n *songUNet) last() *Conv2d { return n.outConv }

func (n *songUNet) forward(x *autograd.Var, in Inputs) *autograd.Var {
	emb := n.embedding(in, x.Dim(0))
	if n.Half {
		x = autograd.Cast(x, kernels.F16)
	}
	aux := x
	var skips []*autograd.Var
	for _, e := range n.enc {
		switch {
		case e.conv != nil:
			x = e.conv.Forward(x)
			skips = append(skips, x)
			n.seen("enc."+e.name, x)
		case e.aux != nil:
			a := e.aux.Forward(aux)
			n.seen("enc."+e.name, a)
			x = autograd.Axpby(sqrtHalf, x, sqrtHalf, a)
			aux, skips[len(skips)-1] = x, x
		default:
			x = n.apply(e.block, x, emb, in.Dropout)
			skips = append(skips, x)
			n.seen("enc."+e.name, x)
		}
	}
	x = n.decode(x, emb, skips, in.Dropout)
	name := fmt.Sprintf("dec.%dx%d_aux_", n.Resolution, n.Resolution)
	if n.trace != nil {
		n.seen(name+"norm", n.outNorm.Forward(x, autograd.Norm{}))
	}
	x = n.outConv.Forward(n.outNorm.Forward(x, autograd.Norm{SiLU: true}))
	n.seen(name+"conv", x)
	return x
}

// embedding is the noise embedding with its halves swapped, labels added before the first layer.
func (n *songUNet) embedding(in Inputs, samples int) *autograd.Var {
	omega := n.omega
	if n.freqs != nil {
		omega = n.freqs.Scale(2 * math.Pi).Value
	}
	e := autograd.Embedding(in.Noise, omega, true)
	n.seen("map_noise", e)
	if n.mapLabel != nil {
		labels := in.Labels
		if labels == nil {
			labels = zeroLabels(n.Device, samples, n.LabelDim)
		}
		e = e.Add(n.mapLabel.Forward(labels.Scale(float32(math.Sqrt(float64(n.LabelDim))))))
	}
	if in.Augment != nil {
		e = e.Add(n.mapAugment.Forward(in.Augment))
	}
	e = n.mapLayer0.Forward(e)
	n.seen("map_layer0", e)
	e = n.mapLayer1.Forward(autograd.SiLU(e))
	n.seen("map_layer1", e)
	return autograd.SiLU(e)
}
