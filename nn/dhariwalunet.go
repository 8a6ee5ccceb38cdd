package nn

import (
	"onestep/autograd"
	"onestep/kernels"
)

// dhariwal declares ADM [dhariwal21] as EDM has it.
func (u *UNet) dhariwal(s Scope) {
	c := u.UNetConfig
	emb := 4 * c.ModelChannels
	block := BlockConfig{Emb: emb, ChannelsPerHead: 64, Adaptive: true, SkipScale: 1, Eps: 1e-5, init: kaiming, initZero: zeros, initQKV: kaiming}
	u.omega = constant(u.Device, frequencies(c.ModelChannels/2, false))
	if c.AugmentDim > 0 {
		u.mapAugment = NewLinear(s.In("map_augment"), c.AugmentDim, c.ModelChannels, false, zeros)
	}
	u.mapLayer0 = NewLinear(s.In("map_layer0"), c.ModelChannels, emb, true, kaiming)
	u.mapLayer1 = NewLinear(s.In("map_layer1"), emb, emb, true, kaiming)
	if c.LabelDim > 0 {
		u.mapLabel = NewLinear(s.In("map_label"), c.LabelDim, emb, false, func(fans) (Init, Init) { return normal(1), nil })
	}

	width := u.trunk(s, family{block: block, first: c.ModelChannels * c.ChannelMult[0]})
	u.outNorm = NewGroupNorm(s.In("out_norm"), width, 1e-5)
	u.outConv = NewConv2d(s.In("out_conv"), ConvConfig{In: width, Out: c.OutChannels, Kernel: 3}, zeros)
}

func (u *UNet) dhariwalForward(x *autograd.Var, in Inputs) *autograd.Var {
	emb := u.dhariwalEmbedding(in)
	if u.Half {
		x = autograd.Cast(x, kernels.F16)
	}
	var skips []*autograd.Var
	for _, e := range u.enc {
		if e.conv != nil {
			x = e.conv.Forward(x)
		} else {
			x = u.run(e.block, x, emb, in.Dropout)
		}
		skips = append(skips, x)
		u.seen("enc."+e.name, x)
	}
	x = u.decode(x, emb, skips, in.Dropout)
	return u.outConv.Forward(u.outNorm.Forward(x, autograd.Norm{SiLU: true}))
}

// dhariwalEmbedding is the noise embedding, labels added after the second layer.
func (u *UNet) dhariwalEmbedding(in Inputs) *autograd.Var {
	e := autograd.Embedding(in.Noise, u.omega, false)
	u.seen("map_noise", e)
	if in.Augment != nil {
		e = e.Add(u.mapAugment.Forward(in.Augment))
	}
	e = u.mapLayer0.Forward(e)
	u.seen("map_layer0", e)
	e = u.mapLayer1.Forward(autograd.SiLU(e))
	u.seen("map_layer1", e)
	if u.mapLabel != nil && in.Labels != nil {
		e = e.Add(u.mapLabel.Forward(in.Labels))
	}
	return autograd.SiLU(e)
}
