package nn

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"onestep/autograd"
	"onestep/tensor"
)

// UNetConfig describes a U-Net in the words of EDM's constructor arguments, which are also its JSON form.
type UNetConfig struct {
	ModelType        string    `json:"model_type"` // SongUNet or DhariwalUNet
	Resolution       int       `json:"img_resolution"`
	InChannels       int       `json:"in_channels"`
	OutChannels      int       `json:"out_channels"`
	LabelDim         int       `json:"label_dim"`   // classes; 0: unconditional
	AugmentDim       int       `json:"augment_dim"` // augmentation labels; 0: none
	ModelChannels    int       `json:"model_channels"`
	ChannelMult      []int     `json:"channel_mult"` // widths of the levels, in ModelChannels
	NumBlocks        int       `json:"num_blocks"`   // residual blocks per level
	AttnResolutions  []int     `json:"attn_resolutions"`
	Dropout          float32   `json:"dropout"`                 // while training from data
	LabelDropout     float32   `json:"label_dropout,omitempty"` // the same, of whole labels: what lets a network do without
	EmbeddingType    string    `json:"embedding_type"`          // SongUNet: positional or fourier
	ChannelMultNoise int       `json:"channel_mult_noise"`      // SongUNet: width of the noise embedding
	EncoderType      string    `json:"encoder_type"`            // SongUNet: standard or residual
	ResampleFilter   []float32 `json:"resample_filter"`         // SongUNet
}

// Check says what is wrong with a configuration, before anything is built.
func (c UNetConfig) Check() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s: "+format, append([]any{c.ModelType}, args...)...)
	}
	switch {
	case c.ModelType != "SongUNet" && c.ModelType != "DhariwalUNet":
		return fmt.Errorf("model_type %q: want SongUNet or DhariwalUNet", c.ModelType)
	case c.Resolution < 1 || c.Resolution > 1<<14 || c.InChannels < 1 || c.OutChannels < 1 || c.ModelChannels < 1 || c.NumBlocks < 1:
		return fail("resolution %d, channels %d, %d and %d, %d blocks: all must be positive", c.Resolution, c.InChannels, c.OutChannels, c.ModelChannels, c.NumBlocks)
	case !(c.Dropout >= 0 && c.Dropout < 1) || !(c.LabelDropout >= 0 && c.LabelDropout <= 1):
		return fail("dropout %g, label_dropout %g: want probabilities", c.Dropout, c.LabelDropout)
	case c.LabelDim < 0 || c.AugmentDim < 0:
		return fail("label_dim %d, augment_dim %d: must not be negative", c.LabelDim, c.AugmentDim)
	case len(c.ChannelMult) == 0 || len(c.ChannelMult) > 10:
		return fail("channel_mult %v: want 1 to 10 levels", c.ChannelMult)
	case c.Resolution%(1<<(len(c.ChannelMult)-1)) != 0:
		return fail("resolution %d cannot be halved %d times", c.Resolution, len(c.ChannelMult)-1)
	case c.ModelType == "DhariwalUNet" && c.ModelChannels%2 != 0:
		return fail("model_channels %d: the noise embedding wants an even number", c.ModelChannels)
	case c.ModelType == "SongUNet" && c.EmbeddingType != "positional" && c.EmbeddingType != "fourier":
		return fail("embedding_type %q: want positional or fourier", c.EmbeddingType)
	case c.ModelType == "SongUNet" && c.EncoderType != "standard" && c.EncoderType != "residual":
		return fail("encoder_type %q: want standard or residual", c.EncoderType)
	case c.ModelType == "SongUNet" && (c.ChannelMultNoise < 1 || c.ModelChannels*c.ChannelMultNoise%2 != 0 || len(c.ResampleFilter)%2 != 0 || len(c.ResampleFilter) == 0 || len(c.ResampleFilter) > 64):
		return fail("channel_mult_noise %d, resample_filter %v: not usable", c.ChannelMultNoise, c.ResampleFilter)
	}
	for _, m := range c.ChannelMult {
		if w := c.ModelChannels * m; m < 1 || w < 4 || w%min(32, w/4) != 0 {
			return fail("%d channels cannot be normalised in %d groups", w, min(32, w/4))
		}
	}
	return nil
}

