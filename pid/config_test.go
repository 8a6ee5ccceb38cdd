package pid_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onestep/nn/optim"
	"onestep/pid"
)

// fid is a configuration with FID.
func fid(c *pid.Config) { c.Inception, c.Ref = "i.pth", "r.npz" }

// TestConfigCheck changes one setting of the default job at a time: what is just allowed is allowed, and what is not is refused by its name.
func TestConfigCheck(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, c := range map[string]struct {
		good, bad []func(*pid.Config)
		says      string
	}{
		"weighting": {[]func(*pid.Config){func(c *pid.Config) { c.Weighting = "snr" }}, []func(*pid.Config){func(c *pid.Config) { c.Weighting = "x" }}, `weighting "x": want one of [karras snr snr+1 truncated-snr uniform]`},
		"ema": {
			[]func(*pid.Config){func(c *pid.Config) { c.EMA = []float64{0, 0.5} }, func(c *pid.Config) { c.EMA = nil }},
			[]func(*pid.Config){func(c *pid.Config) { c.EMA = []float64{0.5, 1} }, func(c *pid.Config) { c.EMA = []float64{-0.1} }, func(c *pid.Config) { c.EMA = []float64{nan} }, func(c *pid.Config) { c.EMA = []float64{0.5, 0.9, 0.5} }},
			"ema ",
		},
		"loss":      {[]func(*pid.Config){func(c *pid.Config) { c.Loss = "l1" }, func(c *pid.Config) { c.Loss = "l2" }}, []func(*pid.Config){func(c *pid.Config) { c.Loss = "l3" }}, `loss "l3": want l1, l2 or lpips`},
		"vgg":       {[]func(*pid.Config){func(c *pid.Config) { c.VGG = "v" }}, []func(*pid.Config){func(c *pid.Config) { c.VGG, c.Loss = "v", "l1" }}, "vgg v: only the loss lpips uses it, not l1"},
		"optimizer": {[]func(*pid.Config){func(c *pid.Config) { c.Optimizer = "adam" }}, []func(*pid.Config){func(c *pid.Config) { c.Optimizer = "sgd" }}, `optimizer "sgd": want`},
		"n":         {[]func(*pid.Config){func(c *pid.Config) { c.Points = 2 }}, []func(*pid.Config){func(c *pid.Config) { c.Points = 1 }}, "n 1: "},
		"steps":     {[]func(*pid.Config){func(c *pid.Config) { c.Steps, c.Batch = 1, 1 }}, []func(*pid.Config){func(c *pid.Config) { c.Steps = 0 }, func(c *pid.Config) { c.Batch = 0 }}, "steps "},
		"batch":     {[]func(*pid.Config){func(c *pid.Config) { c.Batch = 1 << 20 }}, []func(*pid.Config){func(c *pid.Config) { c.Batch = 1<<20 + 1 }, func(c *pid.Config) { c.Batch = -1 }}, "batch "},
		"lr":        {[]func(*pid.Config){func(c *pid.Config) { c.LR = 1e-9 }}, []func(*pid.Config){func(c *pid.Config) { c.LR = 0 }, func(c *pid.Config) { c.LR = nan }, func(c *pid.Config) { c.LR = inf }}, "lr "},
		"anneal": {
			[]func(*pid.Config){func(c *pid.Config) { c.AnnealFrom, c.AnnealTo = 0, 0 }, func(c *pid.Config) { c.AnnealFrom, c.AnnealTo = 1, 1 }},
			[]func(*pid.Config){func(c *pid.Config) { c.AnnealFrom = -0.1 }, func(c *pid.Config) { c.AnnealFrom = 1.1 }, func(c *pid.Config) { c.AnnealTo = -0.1 }, func(c *pid.Config) { c.AnnealTo = 1.1 }, func(c *pid.Config) { c.AnnealTo = nan }},
			"anneal-from ",
		},
		"clip": {
			[]func(*pid.Config){func(c *pid.Config) { c.Clip, c.InitScale = 0, 0 }},
			[]func(*pid.Config){func(c *pid.Config) { c.Clip = -1 }, func(c *pid.Config) { c.Clip = inf }, func(c *pid.Config) { c.InitScale = -1 }, func(c *pid.Config) { c.InitScale = inf }, func(c *pid.Config) { c.Clip = nan }},
			"clip ",
		},
		"microbatch":   {[]func(*pid.Config){func(c *pid.Config) { c.Micro = 0 }, func(c *pid.Config) { c.Micro = 1 << 30 }}, []func(*pid.Config){func(c *pid.Config) { c.Micro = -1 }}, "microbatch -1: must not be negative"},
		"warmup":       {[]func(*pid.Config){func(c *pid.Config) { c.Warmup = 0 }}, []func(*pid.Config){func(c *pid.Config) { c.Warmup = -1 }}, "warmup -1: "},
		"save-every":   {[]func(*pid.Config){func(c *pid.Config) { c.SaveEvery = 0 }}, []func(*pid.Config){func(c *pid.Config) { c.SaveEvery = -1 }}, "save-every -1: "},
		"keep":         {[]func(*pid.Config){func(c *pid.Config) { c.Keep = 0 }}, []func(*pid.Config){func(c *pid.Config) { c.Keep = -1 }}, "keep -1: "},
		"eval-every":   {[]func(*pid.Config){func(c *pid.Config) { c.EvalEvery = 0 }}, []func(*pid.Config){func(c *pid.Config) { c.EvalEvery = -1 }}, "eval-every -1: "},
		"fid-every":    {[]func(*pid.Config){func(c *pid.Config) { c.FIDEvery = 0 }}, []func(*pid.Config){func(c *pid.Config) { c.FIDEvery = -1 }}, "fid-every -1: "},
		"eval-images":  {[]func(*pid.Config){func(c *pid.Config) { c.EvalImages = 1e7 }}, []func(*pid.Config){func(c *pid.Config) { c.EvalImages = 1e7 + 1 }}, "eval-images 10000001: at most 10000000"},
		"grid-samples": {[]func(*pid.Config){func(c *pid.Config) { c.GridSamples = 1 << 16 }}, []func(*pid.Config){func(c *pid.Config) { c.GridSamples = 1<<16 + 1 }}, "grid-samples 65537: at most 65536"},
		"fid-images": {
			[]func(*pid.Config){func(c *pid.Config) { fid(c); c.FIDImages = 3 }, func(c *pid.Config) { c.FIDImages = 2 }},
			[]func(*pid.Config){func(c *pid.Config) { fid(c); c.FIDImages = 2 }, func(c *pid.Config) { c.FIDImages = 1e7 + 1 }}, "fid-images ",
		},
		"ref":       {[]func(*pid.Config){fid}, []func(*pid.Config){func(c *pid.Config) { fid(c); c.Inception = "" }}, "ref r.npz: only FID compares with it"},
		"inception": {nil, []func(*pid.Config){func(c *pid.Config) { fid(c); c.Ref = "" }}, "inception i.pth: FID compares with statistics"},
		"resize":    {[]func(*pid.Config){func(c *pid.Config) { c.Resize = "x" }, func(c *pid.Config) { fid(c); c.Resize = "pytorch-fid" }}, []func(*pid.Config){func(c *pid.Config) { fid(c); c.Resize = "x" }}, "resize "},
	} {
		for i, change := range c.good {
			job := pid.DefaultJob
			if change(&job); job.Check() != nil {
				t.Errorf("%s: good %d: %v", name, i, job.Check())
			}
		}
		for i, change := range c.bad {
			job := pid.DefaultJob
			if change(&job); job.Check() == nil || !strings.HasPrefix(job.Check().Error(), c.says) {
				t.Errorf("%s: bad %d: %v, want %s", name, i, job.Check(), c.says)
			}
		}
	}
}

