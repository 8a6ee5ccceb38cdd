package nn

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

// TestUNetConfigCheck changes one setting of a configuration at a time: what is just allowed is allowed, and what is not is refused.
func TestUNetConfigCheck(t *testing.T) {
	nan := float32(math.NaN())
	type change = func(*UNetConfig)
	for says, c := range map[string]struct{ good, bad []change }{
		`model_type "x": want SongUNet or DhariwalUNet`: {nil, []change{func(c *UNetConfig) { c.ModelType = "x" }}},
		": all must be positive": {
			[]change{func(c *UNetConfig) { c.Resolution = 1 << 14 }, func(c *UNetConfig) { c.InChannels, c.OutChannels, c.NumBlocks = 1, 1, 1 }, func(c *UNetConfig) { c.Resolution, c.ChannelMult = 1, []int{1} }},
			[]change{func(c *UNetConfig) { c.Resolution = 1<<14 + 4 }, func(c *UNetConfig) { c.Resolution = 0 }, func(c *UNetConfig) { c.InChannels = 0 }, func(c *UNetConfig) { c.OutChannels = 0 }, func(c *UNetConfig) { c.NumBlocks = 0 }, func(c *UNetConfig) { c.ModelChannels = 0 }},
		},
		": want probabilities": {
			[]change{func(c *UNetConfig) { c.Dropout, c.LabelDropout = 0.9, 1 }},
			[]change{func(c *UNetConfig) { c.Dropout = 1 }, func(c *UNetConfig) { c.Dropout = -0.1 }, func(c *UNetConfig) { c.LabelDropout = 1.1 }, func(c *UNetConfig) { c.LabelDropout = -0.1 }, func(c *UNetConfig) { c.Dropout = nan }, func(c *UNetConfig) { c.LabelDropout = nan }},
		},
		": must not be negative": {[]change{func(c *UNetConfig) { c.LabelDim, c.AugmentDim = 0, 0 }}, []change{func(c *UNetConfig) { c.LabelDim = -1 }, func(c *UNetConfig) { c.AugmentDim = -1 }}},
		": want 1 to 10 levels": {
			[]change{func(c *UNetConfig) { c.ChannelMult = []int{1} }, func(c *UNetConfig) { c.ChannelMult, c.Resolution = []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 512 }},
			[]change{func(c *UNetConfig) { c.ChannelMult = nil }, func(c *UNetConfig) { c.ChannelMult, c.Resolution = []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 1024 }},
		},
		" cannot be halved 2 times": {[]change{func(c *UNetConfig) { c.Resolution = 4 }}, []change{func(c *UNetConfig) { c.Resolution = 6 }, func(c *UNetConfig) { c.Resolution = 5 }}},
		": the noise embedding wants an even number": {[]change{func(c *UNetConfig) {
			c.ModelChannels, c.ChannelMultNoise, c.ModelType = 6, 1, "DhariwalUNet"
			c.ChannelMult = []int{1}
		}},
			[]change{func(c *UNetConfig) { c.ModelChannels, c.ChannelMult, c.ModelType = 7, []int{1}, "DhariwalUNet" }}},
		": want positional or fourier": {[]change{func(c *UNetConfig) { c.EmbeddingType = "fourier" }, func(c *UNetConfig) { c.EmbeddingType, c.ModelType = "x", "DhariwalUNet" }}, []change{func(c *UNetConfig) { c.EmbeddingType = "x" }}},
		": want standard or residual":  {[]change{func(c *UNetConfig) { c.EncoderType = "residual" }, func(c *UNetConfig) { c.EncoderType, c.ModelType = "x", "DhariwalUNet" }}, []change{func(c *UNetConfig) { c.EncoderType = "x" }}},
		": not usable": {
			[]change{func(c *UNetConfig) { c.ResampleFilter = make([]float32, 64) }, func(c *UNetConfig) { c.ChannelMultNoise, c.ModelChannels, c.ChannelMult = 2, 7, []int{1} }, func(c *UNetConfig) { c.ResampleFilter, c.ModelType = nil, "DhariwalUNet" }},
			[]change{func(c *UNetConfig) { c.ResampleFilter = nil }, func(c *UNetConfig) { c.ResampleFilter = make([]float32, 66) }, func(c *UNetConfig) { c.ResampleFilter = make([]float32, 3) }, func(c *UNetConfig) { c.ChannelMultNoise = 0 }, func(c *UNetConfig) { c.ModelChannels = 127 }},
		},
		" groups": {
			[]change{func(c *UNetConfig) { c.ModelChannels, c.ChannelMult = 4, []int{1, 1, 1} }},
			[]change{func(c *UNetConfig) { c.ModelChannels, c.ChannelMult = 2, []int{1, 1, 1} }, func(c *UNetConfig) { c.ChannelMult = []int{2, 0, 2} }, func(c *UNetConfig) { c.ModelChannels, c.ChannelMult = 130, []int{1, 1, 1} }},
		},
	} {
		for i, change := range c.good {
			config := SongDefaults()
			config.Resolution = 32
			if change(&config); config.Check() != nil {
				t.Errorf("%s: good %d: %v", says, i, config.Check())
			}
		}
		for i, change := range c.bad {
			config := SongDefaults()
			config.Resolution = 32
			if change(&config); config.Check() == nil || !strings.Contains(config.Check().Error(), says) {
				t.Errorf("%s: bad %d: %v", says, i, config.Check())
			}
		}
	}
}

