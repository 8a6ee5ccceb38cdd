package runs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onestep/nn"
	"onestep/pid"
	"onestep/pid/pidtest"
	"onestep/pid/runs"
	"onestep/tensor"
)

// small is a run that saves every other step.
func small(c *pid.Config) { c.SaveEvery, c.Keep, c.Batch = 2, 3, 2 }

// begun is a run after so many steps, which it has given back.
func begun(t *testing.T, steps int, change func(*pid.Config)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	j := pidtest.Job(t, tensor.CPU(1), change)
	r, err := runs.Create(dir, j.Config, func(r *runs.Run) error { return r.Save(j) })
	if err != nil {
		t.Fatal(err)
	}
	further(t, r, j, steps)
	return dir
}

// further makes steps up to one, saves when it is due, and gives the folder back.
func further(t *testing.T, r *runs.Run, j *pid.Job, steps int) {
	t.Helper()
	for j.Trainer.Step < steps {
		m, err := j.Trainer.Update()
		if err == nil {
			err = r.Log(m)
		}
		if err == nil && j.Trainer.Step%j.Config.SaveEvery == 0 {
			err = r.Save(j)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// reopened continues a run.
func reopened(t *testing.T, dir string, change func(*pid.Config)) (*runs.Run, *pid.Job, error) {
	t.Helper()
	r, c, err := runs.Open(dir, true)
	if err != nil {
		return nil, nil, err
	}
	j := pidtest.Job(t, tensor.CPU(1), func(into *pid.Config) {
		*into = c
		if change != nil {
			change(into)
		}
	})
	if err := r.Read(j); err != nil {
		t.Fatal(err)
	}
	if err := r.Restore(j); err != nil {
		t.Fatal(err)
	}
	return r, j, nil
}

// all is the folder's files.
func all(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, pattern := range []string{"*", "checkpoints/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if b, err := os.ReadFile(path); err == nil {
				name, _ := filepath.Rel(dir, path)
				m[filepath.ToSlash(name)] = string(b)
			}
		}
	}
	return m
}

func equal(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s differs", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s should not be there", name)
		}
	}
}

func checkpoints(t *testing.T, dir string) (names []string) {
	t.Helper()
	for name := range all(t, filepath.Join(dir, runs.CheckpointFolder)) {
		names = append(names, strings.TrimSuffix(name, ".safetensors"))
	}
	slices.Sort(names)
	return names
}

// TestKeep: the last ones are there, and latest says which is the last.
func TestKeep(t *testing.T) {
	for keep, want := range map[int][]string{
		0: {"latest", "step-0000000", "step-0000002", "step-0000004", "step-0000006", "step-0000008"},
		1: {"latest", "step-0000008"},
		3: {"latest", "step-0000004", "step-0000006", "step-0000008"},
	} {
		dir := begun(t, 9, func(c *pid.Config) { small(c); c.Keep = keep })
		if got := checkpoints(t, dir); !slices.Equal(got, want) {
			t.Errorf("keep %d: %v, want %v", keep, got, want)
		}
		if latest := all(t, dir)["checkpoints/latest"]; latest != "step-0000008.safetensors\n" {
			t.Errorf("latest says %q", latest)
		}
	}
}

