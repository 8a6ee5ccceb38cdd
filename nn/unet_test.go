package nn_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/kernels/kernelstest"
	"onestep/nn"
	"onestep/nn/golden"
	"onestep/nn/golden/nets"
	"onestep/tensor"
)

// Two small networks that have every part: attention, resampling by both filters, labels, the residual encoder.
const (
	smallSong = `{"attn_resolutions": [8], "channel_mult": [1, 2], "channel_mult_noise": 2, "embedding_type": "fourier", "encoder_type": "residual",
		"img_resolution": 16, "in_channels": 3, "label_dim": 10, "augment_dim": 9, "model_channels": 16, "num_blocks": 1, "out_channels": 3, "resample_filter": [1, 3, 3, 1]}`
	smallADM = `{"attn_resolutions": [16, 8], "channel_mult": [1, 2], "img_resolution": 16, "in_channels": 3, "label_dim": 10, "augment_dim": 9,
		"model_channels": 32, "num_blocks": 1, "out_channels": 3}`
)

// step is one forward and backward pass; it returns the output and all gradients, and the bytes of Go memory made on the way.
func step(d *tensor.Device, u *nn.UNet, batch int, drop *nn.Dropout) (out []float32, made uint64) {
	shape := []int{batch, u.Resolution, u.Resolution, u.InChannels}
	n := batch * u.Resolution * u.Resolution * u.InChannels
	var y *autograd.Var
	x := autograd.Param(d.FromFloat32(golden.UNet.Input("input:x", n), shape...))
	autograd.Scope(d, func() *autograd.Var {
		labels := make([]float32, batch*u.LabelDim)
		for i := range batch {
			labels[i*u.LabelDim+i%u.LabelDim] = 1
		}
		in := nn.Inputs{
			Noise:   nn.NoiseLabels(d, slices.Repeat([]float64{2.5}, batch)),
			Labels:  autograd.Const(d.FromFloat32(labels, batch, u.LabelDim)),
			Dropout: drop,
		}
		if u.AugmentDim > 0 {
			in.Augment = autograd.Const(d.FromFloat32(golden.UNet.Input("input:augment", batch*u.AugmentDim), batch, u.AugmentDim))
		}
		r := d.FromFloat32(golden.UNet.Input("input:r", n), shape...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		y = u.Forward(x, in)
		autograd.Backward(y, r)
		runtime.ReadMemStats(&after)
		made = after.TotalAlloc - before.TotalAlloc
		return y
	})
	out = append(out, y.Value.Float32s()...)
	y.Value.Release()
	out = append(out, x.Grad.Float32s()...)
	x.ZeroGrad()
	x.Value.Release()
	for _, p := range u.Trained() {
		out = append(out, p.Var.Grad.Float32s()...)
		p.Var.ZeroGrad()
	}
	return out, made
}

var someDropout = &nn.Dropout{P: 0.1, Random: tensor.Random{Seed: 5}, Step: new(int)}

// onSmallNets runs f on both networks and the best instruction set, and another in rotation.
func onSmallNets(t *testing.T, f func(t *testing.T, d *tensor.Device, build func() *nn.UNet)) {
	for class, config := range map[string]string{"SongUNet": smallSong, "DhariwalUNet": smallADM} {
		t.Run(class, func(t *testing.T) {
			levels := golden.ISAs()
			for i, isa := range levels {
				if best := i == len(levels)-1; !best && (testing.Short() || !kernelstest.Turn(t, i, 3)) {
					continue
				}
				t.Run(isa.String(), func(t *testing.T) {
					c := kernels.NewCPUAt(isa, 0)
					t.Cleanup(c.Close)
					d := tensor.On(c)
					f(t, d, func() *nn.UNet { return nets.UNetOf(t, d, class, config, "") })
				})
			}
		})
	}
}

// Keeping no activations changes no bit and takes less memory. Neither does poisoned memory change any, or half of the threads.
func TestUNetSameBits(t *testing.T) {
	onSmallNets(t, func(t *testing.T, d *tensor.Device, build func() *nn.UNet) {
		const batch = 4
		peak := func() int64 { _, p := d.Memory(); return p }
		u := build()
		u.Recompute = true
		again, _ := step(d, u, batch, someDropout)
		low := peak()
		u.Recompute = false
		want, _ := step(d, u, batch, someDropout)
		if !slices.Equal(again, want) {
			t.Error("Recompute changes the numbers")
		}
		if peak() <= low {
			t.Errorf("Recompute takes %d bytes, the plain network %d", low, peak())
		}
		c := kernels.NewCPUAt(d.Self().(*kernels.CPU).ISA(), 1)
		c.Poison()
		one := tensor.On(c)
		v, err := nn.NewUNet(one, u.UNetConfig)
		if err != nil {
			t.Fatal(err)
		}
		nets.SetWeights(v.Params, golden.UNet, "")
		if got, _ := step(one, v, batch, someDropout); !slices.Equal(got, want) {
			t.Error("one thread or poisoned memory changes the numbers")
		}
	})
}

// Everything is given back: after a step, after the gradients are dropped, and after the network is released. The second step needs no more
// memory than the first, neither from the device nor, much, from Go.
func TestUNetMemory(t *testing.T) {
	onSmallNets(t, func(t *testing.T, d *tensor.Device, build func() *nn.UNet) {
		now := func() int64 { n, _ := d.Memory(); return n }
		u := build()
		start := now()
		step(d, u, 2, nil)
		if left := now() - start; left != 0 {
			t.Errorf("%d bytes left after a step", left)
		}
		_, first := d.Memory()
		_, made := step(d, u, 2, nil)
		_, second := d.Memory()
		if second != first {
			t.Errorf("the second step takes %d bytes, the first %d", second, first)
		}
		// Closures, shapes and nodes are small; plain Go's sums in float64 are its own.
		if !golden.Plain(d) && made > 2<<20 {
			t.Errorf("the second step makes %d bytes of Go memory", made)
		}
		t.Logf("%.1f MB from the device, %.0f KB from Go", float64(first)/1e6, float64(made)/1e3)
		u.Release()
		if now() != 0 {
			t.Errorf("%d bytes left after the network is released", now())
		}
	})
}

// Inference records nothing and holds no activation longer than needed.
func TestUNetInferenceMemory(t *testing.T) {
	onSmallNets(t, func(t *testing.T, d *tensor.Device, build func() *nn.UNet) {
		u := build()
		step(d, u, 2, nil)
		_, training := d.Memory()
		d2 := tensor.On(kernels.NewCPUAt(d.Self().(*kernels.CPU).ISA(), 1))
		v, err := nn.NewUNet(d2, u.UNetConfig)
		if err != nil {
			t.Fatal(err)
		}
		nets.SetWeights(v.Params, golden.UNet, "")
		v.Freeze()
		start, _ := d2.Memory()
		n := u.Resolution * u.Resolution * u.InChannels
		x := autograd.Const(d2.FromFloat32(golden.UNet.Input("input:x", 2*n), 2, u.Resolution, u.Resolution, u.InChannels))
		y := autograd.Scope(d2, func() *autograd.Var { return v.Forward(x, nn.Inputs{Noise: nn.NoiseLabels(d2, []float64{1, 2})}) })
		y.Value.Release()
		x.Value.Release()
		now, peak := d2.Memory()
		if now != start {
			t.Errorf("%d bytes left", now-start)
		}
		if 2*(peak-start) > training-start {
			t.Errorf("inference takes %d bytes, training %d", peak-start, training-start)
		}
	})
}

// A network in half precision stores activations and weights with 2¹³ times the rounding of single precision. The distance of the plain
// kernels in single precision from the reference in double precision is due to that storage alone, of activations; so the network in half
// precision should be about 2¹³ times as far, somewhat more for its weights, and is held to three times that.
func TestGoldenHalf(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it needs plain Go, which is slow")
	}
	golden.Each(t, tinyNetwork+" out.y_f64", func(t *testing.T, g *golden.File) {
		run := func(d *tensor.Device, half bool) (y, dx []float32) {
			u := nets.UNet(t, d, g, "")
			u.Half = half
			x := autograd.Param(g.Tensor(d, "in.x"))
			out := autograd.Cast(u.Forward(x, unetInputs(g, d)), kernels.F32)
			autograd.Backward(out, g.Tensor(d, "in.r"))
			return nchw(out.Value), nchw(x.Grad)
		}
		y, dx := run(golden.Device(t, kernels.Generic), false)
		outBound := 3 * (1 << 13) * golden.RelError(y, g.F64("out.y_f64"))
		gradBound := 3 * (1 << 13) * golden.RelError(dx, g.F64("grad.x"))
		golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
			golden.SkipEmulated(t, d)
			c := golden.NewCheck(t)
			y, dx := run(d, true)
			golden.Rel(c, "out", "y", y, g.F64("out.y_f64"), outBound)
			golden.Rel(c, "grad.x", "grad.x", dx, g.F64("grad.x"), gradBound)
		})
	})
}

