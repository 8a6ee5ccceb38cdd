package pid

import (
	"math"
	"slices"
	"testing"

	"onestep/autograd"
	"onestep/nn"
	"onestep/nn/golden"
	"onestep/nn/golden/nets"
	"onestep/pid/data"
	"onestep/tensor"
)

// TestAugmentation counts what is done to many samples: each kind of change as often as EDM does it, and as large; and each sample's depends on its
// number and the step alone.
func TestAugmentation(t *testing.T) {
	const n, p = 40000, 0.12
	o := &Denoising{Random: tensor.Random{Seed: 11}, Augment: p}
	count, square := map[string]float64{}, map[string]float64{}
	see := func(name string, x float64) {
		if x != 0 {
			count[name]++
			square[name] += x * x
		}
	}
	one := map[bool]float64{true: 1}
	for k := range n {
		a := o.augmentation(5, k)
		if a != o.augmentation(5, k) {
			t.Fatalf("sample %d is another the second time", k)
		}
		see("mirrored", one[a.FlipX])
		see("upside down", one[a.FlipY])
		see("scale", a.Scale)
		see("rotation", a.Rotation)
		see("stretch", a.Stretch)
		see("axis", a.Axis)
		see("shift x", a.ShiftX)
		see("shift y", a.ShiftY)
		see("scale and rotation", a.Scale*a.Rotation)
		see("upside down and stretch", one[a.FlipY]*a.Stretch)
		see("mirrored and scale", one[a.FlipX]*a.Scale)
		see("mirrored and larger", one[a.FlipX && a.Scale > 0])
		see("mirrored and longer", one[a.FlipX && a.Stretch > 0])
		see("shift", a.ShiftX*a.ShiftY)
	}
	circle := math.Pi * math.Pi / 3 // mean square of an angle from −π to π
	for name, want := range map[string]struct{ share, square float64 }{
		"mirrored": {0.5, 1}, "upside down": {p / 2, 1}, "scale": {p, 1}, "rotation": {p, circle}, "stretch": {p, 1}, "axis": {p / 2, circle},
		"shift x": {p, 1}, "shift y": {p, 1}, "scale and rotation": {p * p, circle}, "upside down and stretch": {p * p / 2, 1}, "mirrored and scale": {p / 2, 1},
		"mirrored and larger": {p / 4, 1}, "mirrored and longer": {p / 4, 1}, "shift": {p, 1},
	} {
		got := count[name]
		if math.Abs(got-n*want.share) > 4*math.Sqrt(n*want.share) {
			t.Errorf("%s: %g of %d samples, want about %g", name, got, n, n*want.share)
		}
		if mean := square[name] / got; math.Abs(mean/want.square-1) > 8/math.Sqrt(got) {
			t.Errorf("%s: mean square %.3f, want about %.3f", name, mean, want.square)
		}
	}
	if o.Augment = 0; o.augmentation(5, 1) != (data.Augmentation{}) || o.augmentation(5, 2) != (data.Augmentation{}) {
		t.Error("an image is changed without being asked to")
	}
}

// TestFlip mirrors the same images with augmentations as without, and nothing else without.
func TestFlip(t *testing.T) {
	plain, augmented := &Denoising{Flip: true}, &Denoising{Augment: 0.5}
	for k := range 100 {
		a := plain.augmentation(0, k)
		if a != (data.Augmentation{FlipX: a.FlipX}) || a.FlipX != augmented.augmentation(0, k).FlipX {
			t.Fatalf("sample %d: %+v and %+v", k, a, augmented.augmentation(0, k))
		}
	}
}

// augmentedDenoising is a small conditional network and random images of its size, all told, with large changes.
func augmentedDenoising(t *testing.T, model string) *Denoising {
	c := nn.SongDefaults()
	if model == "DhariwalUNet" {
		c = nn.DhariwalDefaults()
	}
	c.Resolution, c.ModelChannels, c.ChannelMult, c.NumBlocks, c.LabelDim, c.AugmentDim = 8, 8, []int{1}, 1, 3, data.AugmentLabels
	net, err := nn.NewUNet(tensor.CPU(2), c)
	if err != nil {
		t.Fatal(err)
	}
	r := tensor.Random{Seed: 3}
	nets.SetWeights(net.Params, golden.UNet, "")
	im := &data.Images{N: 6, H: 8, W: 8, C: 3, Pixels: make([]uint8, 6*8*8*3), Labels: []int{0, 1, 2, 2, 1, 0}}
	for i := range im.Pixels {
		im.Pixels[i] = uint8(i * i % 251)
	}
	return &Denoising{
		Net: &nn.Precond{Net: net, SigmaData: 0.5}, Images: im, Random: r, Batch: 6, PMean: -1.2, PStd: 1.2, Augment: 0.7, LabelDropout: 0.3,
	}
}

// TestAugmentedLoss takes the losses of a batch whole and in parts, and the gradient of the map of augmentation labels against differences.
func TestAugmentedLoss(t *testing.T) {
	for _, model := range []string{"SongUNet", "DhariwalUNet"} {
		o := augmentedDenoising(t, model)
		step := 2
		losses := func(first, n int) []float32 {
			l := o.Losses(&step, first, n)
			defer l.Value.Release()
			return slices.Clone(l.Value.Float32s())
		}
		whole := losses(0, 6)
		parts := append(losses(0, 2), losses(2, 4)...)
		for k, l := range whole {
			if math.Abs(float64(parts[k]/l-1)) > 1e-5 {
				t.Errorf("%s: sample %d has loss %g in a part of the batch, %g in the whole", model, k, parts[k], l)
			}
		}
		weight := o.Net.Net.Named("map_augment.weight")
		d := o.Net.Net.Device
		autograd.Backward(o.Losses(&step, 0, 6), d.FromFloat32([]float32{1, 1, 1, 1, 1, 1}, 6))
		gradient, size := weight.Publish(weight.Var.Grad), 0.0
		w := weight.Get()
		total := func() (sum float64) {
			for _, v := range losses(0, 6) {
				sum += float64(v)
			}
			return sum
		}
		const h = 1.0 / 64
		for i := 0; i < len(w); i += 5 {
			at := func(v float32) float64 {
				x := slices.Clone(w)
				x[i] = v
				weight.Set(x)
				defer weight.Set(w)
				return total()
			}
			want := (at(w[i]+h) - at(w[i]-h)) / (2 * h)
			got := float64(gradient[i])
			if size = max(size, math.Abs(got)); math.Abs(got-want) > 0.01*math.Abs(want)+5e-4 {
				t.Errorf("%s: gradient at weight %d is %g, by differences %g", model, i, got, want)
			}
		}
		t.Logf("%s: gradients up to %.2g", model, size)
		if size < 0.01 {
			t.Errorf("%s: the map of augmentation labels has gradients up to %g only", model, size)
		}
	}
}
