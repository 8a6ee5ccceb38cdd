package pid

import "testing"

func TestPresets(t *testing.T) {
	for _, want := range Presets {
		p, err := PresetNamed(want.Name)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Config.Check(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if p.Config.JSON() != want.Config.JSON() {
			t.Errorf("%s: %s", p.Name, p.Config.JSON())
		}
		p.Config.EMA[0] = 0.5
		if want.Config.EMA[0] == 0.5 {
			t.Errorf("%s: a copy's rates are those of all", p.Name)
		}
	}
	if CIFAR10.LR != 2e-4 || ImageNet64.LR != 1e-4 || CIFAR10.Batch != 512 || ImageNet64.Batch != 2048 || CIFAR10.FP16 || !ImageNet64.FP16 {
		t.Error("the paper's settings are others")
	}
	for s := range 800_000 { // no warm-up, no annealing
		c := CIFAR10
		if lr := (Schedule{c.LR, c.Warmup, c.AnnealFrom, c.AnnealTo}).At(s, c.Steps); lr != 2e-4 {
			t.Fatalf("step %d: learning rate %g", s, lr)
		}
	}
}
