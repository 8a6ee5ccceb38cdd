package pid_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/nn"
	"onestep/pid"
	"onestep/pid/pidtest"
	"onestep/tensor"
)

// addDistance makes a distance known for one test.
func addDistance(t *testing.T, d pid.NamedDistance) {
	before := pid.Distances
	pid.Distances = append(slices.Clone(before), d)
	t.Cleanup(func() { pid.Distances = before })
}

// TestNewDistance: a distance that is in the table, and named nowhere else, is in messages, passes the check and is what a job minimises.
func TestNewDistance(t *testing.T) {
	addDistance(t, pid.NamedDistance{Name: "third", Part: "distance", New: func(*nn.LPIPS) pid.Distance {
		return func(x, y *autograd.Var) *autograd.Var { return pid.L2(x, y).Scale(1.0 / 4) }
	}})
	if got := pid.DistanceNames(); got != "l1, l2, lpips or third" {
		t.Errorf("names: %s", got)
	}
	loss := func(name string) float64 {
		j := pidtest.Job(t, tensor.CPU(1), func(c *pid.Config) { c.Loss = name })
		if err := j.Config.Check(); err != nil {
			t.Fatal(err)
		}
		m, err := j.Trainer.Update()
		if err != nil {
			t.Fatal(err)
		}
		return m.Loss
	}
	if l2, third := loss("l2"), loss("third"); third != l2/4 || l2 == 0 {
		t.Errorf("a fourth of l2 is %g, l2 %g", third, l2)
	}
}

// TestNewPerceptualDistance: one that compares features is refused without them, and given them.
func TestNewPerceptualDistance(t *testing.T) {
	var given *nn.LPIPS
	addDistance(t, pid.NamedDistance{Name: "dists", Part: "DISTS", Perceptual: true, New: func(p *nn.LPIPS) pid.Distance {
		given = p
		return p.Distance
	}})
	c := pid.DefaultJob
	c.Loss, c.VGG = "dists", "vgg.pth"
	if err := c.Check(); err != nil || !c.Perceptual() {
		t.Errorf("%v, perceptual: %v", err, c.Perceptual())
	}
	teacher := pidtest.Tiny(t, tensor.CPU(1), 0)
	if _, err := pid.NewJob(c, teacher, nil); err == nil || err.Error() != "loss dists: no perceptual network for 8-pixel images of 1 channels" {
		t.Errorf("without a network: %v", err)
	}
	judge, err := nn.NewClassifier(teacher.Device, nn.ClassifierConfig{Channels: 1, Widths: []int{4}, Hidden: 4, Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	judge.Init(tensor.Random{Seed: 1})
	judge.Freeze()
	features := nn.NewUniformLPIPS(teacher.Device, judge, judge.TapChannels())
	if _, err := pid.NewJob(c, teacher, features); err != nil || given != features {
		t.Errorf("with a network: %v, given %p, want %p", err, given, features)
	}
	c.Loss = "l2"
	if err := c.Check(); err == nil || err.Error() != "vgg vgg.pth: only the loss lpips or dists uses it, not l2" {
		t.Errorf("a network that is not used: %v", err)
	}
	for channels, sees := range map[int]bool{1: true, 2: false, 3: true, 4: false} {
		if d, _ := pid.DistanceNamed("dists"); d.Sees(channels) != sees {
			t.Errorf("%d channels are seen: %v", channels, !sees)
		}
		if d, _ := pid.DistanceNamed("l1"); !d.Sees(channels) {
			t.Errorf("l1 does not see %d channels", channels)
		}
	}
}

// TestNames: what is not known is refused by name, with what there is.
func TestNames(t *testing.T) {
	for says, change := range map[string]func(*pid.Config){
		`loss "l3": want l1, l2 or lpips`:                                      func(c *pid.Config) { c.Loss = "l3" },
		`optimizer "sgd": want radam or adam`:                                  func(c *pid.Config) { c.Optimizer = "sgd" },
		`vgg v: only the loss lpips uses it, no`:                               func(c *pid.Config) { c.Loss, c.VGG = "l1", "v" },
		`weighting "p2": want one of [karras snr snr+1 truncated-snr uniform]`: func(c *pid.Config) { c.Weighting = "p2" },
	} {
		c := pid.DefaultJob
		change(&c)
		if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
	if got := pid.WeightingNames(); got != "uniform, snr, snr+1, karras or truncated-snr" {
		t.Errorf("weightings: %s", got)
	}
}

// TestKarras: the weighting is EDM's λ(σ) with σ_data = ½.
func TestKarras(t *testing.T) {
	w, err := pid.WeightingNamed("karras")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []float64{0.002, 0.5, 1, 80} {
		if want := (s*s + 0.25) / (s * 0.5 * s * 0.5); math.Abs(w(s)/want-1) > 1e-12 {
			t.Errorf("λ(%g) = %g, want %g", s, w(s), want)
		}
	}
}