// TestClassifierConfigCheck does the same for classifiers.
func TestClassifierConfigCheck(t *testing.T) {
	if err := SmallClassifier(3).Check(); err != nil {
		t.Error(err)
	}
	if err := (ClassifierConfig{Channels: 1, Widths: []int{4}, Hidden: 1, Classes: 1}).Check(); err != nil {
		t.Error(err)
	}
	for i, change := range []func(*ClassifierConfig){
		func(c *ClassifierConfig) { c.Channels = 0 }, func(c *ClassifierConfig) { c.Widths = nil }, func(c *ClassifierConfig) { c.Hidden = 0 }, func(c *ClassifierConfig) { c.Classes = 0 },
		func(c *ClassifierConfig) { c.Widths = []int{32, 0} },
	} {
		c := SmallClassifier(3)
		if change(&c); c.Check() == nil {
			t.Errorf("configuration %d is accepted: %+v", i, c)
		}
		if net, err := NewClassifier(tensor.CPU(1), c); net != nil || err == nil {
			t.Errorf("configuration %d makes a network: %+v", i, c)
		}
	}
}

// TestLeastParameters never claims more than a network has, and nearly as many where it is large.
func TestLeastParameters(t *testing.T) {
	for name, c := range map[string]UNetConfig{"song": SongDefaults(), "dhariwal": DhariwalDefaults()} {
		c.Resolution, c.ModelChannels, c.LabelDim = 32, 32, 10
		net, err := NewUNet(tensor.CPU(1), c)
		if err != nil {
			t.Fatal(err)
		}
		has := 0.0
		for _, p := range net.Trained() {
			has += float64(p.Var.Len())
		}
		if least := c.LeastParameters(); least > has || least < has/10 {
			t.Errorf("%s: at least %g parameters, it has %g", name, least, has)
		}
		net.Release()
	}
}

// TestLeastParametersOf counts by hand.
func TestLeastParametersOf(t *testing.T) {
	c := UNetConfig{ModelType: "SongUNet", ModelChannels: 4, ChannelMultNoise: 3, LabelDim: 5, InChannels: 1, OutChannels: 2, ChannelMult: []int{1, 2}, NumBlocks: 2}
	if got, want := c.LeastParameters(), float64(4*4*3+4*5+9*4*(1+2)+9*2*4*4+9*2*8*8); got != want {
		t.Errorf("%+v has %g, want %g", c, got, want)
	}
	k := ClassifierConfig{Channels: 1, Widths: []int{4, 6}, Hidden: 3, Classes: 2}
	if got, want := k.LeastParameters(), float64(9*1*4+3*(6+2)+9*4*4+9*6*6); got != want {
		t.Errorf("%+v has %g, want %g", k, got, want)
	}
}

// TestInitStyles measures each rule's numbers: mean, variance, and the largest, which is a uniform distribution's end.
func TestInitStyles(t *testing.T) {
	const in, out, n = 50, 30, 20000
	f := fans{in, out}
	for name, c := range map[string]struct {
		init                 style
		variance, bias, ends float64 // ends: in standard deviations; 0: any
	}{
		"xavier": {xavier(1), 2. / (in + out), 0, math.Sqrt(3)}, "xavier ½": {xavier(0.5), 0.25 * 2. / (in + out), 0, math.Sqrt(3)},
		"kaiming": {kaiming, 1. / (3 * in), 1. / (3 * in), math.Sqrt(3)}, "he": {he, 2. / in, 0, 0}, "zeros": {zeros, 0, 0, 0},
	} {
		weight, bias := c.init(f)
		for what, want := range map[string]float64{"weight": c.variance, "bias": c.bias} {
			rule := weight
			if what == "bias" {
				rule = bias
			}
			params, s := NewParams(tensor.CPU(1))
			x := s.Vector("x", n, rule)
			params.Init(tensor.Random{Seed: 4})
			var sum, square, largest float64
			for _, v := range x.Value.Float32s() {
				sum += float64(v) / n
				square += float64(v) * float64(v) / n
				largest = max(largest, math.Abs(float64(v)))
			}
			if math.Abs(square-want) > 0.04*want || math.Abs(sum) > 4*math.Sqrt(want/n) {
				t.Errorf("%s: %s has mean %g and variance %g, want 0 and %g", name, what, sum, square, want)
			}
			if end := c.ends * math.Sqrt(want); c.ends > 0 && (largest > end*1.00001 || largest < 0.99*end) {
				t.Errorf("%s: %s reaches %g, want %g", name, what, largest, end)
			}
			params.Release()
		}
	}
}

