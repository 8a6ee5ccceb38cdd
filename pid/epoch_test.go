package pid_test

import (
	"math"
	"slices"
	"testing"

	"onestep/autograd"

	"onestep/nn"
	"onestep/pid"
	"onestep/pid/data"
	"onestep/pid/pidtest"
	"onestep/tensor"
)

// greys are images of one grey each, the image's number from its grey.
func greys(n int) *data.Images {
	im := &data.Images{N: n, H: 8, W: 8, C: 1, Labels: make([]int, n)}
	for k := range n {
		im.Labels[k] = k % 3
		im.Pixels = append(im.Pixels, slices.Repeat([]uint8{uint8(10 * k)}, 64)...)
	}
	return im
}

// zeroed is a tiny network whose output is 0.
func zeroed(t *testing.T, d *tensor.Device) *nn.Precond {
	net := pidtest.Tiny(t, d, 3)
	net.ScaleOutput(0)
	return &nn.Precond{Net: net, SigmaData: 0.5}
}

// shaken gives every parameter of a network random values: in a new one the blocks add nothing yet, whatever they are told.
func shaken(net *nn.UNet) *nn.UNet {
	for i, p := range net.Trained() {
		x := make([]float32, p.Var.Len())
		tensor.Random{Seed: 8}.Normal(x, tensor.Init, 0, uint64(i))
		for k := range x {
			x[k] *= 0.2
		}
		p.Set(x)
	}
	return net
}

// TestEpochs sees that every epoch shows every image once, in an order of its own. Where noise swamps the image and the network says nothing, D is 0
// and the loss of an image of one grey y is y²/σ_data², which tells the image.
func TestEpochs(t *testing.T) {
	const images, epochs, sigma = 6, 4, 1e5
	o := &pid.Denoising{
		Net: zeroed(t, tensor.CPU(0)), Images: greys(images), Random: tensor.Random{Seed: 1}, Batch: 4, PMean: math.Log(sigma),
	}
	var shown []int
	for step := range images * epochs / o.Batch {
		for _, loss := range o.Losses(&step, 0, o.Batch).Value.Float32s() {
			y := -0.5 * math.Sqrt(float64(loss)) // grey images of numbers below 12 are dark
			shown = append(shown, int(math.Round((y+1)*127.5/10)))
		}
	}
	orders := map[[images]int]bool{}
	for epoch := range slices.Chunk(shown, images) {
		orders[[images]int(epoch)] = true
		if got := slices.Sorted(slices.Values(epoch)); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5}) {
			t.Errorf("an epoch shows the images %v", epoch)
		}
	}
	if len(orders) != epochs {
		t.Errorf("%d epochs have %d orders", epochs, len(orders))
	}
}

// TestDenoisingLoss computes EDM's loss once more, in float64, for a network that says nothing: D = c_skip·(y+σn), weighted with λ(σ).
func TestDenoisingLoss(t *testing.T) {
	d := tensor.CPU(0)
	o := &pid.Denoising{Net: zeroed(t, d), Images: greys(1), Random: tensor.Random{Seed: 2}, Batch: 40, PMean: -1.2, PStd: 1.2}
	step, sd := 3, o.Net.SigmaData
	losses := o.Losses(&step, 0, o.Batch).Value.Float32s()
	noise := autograd.Normal(d, o.Random, tensor.Noise, &step, 0, 1, o.Batch, 8, 8, 1).Value.Float32s()
	for k, got := range losses {
		var z [1]float32
		o.Random.Normal(z[:], tensor.Levels, uint64(step), uint64(k))
		sigma := math.Exp(o.PMean + o.PStd*float64(z[0]))
		const y = -1
		var want float64
		for _, n := range noise[k*64 : (k+1)*64] {
			D := sd * sd / (sigma*sigma + sd*sd) * (y + sigma*float64(n))
			want += (D - y) * (D - y) / 64
		}
		want *= (sigma*sigma + sd*sd) / math.Pow(sigma*sd, 2)
		if math.Abs(float64(got)/want-1) > 1e-4 {
			t.Errorf("σ = %.4f: loss %.6g, want %.6g", sigma, got, want)
		}
	}
}

// TestDenoisingLabels: a network with classes is told each image's, and not another's.
func TestDenoisingLabels(t *testing.T) {
	losses := func(labels []int) []float32 {
		net := shaken(pidtest.Tiny(t, tensor.CPU(1), 3))
		im := greys(3)
		im.Labels = labels
		o := &pid.Denoising{Net: &nn.Precond{Net: net, SigmaData: 0.5}, Images: im, Random: tensor.Random{Seed: 1}, Batch: 3, PMean: -1.2, PStd: 1.2}
		step := 0
		return o.Losses(&step, 0, 3).Value.Float32s()
	}
	was, one := losses([]int{0, 1, 2}), losses([]int{0, 1, 0})
	differ := 0
	for k := range was {
		if was[k] != one[k] {
			differ++
		}
	}
	if differ != 1 {
		t.Errorf("one label is another, and %d losses are: %v and %v", differ, was, one)
	}
}
