package nn

import (
	"fmt"
	"math"

	"onestep/autograd"
	"onestep/kernels"
)

// song declares DDPM++ or NCSN++ [song21] as EDM has them.
func (u *UNet) song(s Scope) {
	c := u.UNetConfig
	init, zero := xavier(1), xavier(1e-5)
	emb, noise := 4*c.ModelChannels, c.ModelChannels*c.ChannelMultNoise
	block := BlockConfig{
		Emb: emb, Heads: 1, SkipScale: sqrtHalf, Eps: 1e-6, Filter: c.ResampleFilter, ResampleProj: true,
		init: init, initZero: zero, initQKV: xavier(math.Sqrt(0.2)),
	}
	if c.EmbeddingType == "fourier" {
		u.freqs = s.In("map_noise").State("freqs", noise/2, normal(16))
	} else {
		u.omega = constant(u.Device, frequencies(noise/2, true))
	}
	if c.LabelDim > 0 {
		u.mapLabel = NewLinear(s.In("map_label"), c.LabelDim, noise, true, init)
	}
	if c.AugmentDim > 0 {
		u.mapAugment = NewLinear(s.In("map_augment"), c.AugmentDim, noise, false, init)
	}
	u.mapLayer0 = NewLinear(s.In("map_layer0"), noise, emb, true, init)
	u.mapLayer1 = NewLinear(s.In("map_layer1"), emb, emb, true, init)

	width := u.trunk(s, family{block: block, first: c.ModelChannels, lastAttends: true})
	dec := s.In("dec")
	name := fmt.Sprintf("%dx%d_aux_", c.Resolution, c.Resolution)
	u.outNorm = NewGroupNorm(dec.In(name+"norm"), width, 1e-6)
	u.outConv = NewConv2d(dec.In(name+"conv"), ConvConfig{In: width, Out: c.OutChannels, Kernel: 3}, zero)
}

func (u *UNet) songForward(x *autograd.Var, in Inputs) *autograd.Var {
	emb := u.songEmbedding(in, x.Dim(0))
	if u.Half {
		x = autograd.Cast(x, kernels.F16)
	}
	aux := x
	var skips []*autograd.Var
	for _, e := range u.enc {
		switch {
		case e.conv != nil:
			x = e.conv.Forward(x)
			skips = append(skips, x)
			u.seen("enc."+e.name, x)
		case e.aux != nil:
			a := e.aux.Forward(aux)
			u.seen("enc."+e.name, a)
			x = autograd.Axpby(sqrtHalf, x, sqrtHalf, a)
			aux, skips[len(skips)-1] = x, x
		default:
			x = u.run(e.block, x, emb, in.Dropout)
			skips = append(skips, x)
			u.seen("enc."+e.name, x)
		}
	}
	x = u.decode(x, emb, skips, in.Dropout)
	name := fmt.Sprintf("dec.%dx%d_aux_", u.Resolution, u.Resolution)
	if u.trace != nil {
		u.seen(name+"norm", u.outNorm.Forward(x, autograd.Norm{}))
	}
	x = u.outConv.Forward(u.outNorm.Forward(x, autograd.Norm{SiLU: true}))
	u.seen(name+"conv", x)
	return x
}

// songEmbedding is the noise embedding with its halves swapped, labels added before the first layer.
func (u *UNet) songEmbedding(in Inputs, n int) *autograd.Var {
	omega := u.omega
	if u.freqs != nil {
		omega = u.freqs.Scale(2 * math.Pi).Value
	}
	e := autograd.Embedding(in.Noise, omega, true)
	u.seen("map_noise", e)
	if u.mapLabel != nil {
		labels := in.Labels
		if labels == nil {
			labels = zeroLabels(u.Device, n, u.LabelDim)
		}
		e = e.Add(u.mapLabel.Forward(labels.Scale(float32(math.Sqrt(float64(u.LabelDim))))))
	}
	if in.Augment != nil {
		e = e.Add(u.mapAugment.Forward(in.Augment))
	}
	e = u.mapLayer0.Forward(e)
	u.seen("map_layer0", e)
	e = u.mapLayer1.Forward(autograd.SiLU(e))
	u.seen("map_layer1", e)
	return autograd.SiLU(e)
}
