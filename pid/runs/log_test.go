package runs_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onestep/pid"
	"onestep/pid/pidtest"
	"onestep/pid/runs"
	"onestep/tensor"
)

// TestReadLog tells steps from evaluations, keeps their order, and leaves out what is neither.
func TestReadLog(t *testing.T) {
	dir := t.TempDir()
	if _, err := runs.ReadLog(dir); err == nil {
		t.Error("a log that is not there was read")
	}
	text := `{"step":1,"loss":0.5,"lr":0.1}
{"step":2,"loss":0.25,"lr":0.1,"skipped":true}
no json
{"step":2,"fid":7.5,"name":"ema","kid":0.5}
{"step":0,"fid":1}
{"fid":1}
["step"]
{"step":3,"loss":0.125,"lr":0.1}
{"step":4,"fid":`
	if err := os.WriteFile(filepath.Join(dir, runs.MetricsFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := runs.ReadLog(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Steps) != 3 || l.Steps[0].Loss != 0.5 || !l.Steps[1].Skipped || l.Steps[2].Step != 3 {
		t.Errorf("steps %+v", l.Steps)
	}
	if len(l.Evaluations) != 1 || l.Evaluations[0].Step != 2 || !maps.Equal(l.Evaluations[0].Numbers, map[string]float64{"fid": 7.5, "kid": 0.5}) {
		t.Errorf("evaluations %+v", l.Evaluations)
	}
	if e, err := runs.ReadEvaluation([]byte("{")); err == nil {
		t.Errorf("%+v", e)
	}
}

// TestNumberedRuns names the folders of runs that are given none.
func TestNumberedRuns(t *testing.T) {
	dir := t.TempDir()
	if last, err := runs.Last(dir); err == nil || err.Error() != "there is no run in "+dir {
		t.Errorf("%s, %v", last, err)
	}
	for _, name := range []string{"001", "002", "004"} {
		if name != "004" && filepath.Base(runs.Next(dir)) != name {
			t.Errorf("next is %s, want %s", runs.Next(dir), name)
		}
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if next := runs.Next(dir); next != filepath.Join(dir, "003") {
		t.Errorf("next is %s", next)
	}
	if last, err := runs.Last(dir); err != nil || last != filepath.Join(dir, "002") {
		t.Errorf("last is %s, %v", last, err)
	}
}

// TestRunFolder: what a run leaves, what Watch is told, and what is refused where there is no run, or one that another has open.
func TestRunFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	j := pidtest.Job(t, tensor.CPU(1), small)
	r, err := runs.Create(dir, j.Config, func(r *runs.Run) error { return r.Save(j) })
	if err != nil {
		t.Fatal(err)
	}
	var told []any
	r.Watch = func(logged any) error { told = append(told, logged); return nil }
	if err := r.Log(map[string]int{"step": 5}); err != nil || len(told) != 1 {
		t.Errorf("told %v, %v", told, err)
	}
	if err := r.Log(func() {}); err == nil || !strings.HasPrefix(err.Error(), filepath.Join(dir, runs.MetricsFile)+": ") || len(told) != 1 {
		t.Errorf("a line that is no JSON: %v, told %v", err, told)
	}
	if _, _, err := runs.Open(dir, true); err == nil || err.Error() != dir+": another process is making this run" {
		t.Errorf("a run that is open: %v", err)
	}
	var names []string
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if err != nil || !slices.Equal(names, []string{runs.CheckpointFolder, runs.ConfigFile, "ema_0.9.safetensors", runs.MetricsFile, runs.StudentFile}) {
		t.Errorf("the folder has %v, %v", names, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{runs.MetricsFile: "{\"step\":5}\n", runs.ConfigFile: j.Config.JSON()} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s has %q, %v", name, b, err)
		}
	}
	r, c, err := runs.Open(dir, false)
	if err != nil || c.JSON() != j.Config.JSON() || filepath.Base(r.Checkpoint) != "step-0000000.safetensors" || len(r.Notes) != 0 {
		t.Fatalf("%v, notes %v", err, r.Notes)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, runs.ConfigFile), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _, err = runs.Open(dir, true)
	if err != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0].Error(), "has other settings than") {
		t.Fatalf("%v, notes %v", err, r.Notes)
	}
	r.Close()
	if err := os.Remove(filepath.Join(dir, runs.ConfigFile)); err != nil {
		t.Fatal(err)
	}
	r, c, err = runs.Open(dir, true)
	if err != nil || len(r.Notes) != 1 || c.JSON() != j.Config.JSON() {
		t.Fatalf("%v, notes %v", err, r.Notes)
	}
	r.Close()
	if _, _, err := runs.Open(t.TempDir(), true); err == nil || !strings.HasPrefix(err.Error(), "no run to continue: ") {
		t.Error(err)
	}
	if _, err := runs.Create(dir, pid.DefaultJob, nil); err == nil || err.Error() != dir+" is not empty: --resume continues the run in it, another --out begins one" {
		t.Error(err)
	}
}
