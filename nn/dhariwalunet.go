package nn

import (
	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

// DhariwalUNet is ADM [dhariwal21] as EDM has it.
var DhariwalUNet = register(&Family{
	Name: "DhariwalUNet", Paper: "2105.05233", Anchor: "map_layer0.weight",
	Defaults:       DhariwalDefaults,
	Constructor:    DhariwalDefaults,
	check:          checkDhariwal,
	least:          leastTrunk,
	declare:        declareDhariwal,
	recognise:      func(k unetKeys) bool { return k.has("out_conv.weight") },
	read:           readDhariwal,
	undecided:      func(UNetConfig, unetKeys) (string, string) { return "", "" },
	checkReference: func(UNetConfig) error { return nil },
})

// DhariwalDefaults are those of the ADM networks.
func DhariwalDefaults() UNetConfig {
	return UNetConfig{
		ModelType: "DhariwalUNet", InChannels: 3, OutChannels: 3, ModelChannels: 192, ChannelMult: []int{1, 2, 3, 4}, NumBlocks: 3,
		AttnResolutions: []int{32, 16, 8},
	}
}

func checkDhariwal(c UNetConfig) error {
	return checkTrunk(c, func() error {
		if c.ModelChannels%2 != 0 {
			return c.errorf("model_channels %d: the noise embedding wants an even number", c.ModelChannels)
		}
		return nil
	})
}

// readDhariwal tells a configuration from names and shapes.
func readDhariwal(k unetKeys) UNetConfig {
	c := DhariwalDefaults()
	c.ModelChannels, c.OutChannels = k.dim("map_layer0.weight", 1), k.dim("out_conv.weight", 0)
	c.readTrunk(k)
	return c
}

// dhariwalUNet is a network of the family.
type dhariwalUNet struct {
	trunk
	mapLayer0, mapLayer1 *Linear
	mapLabel, mapAugment *Linear // nil if the configuration has none
	omega                *tensor.Tensor
	outNorm              *GroupNorm
	outConv              *Conv2d
}

func declareDhariwal(u *UNet, s Scope) (network, error) {
	c, n := u.UNetConfig, &dhariwalUNet{}
	emb := 4 * c.ModelChannels
	block := BlockConfig{Emb: emb, ChannelsPerHead: 64, Adaptive: true, SkipScale: 1, Eps: 1e-5, init: kaiming, initZero: zeros, initQKV: kaiming}
	n.omega = s.constant(frequencies(c.ModelChannels/2, false))
	if c.AugmentDim > 0 {
		n.mapAugment = NewLinear(s.In("map_augment"), c.AugmentDim, c.ModelChannels, false, zeros)
	}
	n.mapLayer0 = NewLinear(s.In("map_layer0"), c.ModelChannels, emb, true, kaiming)
	n.mapLayer1 = NewLinear(s.In("map_layer1"), emb, emb, true, kaiming)
	if c.LabelDim > 0 {
		n.mapLabel = NewLinear(s.In("map_label"), c.LabelDim, emb, false, func(fans) (Init, Init) { return normal(1), nil })
	}

	var width int
	var err error
	if n.trunk, width, err = declareTrunk(u, s, trunkConfig{block: block, first: c.ModelChannels * c.ChannelMult[0]}); err != nil {
		return nil, err
	}
	n.outNorm = NewGroupNorm(s.In("out_norm"), width, 1e-5)
	n.outConv = NewConv2d(s.In("out_conv"), ConvConfig{In: width, Out: c.OutChannels, Kernel: 3}, zeros)
	return n, nil
}

func (n *dhariwalUNet) last() *Conv2d { return n.outConv }

func (n *dhariwalUNet) forward(x *autograd.Var, in Inputs) *autograd.Var {
	emb := n.embedding(in)
	if n.Half {
		x = autograd.Cast(x, kernels.F16)
	}
	var skips []*autograd.Var
	for _, e := range n.enc {
		if e.conv != nil {
			x = e.conv.Forward(x)
		} else {
			x = n.apply(e.block, x, emb, in.Dropout)
		}
		skips = append(skips, x)
		n.seen("enc."+e.name, x)
	}
	x = n.decode(x, emb, skips, in.Dropout)
	return n.outConv.Forward(n.outNorm.Forward(x, autograd.Norm{SiLU: true}))
}

// embedding is the noise embedding, labels added after the second layer.
func (n *dhariwalUNet) embedding(in Inputs) *autograd.Var {
	e := autograd.Embedding(in.Noise, n.omega, false)
	n.seen("map_noise", e)
	if in.Augment != nil {
		e = e.Add(n.mapAugment.Forward(in.Augment))
	}
	e = n.mapLayer0.Forward(e)
	n.seen("map_layer0", e)
	e = n.mapLayer1.Forward(autograd.SiLU(e))
	n.seen("map_layer1", e)
	if n.mapLabel != nil && in.Labels != nil {
		e = e.Add(n.mapLabel.Forward(in.Labels))
	}
	return autograd.SiLU(e)
}
