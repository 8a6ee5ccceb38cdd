package nn

import (
	"fmt"
	"slices"
	"strings"
)

// UNetConfigOf tells the network from the names and shapes of its state dict, which may all begin with EDM's "model.". All of [UNetConfig] follows
// from them but for dropout, and for the resampling filter, of which the length does: [1,1] and [1,3,3,1] are taken. Tensors that the network does
// not have, or has with other shapes, are for the caller to find.
func UNetConfigOf(shapes map[string][]int) (UNetConfig, error) {
	k := unetKeys{}
	for name, shape := range shapes {
		k[strings.TrimPrefix(name, "model.")] = shape
	}
	c := DhariwalDefaults()
	if k.has("out_conv.weight") {
		c.ModelChannels = k.dim("map_layer0.weight", 1)
		c.OutChannels = k.dim("out_conv.weight", 0)
	} else {
		c = SongDefaults()
		c.ModelChannels = k.dim("map_layer0.weight", 0) / 4
		c.ChannelMultNoise = k.dim("map_layer0.weight", 1) / max(1, c.ModelChannels)
	}
	if c.ModelChannels < 1 {
		return c, fmt.Errorf("nn: not the tensors of a SongUNet or DhariwalUNet: no usable map_layer0.weight among %d", len(shapes))
	}
	c.LabelDim, c.AugmentDim = k.dim("map_label.weight", 1), k.dim("map_augment.weight", 1)
	c.levels(k)
	if c.ModelType == "SongUNet" {
		c.OutChannels = k.dim(fmt.Sprintf("dec.%dx%d_aux_conv.weight", c.Resolution, c.Resolution), 0)
		c.song(k)
	}
	return c, c.Check()
}

// levels reads the resolution and, from the encoder, the levels below it.
func (c *UNetConfig) levels(k unetKeys) {
	c.Resolution, c.ChannelMult, c.NumBlocks, c.AttnResolutions = 0, nil, 0, []int{}
	for name := range k {
		if r, ok := resolution(name, "_conv.weight"); ok {
			c.Resolution = max(c.Resolution, r)
		}
	}
	c.InChannels = k.dim(fmt.Sprintf("enc.%dx%d_conv.weight", c.Resolution, c.Resolution), 1)
	for res := c.Resolution; res > 0; res /= 2 {
		block := func(i int) string { return fmt.Sprintf("enc.%dx%d_block%d.", res, res, i) }
		if !k.has(block(0) + "conv0.weight") {
			break
		}
		c.ChannelMult = append(c.ChannelMult, k.dim(block(0)+"conv0.weight", 0)/c.ModelChannels)
		for k.has(block(c.NumBlocks) + "conv0.weight") {
			c.NumBlocks++
		}
		if k.has(block(0) + "qkv.weight") {
			c.AttnResolutions = append(c.AttnResolutions, res)
		}
	}
}

// song reads what the other family does not have.
func (c *UNetConfig) song(k unetKeys) {
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
}

// resolution is r of the name enc.RxR followed by a suffix.
func resolution(name, suffix string) (r int, ok bool) {
	rest, ok := strings.CutPrefix(name, "enc.")
	rest, isSuffix := strings.CutSuffix(rest, suffix)
	if !ok || !isSuffix {
		return 0, false
	}
	var again int
	n, err := fmt.Sscanf(rest, "%dx%d", &r, &again)
	return r, err == nil && n == 2 && r == again && rest == fmt.Sprintf("%dx%d", r, r)
}

// unetKeys are shapes by name.
type unetKeys map[string][]int

func (k unetKeys) has(name string) bool { return k[name] != nil }

// dim is one dimension of a tensor, or 0 if there is none.
func (k unetKeys) dim(name string, i int) int {
	if s := k[name]; i < len(s) {
		return s[i]
	}
	return 0
}

// Shapes are the names and shapes of the network's tensors.
func (ps *Params) Shapes() map[string][]int {
	shapes := map[string][]int{}
	for _, p := range ps.List {
		shapes[p.Name] = slices.Clone(p.Shape)
	}
	return shapes
}
