package nn

import (
	"fmt"
	"math"
	"slices"

	"onestep/autograd"
	"onestep/tensor"
)

// trunk is what the networks of EDM's two families have in common: the encoder, and the decoder, which sees the encoder's outputs again.
type trunk struct {
	*UNet
	enc, dec []entry
}

// entry is one step of the encoder or decoder; exactly one of the pointers is set.
type entry struct {
	name  string
	conv  *Conv2d
	block *UNetBlock
	aux   *Conv2d // the residual path of NCSN++
}

// trunkConfig is what distinguishes the encoders and decoders of the two.
type trunkConfig struct {
	block       BlockConfig // of every block
	first       int         // channels of the first convolution
	lastAttends bool        // in the decoder only the last block of a level attends, not all
}

// checkTrunk says what of a configuration fits no encoder and decoder; own is what the family has to say besides.
func checkTrunk(c UNetConfig, own func() error) error {
	if len(c.ChannelMult) == 0 || len(c.ChannelMult) > 10 {
		return c.errorf("channel_mult %v: want 1 to 10 levels", c.ChannelMult)
	}
	if c.Resolution%(1<<(len(c.ChannelMult)-1)) != 0 {
		return c.errorf("resolution %d cannot be halved %d times", c.Resolution, len(c.ChannelMult)-1)
	}
	if err := own(); err != nil {
		return err
	}
	for _, m := range c.ChannelMult {
		if w := c.ModelChannels * m; m < 1 || w < 4 || w%min(32, w/4) != 0 {
			return c.errorf("%d channels cannot be normalised in %d groups", w, min(32, w/4))
		}
	}
	return nil
}

// leastTrunk is a number of parameters that embedding, encoder and decoder have at least.
func leastTrunk(c UNetConfig) float64 {
	mc := float64(c.ModelChannels)
	n := mc*mc*float64(c.ChannelMultNoise) + mc*float64(c.LabelDim) + 9*mc*(float64(c.InChannels)+float64(c.OutChannels)) // embedding, first and last convolution
	for _, m := range c.ChannelMult {
		n += 9 * float64(c.NumBlocks) * (mc * float64(m)) * (mc * float64(m)) // the second convolution of the encoder's blocks
	}
	return n
}

// attends says whether blocks at a resolution attend.
func (c UNetConfig) attends(res int) bool { return slices.Contains(c.AttnResolutions, res) }

// declareTrunk declares the encoder and the decoder, and returns the width of the decoder's output, too. It is an error if a block's channels
// cannot be divided as its normalisation and attention do.
func declareTrunk(u *UNet, s Scope, f trunkConfig) (t trunk, width int, err error) {
	t.UNet = u
	c := u.UNetConfig
	enc, dec := s.In("enc"), s.In("dec")
	aux := c.InChannels
	var skips []int
	for level, mult := range c.ChannelMult {
		res := c.Resolution >> level
		size := fmt.Sprintf("%dx%d_", res, res)
		add := func(name string, b BlockConfig) {
			t.enc = append(t.enc, entry{name: size + name, block: NewUNetBlock(enc.In(size+name), b)})
			width = b.Out
		}
		b := f.block
		if level == 0 {
			width = f.first
			t.enc = append(t.enc, entry{name: size + "conv", conv: NewConv2d(enc.In(size+"conv"), ConvConfig{In: c.InChannels, Out: width, Kernel: 3}, b.init)})
		} else {
			b.In, b.Out, b.Down = width, width, true
			add("down", b)
			b.Down = false
			if c.EncoderType == "residual" {
				name := size + "aux_residual"
				t.enc = append(t.enc, entry{name: name, aux: NewConv2d(enc.In(name),
					ConvConfig{In: aux, Out: width, Kernel: 3, Down: true, Filter: c.ResampleFilter, Fused: true}, b.init)})
				aux = width
			}
		}
		skips = append(skips, width)
		for i := range c.NumBlocks {
			b.In, b.Out, b.Attention = width, c.ModelChannels*mult, c.attends(res)
			add(fmt.Sprintf("block%d", i), b)
			skips = append(skips, width)
		}
	}
	for level := len(c.ChannelMult) - 1; level >= 0; level-- {
		res := c.Resolution >> level
		size := fmt.Sprintf("%dx%d_", res, res)
		add := func(name string, b BlockConfig) {
			t.dec = append(t.dec, entry{name: size + name, block: NewUNetBlock(dec.In(size+name), b)})
			width = b.Out
		}
		b := f.block
		b.In, b.Out = width, width
		if level == len(c.ChannelMult)-1 {
			b.Attention = true
			add("in0", b)
			b.Attention = false
			add("in1", b)
		} else {
			b.Up = true
			add("up", b)
			b.Up = false
		}
		for i := range c.NumBlocks + 1 {
			b.In, b.Out = width+skips[len(skips)-1], c.ModelChannels*c.ChannelMult[level]
			b.Attention = c.attends(res) && (i == c.NumBlocks || !f.lastAttends)
			skips = skips[:len(skips)-1]
			add(fmt.Sprintf("block%d", i), b)
		}
	}
	return t, width, t.number()
}

// number gives every block its number, and checks its widths.
func (t *trunk) number() error {
	n := uint64(0)
	for _, e := range append(slices.Clone(t.enc), t.dec...) {
		if e.block == nil {
			continue
		}
		if g := e.block.Norm0.Groups; e.block.In%g != 0 { // a concatenation may have an odd width
			return t.errorf("%s: %d channels cannot be normalised in %d groups", e.name, e.block.In, g)
		}
		if h := e.block.Heads; h > 0 && e.block.Out%h != 0 {
			return t.errorf("%s: %d channels cannot be divided among %d heads", e.name, e.block.Out, h)
		}
		e.block.index = n
		n++
	}
	return nil
}

// apply runs one block, keeping its activations or not.
func (t *trunk) apply(b *UNetBlock, x, emb *autograd.Var, drop *Dropout) *autograd.Var {
	if !t.Recompute {
		return b.Forward(x, emb, drop)
	}
	return autograd.Recompute(func(in ...*autograd.Var) *autograd.Var { return b.Forward(in[0], in[1], drop) }, x, emb)
}

// frequencies are 10000^(−k/(half−e)) of the positional embedding, e = 1 with endpoint.
func frequencies(half int, endpoint bool) []float32 {
	span := float64(half)
	if endpoint {
		span--
	}
	w := make([]float32, half)
	for k := range w {
		w[k] = float32(math.Pow(10000, -float64(k)/span))
	}
	return w
}

// decode runs the decoder: before a block that wants more channels than there are, the latest skip is appended.
func (t *trunk) decode(x, emb *autograd.Var, skips []*autograd.Var, drop *Dropout) *autograd.Var {
	for _, e := range t.dec {
		if e.block.In != x.Dim(3) {
			x = autograd.Concat(x, skips[len(skips)-1])
			skips = skips[:len(skips)-1]
		}
		x = t.apply(e.block, x, emb, drop)
		t.seen("dec."+e.name, x)
	}
	return x
}

// zeroLabels are the labels of a conditional network that is given none.
func zeroLabels(d *tensor.Device, n, classes int) *autograd.Var {
	return autograd.Const(d.Input(func([]float32) {}, n, classes))
}
