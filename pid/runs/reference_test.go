package runs_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onestep/kernels"
	"onestep/nn/weights"
	"onestep/pid"
	"onestep/pid/pidtest"
	"onestep/pid/runs"
	"onestep/tensor"
	"onestep/tensor/format"
)

// referenceRun is a run of a few steps, saved and written as the reference's files.
func referenceRun(t *testing.T, change func(*pid.Config)) (j *pid.Job, set string) {
	t.Helper()
	j = pidtest.Job(t, tensor.CPU(0), func(c *pid.Config) {
		c.Steps, c.EMA = 9, []float64{0.9, 0.99}
		change(c)
	})
	j.Trainer.Steps = 3
	if err := j.Trainer.Run(context.Background(), func(pid.Metrics) error { return nil }); err != nil {
		t.Fatal(err)
	}
	j.Trainer.Steps = 9
	dir := filepath.Join(t.TempDir(), "run")
	r, err := runs.Create(dir, j.Config, func(r *runs.Run) error { return r.Save(j) })
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r, c, err := runs.Open(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	set = filepath.Join(t.TempDir(), "set")
	dry := func() *tensor.Device { return tensor.On(kernels.NewDryCPU(1)) }
	paths, err := r.WriteReference(dry(), c, set, false)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	if want := []string{"ema_0.9_000003.pt", "ema_0.99_000003.pt", "opt000003.pt", "model000003.pt"}; !slices.Equal(names, want) {
		t.Errorf("wrote %v, want %v", names, want)
	}
	if _, err := r.WriteReference(dry(), c, set, false); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("written twice: %v", err)
	}
	return j, set
}

// numbersOf is every number of a trainer, by name.
func numbersOf(tr *pid.Trainer) map[string][]float32 {
	all := map[string][]float32{}
	for i, p := range tr.Params.Trained() {
		all["param "+p.Name] = p.Get()
		all["m "+p.Name] = p.Publish(tr.Opt.M[i])
		all["v "+p.Name] = p.Publish(tr.Opt.V[i])
		for k, rate := range tr.Opt.Rates {
			all["ema "+pid.FormatRate(rate)+" "+p.Name] = p.Publish(tr.Opt.EMA[k][i])
		}
	}
	return all
}

func sameState(t *testing.T, what string, got, want *pid.Trainer) {
	t.Helper()
	if got.Step != want.Step || got.Opt.State().Steps != want.Opt.State().Steps {
		t.Errorf("%s: step %d and %d updates, want %d and %d", what, got.Step, got.Opt.State().Steps, want.Step, want.Opt.State().Steps)
	}
	w := numbersOf(want)
	for name, x := range numbersOf(got) {
		if !slices.Equal(x, w[name]) {
			t.Errorf("%s: %s differs", what, name)
		}
	}
}

// opened is part of a file of another program, until the test ends.
func opened(t *testing.T, path, part string) *format.File {
	t.Helper()
	f, err := format.OpenPart(path, part)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestReference writes a run as the reference's files and goes on from them: the same state and, in float32, the same further steps.
func TestReference(t *testing.T) {
	for name, half := range map[string]bool{"float32": false, "binary16": true} {
		t.Run(name, func(t *testing.T) {
			j, set := referenceRun(t, func(c *pid.Config) { c.FP16 = half })
			opt := opened(t, filepath.Join(set, "opt000003.pt"), "state")
			if _, third := opt.Entry("2.exp_avg"); third == half {
				t.Errorf("the optimiser has tensors %v", opt.Order)
			}
			again := pidtest.Job(t, tensor.CPU(0), func(c *pid.Config) { *c = j.Config })
			notes, err := runs.ResumeReference(again.Trainer, set)
			if err != nil || len(notes) > 0 {
				t.Fatalf("%v, notes %q", err, notes)
			}
			sameState(t, "loaded", again.Trainer, j.Trainer)
			if half {
				return // the loss scale begins anew
			}
			for _, tr := range []*pid.Trainer{j.Trainer, again.Trainer} {
				if err := tr.Run(context.Background(), func(pid.Metrics) error { return nil }); err != nil {
					t.Fatal(err)
				}
			}
			sameState(t, "continued", again.Trainer, j.Trainer)
		})
	}
}

// TestReferenceStudent draws with the files as with any student.
func TestReferenceStudent(t *testing.T) {
	j, set := referenceRun(t, func(*pid.Config) {})
	for k, name := range []string{"ema_0.9_000003.pt", "ema_0.99_000003.pt", "model000003.pt"} {
		net, _, err := weights.LoadUNet(tensor.CPU(0), opened(t, filepath.Join(set, name), "").SafeTensors)
		if err != nil {
			t.Fatal(err)
		}
		want := j.Trainer.Params.Trained()
		for i, p := range net.Trained() {
			x := want[i].Get()
			if k < 2 {
				x = p.Publish(j.Trainer.Opt.EMA[k][i])
			}
			if !slices.Equal(p.Get(), x) {
				t.Errorf("%s: %s differs", name, p.Name)
			}
		}
	}
}

// TestReferenceMissing goes on from a model alone, and from what is damaged not at all.
func TestReferenceMissing(t *testing.T) {
	j, set := referenceRun(t, func(*pid.Config) {})
	load := func(path string, change func(*pid.Config)) (*pid.Job, []error, error) {
		again := pidtest.Job(t, tensor.CPU(0), func(c *pid.Config) {
			*c = j.Config
			change(c)
		})
		notes, err := runs.ResumeReference(again.Trainer, path)
		return again, notes, err
	}
	same := func(*pid.Config) {}
	if _, notes, err := load(set, func(c *pid.Config) { c.LR *= 2 }); err != nil || len(notes) != 1 || !strings.Contains(notes[0].Error(), "learning rate") {
		t.Errorf("another learning rate: %v, notes %q", err, notes)
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(set, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	model, err := os.ReadFile(filepath.Join(set, "model000003.pt"))
	if err != nil {
		t.Fatal(err)
	}
	write("ema_0.9_000003.pt", model[:len(model)/2])
	if _, _, err := load(set, same); err == nil || !strings.Contains(err.Error(), "ema_0.9_000003.pt") {
		t.Errorf("half an average: %v", err)
	}
	write("model0000012.pt", model)
	again, notes, err := load(set, same)
	if err != nil || len(notes) != 3 || again.Trainer.Step != 12 || again.Trainer.Opt.State().Steps != 0 {
		t.Fatalf("a model alone: step %d, %v, notes %q", again.Trainer.Step, err, notes)
	}
	for i, p := range again.Trainer.Params.Trained() {
		if want := j.Trainer.Params.Trained()[i].Get(); !slices.Equal(p.Get(), want) || !slices.Equal(p.Publish(again.Trainer.Opt.EMA[1][i]), want) {
			t.Errorf("%s differs", p.Name)
		}
	}
	write("opt000012.pt", model)
	if _, _, err := load(set, same); err == nil || !strings.Contains(err.Error(), "opt000012.pt: state.0.step") {
		t.Errorf("a model as the optimiser: %v", err)
	}
	if _, _, err := load(t.TempDir(), same); err == nil || !strings.Contains(err.Error(), "no checkpoint of the reference") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, _, err := load(filepath.Join(set, "model000003.pt"), same); err == nil || !strings.Contains(err.Error(), "ema_0.9_000003.pt") {
		t.Errorf("the earlier model, by name: %v", err)
	}
}