// TestKeepComplete: a run that was killed when only its last checkpoint was written has all of its files again.
func TestKeepComplete(t *testing.T) {
	dir := begun(t, 8, small)
	want := all(t, dir)
	for name, text := range map[string]string{
		"checkpoints/latest": "step-0000006.safetensors\n", runs.StudentFile: "x",
		"checkpoints/step-0000002.safetensors": all(t, begun(t, 2, small))["checkpoints/step-0000002.safetensors"],
	} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r, _, err := reopened(t, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	equal(t, all(t, dir), want)
}

// TestKeepInterrupted: the checkpoint of an interruption goes when the next one is due, and the folder is that of a run that was left alone. With
// other settings the run goes on from what it has.
func TestKeepInterrupted(t *testing.T) {
	dir := begun(t, 5, small)
	r, j, err := reopened(t, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := j.Trainer.Update()
	if err == nil {
		err = r.Log(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Save(j); err != nil { // an interruption
		t.Fatal(err)
	}
	r.Close()
	if got, want := checkpoints(t, dir), []string{"latest", "step-0000002", "step-0000004", "step-0000005"}; !slices.Equal(got, want) {
		t.Errorf("after an interruption: %v, want %v", got, want)
	}
	r, j, err = reopened(t, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	further(t, r, j, 8)
	equal(t, all(t, dir), all(t, begun(t, 8, small)))

	r, _, err = reopened(t, dir, func(c *pid.Config) { c.Steps = 200 })
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, c, err := runs.Open(dir, false); err != nil || c.Steps != 200 {
		t.Errorf("%d steps, error %v: the longer run is forgotten", c.Steps, err)
	}
}

// TestDamaged damages one thing at a time: the run goes on to the same bits from the newest checkpoint that is whole, and says what was wrong.
func TestDamaged(t *testing.T) {
	want := all(t, begun(t, 10, small))
	path := func(dir, name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	change := func(name string, f func(b []byte) []byte) func(dir string) error {
		return func(dir string) error {
			b, err := os.ReadFile(path(dir, name))
			if err != nil {
				return err
			}
			return os.WriteFile(path(dir, name), f(b), 0o666)
		}
	}
	flip := func(b []byte) []byte { b[len(b)/3] ^= 1; return b }
	cut := func(b []byte) []byte { return b[:len(b)/2] }
	torn := func(b []byte) []byte { clear(b[len(b)/2:]); return b }
	remove := func(name string) func(string) error {
		return func(dir string) error { return os.Remove(path(dir, name)) }
	}
	const last, before = "checkpoints/step-0000008.safetensors", "checkpoints/step-0000006.safetensors"
	for _, c := range []struct {
		what   string
		damage func(dir string) error
		step   int
		says   string
	}{
		{"nothing", func(string) error { return nil }, 8, ""},
		{"flipped", change(last, flip), 6, "step-0000008.safetensors: "},
		{"cut", change(last, cut), 6, "step-0000008.safetensors: "},
		{"torn", change(last, torn), 6, "step-0000008.safetensors: "},
		{"empty", change(last, func([]byte) []byte { return nil }), 6, "step-0000008.safetensors: "},
		{"gone", remove(last), 6, "latest: names step-0000008.safetensors, which is not there"},
		{"killed before it was the latest", change("checkpoints/latest", func(b []byte) []byte { return bytes.Replace(b, []byte("8"), []byte("6"), 1) }), 8, ""},
		{"older", change(before, flip), 8, ""},
		{"renamed", func(dir string) error {
			return os.Rename(path(dir, before), path(dir, "checkpoints/step-0000009.safetensors"))
		}, 8, "step-0000009.safetensors: is of step 6"},
		{"latest", change("checkpoints/latest", func([]byte) []byte { return []byte("st\x00p") }), 8, "is no name of a checkpoint"},
		{"no latest", remove("checkpoints/latest"), 8, "latest"},
		{"config", change("config.json", func(b []byte) []byte { return []byte(strings.Replace(string(b), "0.001", "0.003", 1)) }), 8, "config.json: has other settings"},
		{"config cut", change("config.json", cut), 8, "config.json: has other settings"},
		{"no config", remove("config.json"), 8, "config.json"},
		{"student", change(runs.StudentFile, torn), 8, ""},
		{"average", remove("ema_0.9.safetensors"), 8, ""},
		{"half a line", change(runs.MetricsFile, func(b []byte) []byte { return append(b, "{"...) }), 8, ""},
	} {
		if testing.Short() && c.what != "flipped" && c.what != "no config" && c.what != "student" {
			continue // a run's flushes take half a second on a busy disk
		}
		t.Run(c.what, func(t *testing.T) {
			dir := begun(t, 9, small)
			if err := c.damage(dir); err != nil {
				t.Fatal(err)
			}
			r, j, err := reopened(t, dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			if j.Trainer.Step != c.step {
				t.Errorf("continued from step %d, want %d", j.Trainer.Step, c.step)
			}
			if notes := noted(r); (notes == "") != (c.says == "") || !strings.Contains(notes, c.says) {
				t.Errorf("it says %q, want %q", notes, c.says)
			}
			further(t, r, j, 10)
			if got := all(t, dir); c.what != "older" && c.what != "gone" && c.what != "renamed" {
				equal(t, got, want)
			} else if got[runs.StudentFile] != want[runs.StudentFile] || got["checkpoints/step-0000010.safetensors"] != want["checkpoints/step-0000010.safetensors"] {
				t.Error("the bits differ")
			}
		})
	}
}

func noted(r *runs.Run) string {
	var b strings.Builder
	for _, n := range r.Notes {
		b.WriteString(n.Error() + "\n")
	}
	return b.String()
}

// TestDamagedLog: of the past only the log tells. What is lost of it is said once, and the run goes on.
func TestDamagedLog(t *testing.T) {
	for what, damage := range map[string]func(b []byte) []byte{
		"lost":    func(b []byte) []byte { return b[:len(b)/2] },
		"damaged": func(b []byte) []byte { b[5] ^= 4; return b },
	} {
		dir := begun(t, 9, small)
		path := filepath.Join(dir, runs.MetricsFile)
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, damage(b), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		for again := range 2 {
			r, j, err := reopened(t, dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			if notes := noted(r); (again == 0) != strings.Contains(notes, runs.MetricsFile) || again == 0 && !strings.Contains(notes, what) {
				t.Errorf("%s: time %d: it says %q", what, again, notes)
			}
			if j.Trainer.Step != 8 {
				t.Errorf("continued from step %d", j.Trainer.Step)
			}
			r.Close()
		}
		if b, err := os.ReadFile(path); err != nil || len(b) > 0 && b[len(b)-1] != '\n' {
			t.Errorf("%s: the log ends in the middle of a line: %v", what, err)
		}
	}
}

// TestCreateRun: what was left when a run was killed before its first checkpoint may be there; anything else may not, and stays.
func TestCreateRun(t *testing.T) {
	for _, c := range []struct {
		files string // of one byte, or with / of none; all but the log
		log   string
		ok    bool
	}{
		{"", "", true},
		{"config.json", "", true},
		{"config.json .student.safetensors.00ff.tmp checkpoints/.latest.12.tmp", "", true},
		{"config.json", "x", false},
		{"config.json checkpoints/step-0000000.safetensors", "", false},
		{"student.safetensors", "", false},
		{"notes.txt", "", false},
		{".hidden", "", false},
	} {
		dir := t.TempDir()
		os.Mkdir(filepath.Join(dir, runs.CheckpointFolder), 0o777)
		for _, name := range append(strings.Fields(c.files), runs.MetricsFile) {
			text := "x"
			if name == runs.MetricsFile {
				text = c.log
			}
			if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		before := all(t, dir)
		j := pidtest.Job(t, tensor.CPU(1), small)
		r, err := runs.Create(dir, j.Config, func(r *runs.Run) error { return r.Save(j) })
		if (err == nil) != c.ok {
			t.Errorf("%s, log %q: error %v", c.files, c.log, err)
		}
		if err != nil {
			equal(t, all(t, dir), before)
			continue
		}
		further(t, r, j, 2)
		equal(t, all(t, dir), all(t, begun(t, 2, small)))
		if hidden, _ := filepath.Glob(filepath.Join(dir, "*", ".*.tmp")); len(hidden) > 0 {
			t.Errorf("%v is left", hidden)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, runs.ConfigFile), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := runs.Create(dir, pid.DefaultJob, nil); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("somebody's config.json: %v", err)
	}
}

// TestOtherNetworks: a run is not continued with another teacher or perceptual network.
func TestOtherNetworks(t *testing.T) {
	perceptual := func(seed uint64) *nn.LPIPS {
		d := tensor.CPU(1)
		net, err := nn.NewClassifier(d, nn.SmallClassifier(1))
		if err != nil {
			t.Fatal(err)
		}
		net.Init(tensor.Random{Seed: seed})
		net.Freeze()
		return nn.NewUniformLPIPS(d, net, net.TapChannels())
	}
	make := func(teacher float32, judge uint64) *pid.Job {
		c := pid.DefaultJob
		c.Batch, c.EMA = 2, nil
		net := pidtest.Tiny(t, tensor.CPU(1), 0)
		net.ScaleOutput(teacher)
		j, err := pid.NewJob(c, net, perceptual(judge))
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	dir := filepath.Join(t.TempDir(), "run")
	first := make(1, 1)
	r, err := runs.Create(dir, first.Config, func(r *runs.Run) error { return r.Save(first) })
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	for says, j := range map[string]*pid.Job{"": make(1, 1), "another teacher": make(2, 1), "another perceptual network": make(1, 2)} {
		r, _, err := runs.Open(dir, true)
		if err != nil {
			t.Fatal(err)
		}
		if err = r.Read(j); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
		r.Close()
	}
}

// TestRefused: without a checkpoint there is nothing to continue, and the error names the files.
func TestRefused(t *testing.T) {
	dir := begun(t, 4, small)
	held, _, err := reopened(t, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := runs.Open(dir, true); err == nil || !strings.Contains(err.Error(), dir+": another process is making this run") {
		t.Errorf("a folder in use: %v", err)
	}
	if _, _, err := runs.Open(dir, false); err != nil {
		t.Errorf("reading a folder in use: %v", err)
	}
	held.Close()

	paths, err := filepath.Glob(filepath.Join(dir, runs.CheckpointFolder, "step-*"))
	if err != nil || len(paths) != 3 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		if err := os.Truncate(path, 1000); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = runs.Open(dir, true)
	for _, path := range paths {
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v does not name %s", err, path)
		}
		os.Remove(path)
	}
	if _, _, err = runs.Open(dir, true); err == nil || !strings.Contains(err.Error(), "has no checkpoint") {
		t.Errorf("without checkpoints: %v", err)
	}
	if _, _, err = runs.Open(t.TempDir(), true); err == nil || !strings.Contains(err.Error(), runs.ConfigFile) {
		t.Errorf("an empty folder: %v", err)
	}
}
