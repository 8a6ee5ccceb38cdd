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
	k := keysOf(shapes)
	for _, f := range families {
		if !f.recognise(k) {
			continue
		}
		if c := f.read(k); c.ModelChannels > 0 {
			return c, c.Check()
		}
	}
	return UNetConfig{}, fmt.Errorf("nn: not the tensors of a %s: no usable map_layer0.weight among %d", FamilyNames("or"), len(shapes))
}

// Undecided is the tensor whose shape leaves open which network of a configuration, found by [UNetConfigOf], has these tensors, and why. "", "": none
// does.
func (c UNetConfig) Undecided(shapes map[string][]int) (tensor, why string) {
	return c.family().undecided(c, keysOf(shapes))
}

// readTrunk reads labels, the resolution and, from the encoder, the levels below it. A family has read ModelChannels.
func (c *UNetConfig) readTrunk(k unetKeys) {
	c.LabelDim, c.AugmentDim = k.dim("map_label.weight", 1), k.dim("map_augment.weight", 1)
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
		c.ChannelMult = append(c.ChannelMult, k.dim(block(0)+"conv0.weight", 0)/max(1, c.ModelChannels))
		for k.has(block(c.NumBlocks) + "conv0.weight") {
			c.NumBlocks++
		}
		if k.has(block(0) + "qkv.weight") {
			c.AttnResolutions = append(c.AttnResolutions, res)
		}
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

func keysOf(shapes map[string][]int) unetKeys {
	k := unetKeys{}
	for name, shape := range shapes {
		k[strings.TrimPrefix(name, "model.")] = shape
	}
	return k
}

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