func TestHasFID(t *testing.T) {
	c := pid.DefaultJob
	c.FIDEvery = 100
	if c.HasFID(100) {
		t.Error("a FID without a network")
	}
	fid(&c)
	for step, want := range map[int]bool{1: false, 99: false, 100: true, 101: false, 200: true} {
		if c.HasFID(step) != want {
			t.Errorf("step %d has a FID: %t", step, !want)
		}
	}
	if c.FIDEvery = 0; c.HasFID(100) {
		t.Error("a FID on the way that was not asked for")
	}
}

// TestConfigRead: a file replaces what it names, and nothing else, in a copy of the rates; other files are refused.
func TestConfigRead(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) string {
		path := filepath.Join(dir, "c.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	p, c, err := pid.Settings("cifar10", write(`{"lr": 0.5, "ema": [0.25]}`))
	want := pid.CIFAR10
	want.LR, want.EMA = 0.5, []float64{0.25}
	if err != nil || c.JSON() != want.JSON() || p.Name != "cifar10" || pid.CIFAR10.EMA[0] != 0.99995 {
		t.Errorf("%v, %s", err, c.JSON())
	}
	if p, c, err := pid.Settings("imagenet64", ""); err != nil || c.JSON() != pid.ImageNet64.JSON() || p.Config.JSON() != c.JSON() {
		t.Error(err)
	}
	if _, _, err := pid.Settings("x", ""); err == nil || err.Error() != `preset "x": want one of default, cifar10, imagenet64` {
		t.Error(err)
	}
	for text, says := range map[string]string{`{"lr": "x"}`: "lr", `{"unknown": 1}`: "unknown", `{} {}`: "more than one JSON value", `{} x`: "more than one JSON value", "": "EOF"} {
		path := write(text)
		if _, _, err := pid.Settings("default", path); err == nil || !strings.HasPrefix(err.Error(), "config: "+path+": ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
	missing := filepath.Join(dir, "missing")
	if _, _, err := pid.Settings("default", missing); err == nil || !strings.HasPrefix(err.Error(), "config: "+missing+": ") || strings.Count(err.Error(), missing) != 1 {
		t.Error(err)
	}
}

// TestPresetMissing names the file that a preset cannot do without.
func TestPresetMissing(t *testing.T) {
	embedded, cifar := pid.Presets[0], pid.Presets[1]
	given := cifar.Config
	given.Teacher, given.VGG = "t", "v"
	noVGG, l1 := given, given
	noVGG.VGG, l1.VGG, l1.Loss = "", "", "l1"
	for _, c := range []struct {
		err  error
		says string
	}{
		{embedded.Missing(embedded.Config), ""}, {cifar.Missing(given), ""}, {cifar.Missing(l1), ""},
		{cifar.Missing(cifar.Config), "preset cifar10: no teacher"}, {cifar.Missing(noVGG), "preset cifar10: the loss lpips needs torchvision's VGG16"},
	} {
		if c.says == "" && c.err != nil || c.says != "" && (c.err == nil || !strings.HasPrefix(c.err.Error(), c.says)) {
			t.Errorf("%v, want %s", c.err, c.says)
		}
	}
}

// TestWeightings has each schedule's values at a level of much noise, of σ_data and of little.
func TestWeightings(t *testing.T) {
	for name, want := range map[string][3]float64{
		"uniform": {1, 1, 1}, "snr": {1. / 16, 4, 100}, "snr+1": {17. / 16, 5, 101}, "karras": {65. / 16, 8, 104}, "truncated-snr": {1, 4, 100},
	} {
		w, err := pid.WeightingNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, level := range []float64{4, 0.5, 0.1} {
			if got := w(level); math.Abs(got/want[i]-1) > 1e-12 {
				t.Errorf("%s at %g: %g, want %g", name, level, got, want[i])
			}
		}
	}
}

func TestRule(t *testing.T) {
	c := pid.DefaultJob
	c.Clip = 3
	if r := c.Rule(); !r.Rectified || r.Clip != 3 || r.Scale != (optim.Rule{}).Scale {
		t.Errorf("%+v", r)
	}
	c.Optimizer, c.FP16 = "adam", true
	if r := c.Rule(); r.Rectified || r.Scale != optim.Half {
		t.Errorf("%+v", r)
	}
}

func TestSeeds(t *testing.T) {
	if got := pid.Seeds(7, 3); !slices.Equal(got, []uint64{7, 8, 9}) {
		t.Error(got)
	}
}

// TestClassOf: a class that is given is every seed's; without one, networks with classes draw, and others have none.
func TestClassOf(t *testing.T) {
	for seed := range uint64(20) {
		if got := (pid.Generator{Class: 3, Labels: 5}).ClassOf(seed); got != 3 {
			t.Errorf("seed %d has class %d, want 3", seed, got)
		}
		if got := (pid.Generator{Class: 0, Labels: 5}).ClassOf(seed); got != 0 {
			t.Errorf("seed %d has class %d, want 0", seed, got)
		}
		if got := (pid.Generator{Class: -1}).ClassOf(seed); got != -1 {
			t.Errorf("seed %d has class %d, want none", seed, got)
		}
		if got := (pid.Generator{Class: -1, Labels: 1}).ClassOf(seed); got != 0 {
			t.Errorf("seed %d has class %d of one", seed, got)
		}
	}
}

// TestScheduleEnds: the rate before, at and after the places where the schedule bends.
func TestScheduleEnds(t *testing.T) {
	s := pid.Schedule{LR: 1, Warmup: 3, AnnealFrom: 0.5, AnnealTo: 0}
	for k, want := range []float64{1. / 3, 2. / 3, 1, 1, 1, 1, 0.8, 0.6} {
		if got := s.At(k, 10); math.Abs(got-want) > 1e-12 {
			t.Errorf("rate at step %d of 10 is %g, want %g", k, got, want)
		}
	}
}