// Dropout zeroes as many activations as it says, scales the others, and draws by sample, not by place in the batch.
func TestDropout(t *testing.T) {
	d := golden.Device(t, kernels.Generic)
	c := nn.SmallClassifier(1)
	net, err := nn.NewClassifier(d, c)
	if err != nil {
		t.Fatal(err)
	}
	net.Init(tensor.Random{Seed: 1})
	x := golden.UNet.Input("input:x", 3*64)
	logits := func(first, n int, drop *nn.Dropout) []float32 {
		return net.Logits(autograd.Const(d.FromFloat32(x[first*64:(first+n)*64], n, 8, 8, 1)), drop).Value.Float32s()
	}
	seven := 7
	drop := func(sample int) *nn.Dropout {
		return &nn.Dropout{P: 0.5, Random: tensor.Random{Seed: 2}, Step: &seven, Sample: sample}
	}
	all := logits(0, 3, drop(10))
	if part := logits(1, 2, drop(11)); !slices.Equal(all[c.Classes:], part) {
		t.Error("the mask of a sample depends on its batch")
	}
	if slices.Equal(all, logits(0, 3, nil)) || slices.Equal(all, logits(0, 3, drop(11))) {
		t.Error("dropout does nothing, or the same for every sample")
	}
	if !slices.Equal(logits(0, 3, nil), logits(0, 3, &nn.Dropout{})) {
		t.Error("dropout of probability 0 does something")
	}
}