// LeastParameters is a number of parameters that the network has at least, however large the configuration's numbers are: what a file with such a
// network must hold.
func (c UNetConfig) LeastParameters() float64 {
	mc := float64(c.ModelChannels)
	n := mc*mc*float64(c.ChannelMultNoise) + mc*float64(c.LabelDim) + 9*mc*(float64(c.InChannels)+float64(c.OutChannels)) // embedding, first and last convolution
	for _, m := range c.ChannelMult {
		n += 9 * float64(c.NumBlocks) * (mc * float64(m)) * (mc * float64(m)) // the second convolution of the encoder's blocks
	}
	return n
}

// SongDefaults are the settings of the DDPM++ networks [karras22] that a configuration may leave out.
func SongDefaults() UNetConfig {
	return UNetConfig{
		ModelType: "SongUNet", InChannels: 3, OutChannels: 3, ModelChannels: 128, ChannelMult: []int{2, 2, 2}, NumBlocks: 4,
		AttnResolutions: []int{16}, EmbeddingType: "positional", ChannelMultNoise: 1, EncoderType: "standard", ResampleFilter: []float32{1, 1},
	}
}

// DhariwalDefaults are those of the ADM networks.
func DhariwalDefaults() UNetConfig {
	return UNetConfig{
		ModelType: "DhariwalUNet", InChannels: 3, OutChannels: 3, ModelChannels: 192, ChannelMult: []int{1, 2, 3, 4}, NumBlocks: 3,
		AttnResolutions: []int{32, 16, 8},
	}
}

// JSON is the configuration as it stands in a checkpoint.
func (c UNetConfig) JSON() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain data
	}
	return string(b)
}

// ParseUNetConfig reads what [UNetConfig.JSON] wrote. Settings that the text lacks are those of base.
func ParseUNetConfig(s string, base UNetConfig) (UNetConfig, error) {
	if err := json.Unmarshal([]byte(s), &base); err != nil {
		return base, err
	}
	return base, base.Check()
}

// UNet is the raw network F(x; c): an image and a noise label to an image.
type UNet struct {
	*Params
	UNetConfig
	Half       bool // compute in binary16, see the package comment
	Checkpoint bool // run every block again in the backward pass instead of keeping its activations

	mapLayer0, mapLayer1 *Linear
	mapLabel, mapAugment *Linear       // nil if the configuration has none
	freqs                *autograd.Var // Fourier embedding; else nil
	omega                *tensor.Tensor
	enc, dec             []entry
	outNorm              *GroupNorm
	outConv              *Conv2d
	trace                func(name string, y *autograd.Var) // for tests: sees the output of every entry
}

// entry is one step of the encoder or decoder; exactly one of the pointers is set.
type entry struct {
	name  string
	conv  *Conv2d
	block *UNetBlock
	aux   *Conv2d // the residual path of NCSN++
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
	if c.ModelType == "SongUNet" {
		u.song(s)
	} else {
		u.dhariwal(s)
	}
	n := uint64(0)
	for _, e := range append(slices.Clone(u.enc), u.dec...) {
		if e.block == nil {
			continue
		}
		if g := e.block.Norm0.Groups; e.block.In%g != 0 { // a concatenation may have an odd width
			u.Release()
			return nil, fmt.Errorf("%s: %s: %d channels cannot be normalised in %d groups", c.ModelType, e.name, e.block.In, g)
		}
		if h := e.block.Heads; h > 0 && e.block.Out%h != 0 {
			u.Release()
			return nil, fmt.Errorf("%s: %s: %d channels cannot be divided among %d heads", c.ModelType, e.name, e.block.Out, h)
		}
		e.block.index = n
		n++
	}
	return u, nil
}