// TestInitKeys: a tensor's initial values are those of its place in the list, at step 0, so that runs from scratch repeat their bits.
func TestInitKeys(t *testing.T) {
	params, s := NewParams(tensor.CPU(1))
	s.Vector("first", 3, Constant(7))
	x, y := s.Vector("x", 5, uniform(2)), s.Vector("y", 5, normal(3))
	r := tensor.Random{Seed: 9}
	params.Init(r)
	var u, z [5]float32
	r.Uniform(u[:], tensor.Init, 0, 1)
	r.Normal(z[:], tensor.Init, 0, 2)
	for i := range u {
		if got, want := x.Value.Float32s()[i], float32(2*(2*float64(u[i])-1)); got != want {
			t.Errorf("uniform number %d is %g, want %g", i, got, want)
		}
		if got, want := y.Value.Float32s()[i], float32(3*float64(z[i])); got != want {
			t.Errorf("normal number %d is %g, want %g", i, got, want)
		}
	}
}

// TestLayersDeclare: shapes, and what a layer does not have.
func TestLayersDeclare(t *testing.T) {
	params, s := NewParams(tensor.CPU(1))
	if l := NewLinear(s.In("a"), 3, 5, false, he); l.Bias != nil || l.Weight.Dim(0) != 3 || l.Weight.Dim(1) != 5 {
		t.Errorf("%v, %v", l.Weight.Shape(), l.Bias)
	}
	for channels, groups := range map[int]int{4: 1, 64: 16, 128: 32, 512: 32} {
		g := NewGroupNorm(s.In("g").In(string(rune('a'+groups))).In(string(rune('a'+channels%100))), channels, 1e-5)
		if g.Groups != groups || g.Eps != 1e-5 || g.Weight.Len() != channels || g.Bias.Len() != channels {
			t.Errorf("%d channels are in %d groups, want %d", channels, g.Groups, groups)
		}
	}
	c := NewConv2d(s.In("r"), ConvConfig{In: 2, Out: 2, Down: true}, he)
	if c.Weight != nil || c.Bias != nil {
		t.Error("a resampling layer has weights")
	}
	x := autograd.Const(params.Device.FromFloat32([]float32{1, 10, 2, 20, 3, 30, 6, 60}, 1, 2, 2, 2))
	if y := c.Forward(x).Value.Float32s(); len(y) != 2 || y[0] != 3 || y[1] != 30 {
		t.Errorf("halved: %v", y)
	}
	for i, v := range outer([]float32{1, 3, 3, 1}) {
		if want := []float32{1, 3, 3, 1}[i/4] * []float32{1, 3, 3, 1}[i%4] / 64; v != want {
			t.Errorf("filter element %d is %g, want %g", i, v, want)
		}
	}
}

// TestResolution reads the size in a layer's name, which stands there twice.
func TestResolution(t *testing.T) {
	for name, want := range map[string]int{
		"enc.32x32_conv.weight": 32, "enc.8x8_conv.weight": 8, "enc.8x16_conv.weight": 0, "dec.8x8_conv.weight": 0, "enc.8x8_conv.bias": 0, "enc.08x08_conv.weight": 0,
		"enc.8x8 _conv.weight": 0, "enc.x8_conv.weight": 0, "enc._conv.weight": 0, "8x8": 0,
	} {
		if r, ok := resolution(name, "_conv.weight"); ok != (want > 0) || ok && r != want {
			t.Errorf("%s: %d, %t, want %d", name, r, ok, want)
		}
	}
	k := unetKeys{"a": {3, 5}}
	if !k.has("a") || k.has("b") || k.dim("a", 0) != 3 || k.dim("a", 1) != 5 || k.dim("a", 2) != 0 || k.dim("b", 0) != 0 {
		t.Error("other dimensions than those of the tensor")
	}
}