// Configurations that cannot work are errors before anything is computed.
func TestUNetConfigErrors(t *testing.T) {
	d := golden.Device(t, kernels.Generic)
	for want, change := range map[string]func(c *nn.UNetConfig){
		"144 channels cannot be normalised in 32 groups": func(c *nn.UNetConfig) { c.ModelChannels = 48 },
		"cannot be halved":           func(c *nn.UNetConfig) { c.Resolution = 9 },
		"model_type":                 func(c *nn.UNetConfig) { c.ModelType = "UNet" },
		"embedding_type":             func(c *nn.UNetConfig) { c.EmbeddingType = "learned" },
		"encoder_type":               func(c *nn.UNetConfig) { c.EncoderType = "skip" },
		"resample_filter":            func(c *nn.UNetConfig) { c.ResampleFilter = []float32{1, 2, 1} },
		"channel_mult []":            func(c *nn.UNetConfig) { c.ChannelMult = nil },
		"must not be negative":       func(c *nn.UNetConfig) { c.LabelDim = -1 },
		"must be positive":           func(c *nn.UNetConfig) { c.NumBlocks = 0 },
		"divided among 3 heads":      func(c *nn.UNetConfig) { c.ModelType, c.ModelChannels, c.ChannelMult = "DhariwalUNet", 224, []int{1, 1} },
		"wants an even number":       func(c *nn.UNetConfig) { c.ModelType, c.ModelChannels = "DhariwalUNet", 7 },
		"cannot be normalised in 32": func(c *nn.UNetConfig) { c.ModelChannels = 132 },
	} {
		c := nn.SongDefaults()
		c.Resolution, c.ModelChannels, c.ChannelMult, c.NumBlocks = 16, 32, []int{1, 2}, 1
		change(&c)
		if _, err := nn.NewUNet(d, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if now, _ := d.Memory(); now != 0 {
		t.Errorf("%d bytes left by networks that were not built", now)
	}
}

// A configuration survives its JSON form.
func TestUNetConfigJSON(t *testing.T) {
	c := nets.Config(t, "SongUNet", smallSong)
	back, err := nn.ParseUNetConfig(c.JSON(), nn.UNetConfig{})
	if err != nil || fmt.Sprint(back) != fmt.Sprint(c) {
		t.Errorf("%v, %v, want %v", back, err, c)
	}
}

// Initial weights have the reference's distributions: see spec section 5, weight_init.
func TestInit(t *testing.T) {
	d := golden.Device(t, kernels.Generic)
	deviation := func(x []float32) float64 { return golden.L2(x) / math.Sqrt(float64(len(x))) }
	for class, c := range map[string]struct {
		config string
		want   map[string]float64 // standard deviation
	}{
		"SongUNet": {smallSong, map[string]float64{
			"map_layer0.weight":             math.Sqrt(2. / (32 + 64)),
			"map_label.weight":              math.Sqrt(2. / (10 + 32)),
			"enc.16x16_block0.conv0.weight": math.Sqrt(2. / (16*9 + 16*9)),
			"enc.16x16_block0.conv1.weight": 1e-5 * math.Sqrt(2./(16*9+16*9)),
			"enc.8x8_block0.qkv.weight":     math.Sqrt(0.2) * math.Sqrt(2./(32+96)),
			"enc.8x8_block0.proj.weight":    1e-5 * math.Sqrt(2./(32+32)),
			"enc.16x16_block0.conv0.bias":   0,
			"enc.16x16_block0.norm0.weight": 1,
			"map_noise.freqs":               16,
			"map_augment.weight":            math.Sqrt(2. / (9 + 32)),
		}},
		"DhariwalUNet": {smallADM, map[string]float64{
			"map_layer0.weight":             1 / math.Sqrt(3*32),
			"map_label.weight":              1,
			"enc.16x16_block0.conv0.weight": 1 / math.Sqrt(3*32*9),
			"enc.16x16_block0.conv1.weight": 0,
			"enc.8x8_block0.qkv.weight":     1 / math.Sqrt(3*64),
			"enc.8x8_block0.proj.weight":    0,
			"map_layer1.bias":               1 / math.Sqrt(3*128),
			"map_augment.weight":            0,
			"enc.16x16_block0.norm0.weight": 1,
		}},
	} {
		u, err := nn.NewUNet(d, nets.Config(t, class, c.config))
		if err != nil {
			t.Fatal(err)
		}
		u.Init(tensor.Random{Seed: 1})
		for name, want := range c.want {
			x := u.Named(name).Get()
			if got := deviation(x); math.Abs(got-want) > 5*want/math.Sqrt(float64(len(x))) {
				t.Errorf("%s %s: deviation %.4g, want %.4g", class, name, got, want)
			}
		}
		first := u.Named("map_layer0.weight").Get()
		u.Init(tensor.Random{Seed: 1})
		if !slices.Equal(first, u.Named("map_layer0.weight").Get()) {
			t.Errorf("%s: another initialisation from the same seed", class)
		}
	}
}

// A missing label is a row of zeros, in which a bias counts; labels and augmentation labels do something.
func TestUNetLabels(t *testing.T) {
	d := golden.Device(t, kernels.Generic)
	for class, config := range map[string]string{"SongUNet": smallSong, "DhariwalUNet": smallADM} {
		u := nets.UNetOf(t, d, class, config, "")
		u.Freeze()
		x := autograd.Const(d.FromFloat32(golden.UNet.Input("input:x", 768), 1, 16, 16, 3))
		run := func(labels, augment []float32) []float32 {
			in := nn.Inputs{Noise: nn.NoiseLabels(d, []float64{2})}
			if labels != nil {
				in.Labels = autograd.Const(d.FromFloat32(labels, 1, len(labels)))
			}
			if augment != nil {
				in.Augment = autograd.Const(d.FromFloat32(augment, 1, len(augment)))
			}
			return u.Forward(x, in).Value.Float32s()
		}
		none := run(nil, nil)
		if !slices.Equal(none, run(make([]float32, 10), nil)) {
			t.Errorf("%s: no labels are not zeros", class)
		}
		if slices.Equal(none, run([]float32{0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, nil)) {
			t.Errorf("%s: labels do nothing", class)
		}
		if !slices.Equal(none, run(nil, make([]float32, 9))) {
			t.Errorf("%s: zeros as augmentation labels are not the same as none", class)
		}
		if slices.Equal(none, run(nil, []float32{1, 0, 0, 0, 0, 0, 0, 0, 0})) {
			t.Errorf("%s: augmentation labels do nothing", class)
		}
	}
}