// Release frees the tensors. The network cannot be used afterwards.
func (u *UNet) Release() {
	u.Params.Release()
	if u.omega != nil {
		u.omega.Release()
	}
}

// family is what distinguishes the encoders and decoders of the two U-Nets.
type family struct {
	block       BlockConfig // of every block
	first       int         // channels of the first convolution
	lastAttends bool        // in the decoder only the last block of a level attends, not all
}

// trunk declares the encoder and the decoder and returns the width of the decoder's output.
func (u *UNet) trunk(s Scope, f family) (width int) {
	c := u.UNetConfig
	enc, dec := s.In("enc"), s.In("dec")
	aux := c.InChannels
	var skips []int
	for level, mult := range c.ChannelMult {
		res := c.Resolution >> level
		size := fmt.Sprintf("%dx%d_", res, res)
		add := func(name string, b BlockConfig) {
			u.enc = append(u.enc, entry{name: size + name, block: NewUNetBlock(enc.In(size+name), b)})
			width = b.Out
		}
		b := f.block
		if level == 0 {
			width = f.first
			u.enc = append(u.enc, entry{name: size + "conv", conv: NewConv2d(enc.In(size+"conv"), ConvConfig{In: c.InChannels, Out: width, Kernel: 3}, b.init)})
		} else {
			b.In, b.Out, b.Down = width, width, true
			add("down", b)
			b.Down = false
			if c.EncoderType == "residual" {
				name := size + "aux_residual"
				u.enc = append(u.enc, entry{name: name, aux: NewConv2d(enc.In(name),
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
			u.dec = append(u.dec, entry{name: size + name, block: NewUNetBlock(dec.In(size+name), b)})
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
	return width
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

// constant makes a tensor that lives as long as the network.
func constant(d *tensor.Device, x []float32) *tensor.Tensor { return d.FromFloat32(x, len(x)) }

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
	return autograd.Scope(x.Device(), func() *autograd.Var {
		if u.ModelType == "SongUNet" {
			return u.songForward(x, in)
		}
		return u.dhariwalForward(x, in)
	})
}

// ScaleOutput multiplies the last convolution, and so F, by a number.
func (u *UNet) ScaleOutput(by float32) {
	if by == 1 {
		return
	}
	for _, x := range []*autograd.Var{u.outConv.Weight, u.outConv.Bias} {
		v := x.Value.Float32s()
		for i := range v {
			v[i] *= by
		}
		x.Value.CopyFrom(v)
	}
}

// run applies one block, keeping its activations or not.
func (u *UNet) run(b *UNetBlock, x, emb *autograd.Var, drop *Dropout) *autograd.Var {
	if !u.Checkpoint {
		return b.Forward(x, emb, drop)
	}
	return autograd.Checkpoint(func(in ...*autograd.Var) *autograd.Var { return b.Forward(in[0], in[1], drop) }, x, emb)
}

func (u *UNet) seen(name string, y *autograd.Var) {
	if u.trace != nil {
		u.trace(name, y)
	}
}

// attends says whether blocks at a resolution attend.
func (c UNetConfig) attends(res int) bool { return slices.Contains(c.AttnResolutions, res) }

// decode runs the decoder: before a block that wants more channels than there are, the latest skip is appended.
func (u *UNet) decode(x, emb *autograd.Var, skips []*autograd.Var, drop *Dropout) *autograd.Var {
	for _, e := range u.dec {
		if e.block.In != x.Dim(3) {
			x = autograd.Concat(x, skips[len(skips)-1])
			skips = skips[:len(skips)-1]
		}
		x = u.run(e.block, x, emb, drop)
		u.seen("dec."+e.name, x)
	}
	return x
}

// zeroLabels are the labels of a conditional network that is given none.
func zeroLabels(d *tensor.Device, n, classes int) *autograd.Var {
	return autograd.Const(d.Input(func([]float32) {}, n, classes))
}
