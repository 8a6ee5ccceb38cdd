package plan

import (
	"math"
	"strings"
	"testing"

	"onestep/nn"
	"onestep/pid"
)

// tiny is a network with every part, of 8 by 8 pixels.
func tiny() nn.UNetConfig {
	c := nn.SongDefaults()
	c.Resolution, c.ModelChannels, c.ChannelMult, c.NumBlocks, c.AttnResolutions, c.LabelDim = 8, 16, []int{1, 2}, 1, []int{4}, 3
	return c
}

// settings are a small job's, with nothing drawn on the way.
func settings(loss string, batch, micro int) pid.Config {
	c := pid.DefaultJob
	c.Loss, c.Batch, c.Micro, c.GridSamples, c.EvalImages = loss, batch, micro, 0, 0
	return c
}

// TestParts holds the operations of published networks to the specification's counts of multiply-adds.
func TestParts(t *testing.T) {
	const vgg = 15.347e9
	for _, test := range []struct {
		name  string
		net   nn.UNetConfig
		macs  float64
		count int
	}{
		{"cifar10", nn.CIFAR10(), 21.192e9, 55_732_739},
		{"imagenet64", nn.ImageNet64(), 109.665e9, 295_899_267},
	} {
		p, err := New(Job{Config: settings("lpips", 12, 4), Net: test.net, Ranks: 2, Machine: Machine{Threads: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if p.Parameters != test.count {
			t.Errorf("%s: %d parameters, want %d", test.name, p.Parameters, test.count)
		}
		samples := 6.0 // of 12, in each process
		for i, want := range []Part{
			{"teacher", 2 * test.macs, 0}, {"student", 4 * test.macs, 8 * test.macs}, {"LPIPS", 4 * vgg, 2 * vgg},
		} {
			// The attention's backward pass computes its scores once more, and the gradient at the first convolution's image is not wanted.
			got, bound := p.Work.Parts[i], 0.02
			if got.Name != want.Name || relative(got.Forward, samples*want.Forward) > 1e-3 || relative(got.Backward, samples*want.Backward) > bound {
				t.Errorf("%s: %+v, want %+v for a sample", test.name, got, want)
			}
		}
	}
}

func relative(x, want float64) float64 {
	if want == 0 {
		return math.Abs(x)
	}
	return math.Abs(x/want - 1)
}

// TestCheckpointBlocks sees that blocks are computed again: a third more of a student's step, and less memory.
func TestCheckpointBlocks(t *testing.T) {
	c := settings("l2", 16, 0)
	j := Job{Config: c, Net: nn.CIFAR10(), Machine: Machine{Threads: 1}}
	kept, err := New(j)
	if err != nil {
		t.Fatal(err)
	}
	again, err := New(j.with(func(c *pid.Config) { c.Recompute = true }))
	if err != nil {
		t.Fatal(err)
	}
	f := func(p *Plan) float64 { return p.Work.Parts[1].Forward + p.Work.Parts[1].Backward }
	if r := f(again) / f(kept); r < 1.30 || r > 1.35 {
		t.Errorf("the student's step has %.3f times the operations", r)
	}
	if r := float64(again.Memory.Work) / float64(kept.Memory.Work); r > 0.6 {
		t.Errorf("activations take %.2f times as much", r)
	}
}

// TestLargest finds about the largest microbatch: it fits, and a tenth more does not.
func TestLargest(t *testing.T) {
	for _, gpu := range []bool{false, true} {
		j := Job{Config: settings("l2", 256, 2), Net: tiny(), Machine: Machine{GPU: gpu, Threads: 1}}
		forty, err := j.memory(40)
		if err != nil {
			t.Fatal(err)
		}
		j.Machine.Free = forty.Total
		for _, micro := range []int{2, 200} { // one that fits, and one that does not
			j.Config.Micro = micro
			p, err := New(j)
			if err == nil {
				err = p.Search()
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Fits() != (micro == 2) {
				t.Errorf("GPU %t: microbatch %d takes %d of %d bytes", gpu, micro, p.Memory.Total, j.Machine.Free)
			}
			m, err := j.memory(p.Largest)
			if err != nil {
				t.Fatal(err)
			}
			if m.Total > j.Machine.Free || p.Largest < 36 {
				t.Errorf("GPU %t: the largest microbatch is %d, of %d bytes; %d are free", gpu, p.Largest, m.Total, j.Machine.Free)
			}
		}
	}
}

// TestRefusal takes the advice of a refusal, and fits.
func TestRefusal(t *testing.T) {
	c := settings("l2", 64, 0)
	j := Job{Config: c, Net: tiny(), Machine: Machine{GPU: true, Limit: "free on the GPU"}}
	p, err := New(j)
	if err != nil || p.Refusal() != nil {
		t.Fatal(err, p.Refusal())
	}
	for _, test := range []struct {
		part float64 // of what it takes
		want []string
	}{
		{0.7, []string{"with --microbatch 64, and", "free on the GPU; it would with --microbatch 32, or ", "--fp16"}},
		{0.001, []string{"neither a smaller --microbatch, --checkpoint-blocks nor --fp16 helps"}},
	} {
		p.Machine.Free = int64(test.part * float64(p.Memory.Total))
		err := p.Refusal()
		if err == nil {
			t.Fatalf("%d bytes fit into %d", p.Memory.Total, p.Machine.Free)
		}
		for _, w := range test.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%v: no %q", err, w)
			}
		}
	}
	p.Machine.Free = int64(0.7 * float64(p.Memory.Total))
	p.Config.Micro = 32
	if p, err = New(p.Job); err != nil || !p.Fits() {
		t.Errorf("with the advice it does not fit: %+v, %v", p.Memory, err)
	}
}

// TestTooMuch is extrapolated, as a buffer of hundreds of gigabytes is not to be had even untouched.
func TestTooMuch(t *testing.T) {
	j := Job{Config: settings("lpips", 1<<20, 0), Net: tiny(), Machine: Machine{Threads: 1, Free: 3e8}}
	p, err := New(j)
	if err != nil || p.Fits() {
		t.Fatal(p, err)
	}
	j.Machine.Free = 1e10 // room for a microbatch of 64
	some, err := j.memory(64)
	if err != nil {
		t.Fatal(err)
	}
	if r := float64(p.Memory.Total) / float64(some.Total-program) / (1 << 20 / 64); r < 0.5 || r > 2 {
		t.Errorf("%.2f times as much for a sample as 64 take", r)
	}
}