// TestNames: the names that files have for a classifier's tensors, and what is no configuration.
func TestNames(t *testing.T) {
	net, err := NewClassifier(tensor.CPU(1), ClassifierConfig{Channels: 1, Widths: []int{4, 6}, Hidden: 3, Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range net.List {
		names = append(names, p.Name)
	}
	const want = "conv0.weight conv0.bias conv1.weight conv1.bias conv2.weight conv2.bias conv3.weight conv3.bias hidden.weight hidden.bias logits.weight logits.bias"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("a classifier has %s, want %s", got, want)
	}
	base := SongDefaults()
	base.Resolution = 32
	if _, err := ParseUNetConfig("{", base); err == nil {
		t.Error("half a configuration is read")
	}
	if c, err := ParseUNetConfig(`{"num_blocks":7}`, base); err != nil || c.NumBlocks != 7 || c.ModelChannels != base.ModelChannels {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := ParseClassifierConfig("{"); err == nil || !strings.HasPrefix(err.Error(), "classifier: ") {
		t.Error(err)
	}
}

// TestFourierFrequencies: the frequencies of NCSN++ are normal numbers of deviation 16, half as many as its noise embedding is wide.
func TestFourierFrequencies(t *testing.T) {
	c := SongDefaults()
	c.Resolution, c.ModelChannels, c.ChannelMult, c.NumBlocks, c.AttnResolutions, c.EmbeddingType, c.ChannelMultNoise = 4, 8, []int{1}, 1, nil, "fourier", 400
	net, err := NewUNet(tensor.CPU(1), c)
	if err != nil {
		t.Fatal(err)
	}
	net.Init(tensor.Random{Seed: 2})
	x := net.Named("map_noise.freqs").Get()
	square := 0.0
	for _, v := range x {
		square += float64(v) * float64(v) / float64(len(x))
	}
	if len(x) != 8*400/2 || math.Abs(math.Sqrt(square)-16) > 0.8 {
		t.Errorf("%d frequencies of deviation %g, want 1600 of 16", len(x), math.Sqrt(square))
	}
}

// TestSongFilter: a network of one level has no filter, that of others must be as long as the configuration's.
func TestSongFilter(t *testing.T) {
	const name = "enc.4x4_down.conv0.resample_filter"
	for _, c := range []struct {
		levels  []int
		shape   []int
		missing bool
	}{{[]int{1}, nil, false}, {[]int{1, 1}, nil, true}, {[]int{1, 1}, []int{1, 1, 2, 2}, false}, {[]int{1, 1}, []int{1, 1, 4, 4}, true}, {[]int{1, 1}, []int{1, 2, 2}, true}} {
		k := unetKeys{}
		if c.shape != nil {
			k[name] = c.shape
		}
		found, why := songFilter(UNetConfig{Resolution: 8, ChannelMult: c.levels, ResampleFilter: []float32{1, 1}}, k)
		if (found == name) != c.missing || (why != "") != c.missing {
			t.Errorf("levels %v, filter %v: %q, %q", c.levels, c.shape, found, why)
		}
	}
}

// TestLPIPSInput: small images are enlarged, those of 256 pixels are not; one channel becomes three if that is wanted.
func TestLPIPSInput(t *testing.T) {
	d := tensor.CPU(1)
	image := func(w, c int) *autograd.Var { return autograd.Const(d.FromFloat32(make([]float32, 2*w*c), 1, 2, w, c)) }
	for _, c := range []struct {
		l    LPIPS
		x    *autograd.Var
		want []int
	}{
		{LPIPS{Resize: 4}, image(255, 3), []int{1, 4, 4, 3}}, {LPIPS{Resize: 4}, image(256, 3), []int{1, 2, 256, 3}}, {LPIPS{}, image(5, 1), []int{1, 2, 5, 1}},
		{LPIPS{Repeat: true}, image(5, 1), []int{1, 2, 5, 3}}, {LPIPS{Repeat: true}, image(5, 3), []int{1, 2, 5, 3}},
	} {
		if got := c.l.prepare(c.x).Shape(); !slices.Equal(got, c.want) {
			t.Errorf("resize %d, repeat %t: %v becomes %v, want %v", c.l.Resize, c.l.Repeat, c.x.Shape(), got, c.want)
		}
	}
}

// TestInceptionFrozen: no gradient flows to the weights of Inception, and images that it cannot have are refused.
func TestInceptionFrozen(t *testing.T) {
	net := NewInception(tensor.On(kernels.NewDryCPU(1)), InceptionTensorFlow)
	for _, p := range net.Tensors() {
		if p.Var != nil && p.Var.NeedsGrad() {
			t.Fatalf("%s is trained", p.Name)
		}
	}
	for _, c := range [][5]int{{11, 1, 2, 2, 3}, {8, 1, 2, 2, 2}, {0, -1, 2, 2, 3}, {0, 1, 0, 2, 3}, {16, 1, 2, 2, 4}} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "nn: Inception: ") {
					t.Errorf("%v: %s", c, got)
				}
			}()
			net.Features(make([]byte, c[0]), c[1], c[2], c[3], c[4])
		}()
	}
}
