package main

import (
	"bytes"
	"encoding/json"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onestep/pid"
	"onestep/pid/runs"
	"onestep/tensor"
)

// TestDefaultJob shortens the job of the README, and nothing else.
func TestDefaultJob(t *testing.T) {
	dir := t.TempDir()
	r := must(t, dir, "--steps", "4", "--batch", "8", "--eval-images", "20", "--grid-samples", "3", "--eval-every", "2", "--save-every", "2")
	for _, row := range []string{"teacher, Heun ", "teacher, one step ", "student before ", "student after, raw weights ",
		"student after, average ", "results are in " + filepath.Join("runs", "001")} {
		if !strings.Contains(r.stdout, row) {
			t.Errorf("the table has no row %q:\n%s", row, r.stdout)
		}
	}
	if !strings.Contains(r.stderr, "step 4/4  100%  loss ") || !strings.Contains(r.stderr, "steps/s") {
		t.Errorf("no progress:\n%s", r.stderr)
	}
	run := filepath.Join(dir, "runs", "001")
	got := files(t, run)
	want := []string{"checkpoints/latest", "checkpoints/step-0000000.safetensors", "checkpoints/step-0000002.safetensors",
		"checkpoints/step-0000004.safetensors", "config.json", "fd.png", "loss.png", "metrics.jsonl", "samples.png", "samples_000002.png", "student.safetensors"}
	for _, rate := range pid.DefaultJob.EMA {
		want = append(want, "ema_"+pid.FormatRate(rate)+".safetensors")
	}
	if names := sorted(got); !slices.Equal(names, slices.Sorted(slices.Values(want))) {
		t.Errorf("files %v, want %v", names, want)
	}
	if table := read(t, filepath.Join(run, "results.txt")); !strings.Contains(r.stdout, table) || len(table) == 0 {
		t.Errorf("results.txt is not the table:\n%s", table)
	}
	for _, name := range []string{"loss.png", "samples.png", "samples_000002.png"} {
		if _, err := png.Decode(strings.NewReader(got[name])); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var steps, distances []int
	for line := range bytes.Lines([]byte(got["metrics.jsonl"])) {
		var m struct {
			Step     int
			Loss, FD float64
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		if m.FD > 0 {
			distances = append(distances, m.Step)
		} else if m.Loss > 0 {
			steps = append(steps, m.Step)
		}
	}
	if !slices.Equal(steps, []int{1, 2, 3, 4}) || !slices.Equal(distances, []int{2, 4}) {
		t.Errorf("metrics of steps %v, distances at %v:\n%s", steps, distances, got["metrics.jsonl"])
	}

	// The next run has a number of its own, and repeats the bits from the configuration, whatever is looked at on the way.
	must(t, dir, "--config", filepath.Join(run, "config.json"), "--eval-every", "0", "--eval-images", "0", "--save-every", "0")
	again := files(t, filepath.Join(dir, "runs", "002"))
	for _, name := range want {
		if strings.HasPrefix(name, "ema") || name == runs.StudentFile || name == "samples.png" {
			if again[name] != got[name] {
				t.Errorf("%s differs in the second run", name)
			}
		}
	}

	// A run that is complete shows its table again.
	if r := must(t, dir, "--resume", "--eval-images", "10"); !strings.Contains(r.stdout, "student after") || !strings.Contains(r.stdout, "002") {
		t.Errorf("--resume of a complete run:\n%s", r.stdout)
	}
}

func sorted(m map[string]string) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TestThreads has the same final weights, logs and pictures for 1, 2 and 5 threads.
func TestThreads(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	for _, more := range []string{"", "--fp16"} {
		for _, n := range []string{"1", "2", "5"} {
			must(t, dir, append(tinyFlags("--out", "run"+more+n, "--threads", n, "--lr", "1e-3"), strings.Fields(more)...)...)
			if n != "1" {
				same(t, files(t, filepath.Join(dir, "run"+more+n)), files(t, filepath.Join(dir, "run"+more+"1")))
			}
		}
	}
	// The embedded networks are larger, so that work is in fact divided.
	for _, n := range []string{"1", "2", "5"} {
		must(t, dir, "--out", n, "--threads", n, "--steps", "2", "--batch", "8", "--eval-images", "0", "--grid-samples", "0")
		if n != "1" {
			same(t, files(t, filepath.Join(dir, n)), files(t, filepath.Join(dir, "1")))
		}
	}
}

// TestMicrobatch states what a microbatch changes: rounding.
func TestMicrobatch(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	var whole map[string][]float32
	for _, micro := range []string{"0", "3", "1"} {
		must(t, dir, tinyFlags("--out", "run"+micro, "--microbatch", micro, "--batch", "8", "--lr", "1e-3", "--warmup", "0", "--steps", "20")...)
		x := readWeights(t, filepath.Join(dir, "run"+micro, runs.StudentFile))
		if whole == nil {
			whole = x
			continue
		}
		var diff, size float64
		for name := range whole {
			for i, w := range whole[name] {
				diff += math.Pow(float64(x[name][i]-w), 2)
				size += float64(w) * float64(w)
			}
		}
		rel := math.Sqrt(diff / size)
		t.Logf("20 steps of 8 samples, %s at a time: weights differ by %.1e of their length", micro, rel)
		if rel > 1e-5 {
			t.Errorf("microbatch %s: weights differ by %g, more than rounding", micro, rel)
		}
	}
}

func readWeights(t *testing.T, path string) map[string][]float32 {
	t.Helper()
	f, err := tensor.OpenSafeTensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.CheckFinite(); err != nil {
		t.Fatal(err)
	}
	m := map[string][]float32{}
	for _, name := range f.Names() {
		e, _ := f.Entry(name)
		x, err := e.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		m[name] = slices.Clone(x)
	}
	return m
}

// TestOptions runs what the other tests leave at its default.
func TestOptions(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	for i, more := range []string{
		"--loss l1 --weighting karras --stratified=false", "--optimizer adam --clip 0.1 --init-scale 0.5", "--ema 0.9,0.99,0.5 --checkpoint-blocks",
		"--fp16 --microbatch 2", "--eval-images 0 --grid-samples 0 --eval-every 0", "-n 2 --batch 1 --seed 18446744073709551615", "--ema= --warmup 0",
	} {
		run := filepath.Join(dir, string(rune('a'+i)))
		must(t, dir, append(tinyFlags("--out", run), strings.Fields(more)...)...)
		_, err := os.Stat(filepath.Join(run, "ema_0.5.safetensors"))
		if got := err == nil; got != strings.Contains(more, "0.5 ") {
			t.Errorf("%s: %v", more, err)
		}
	}
	if plain, checkpointed := files(t, filepath.Join(dir, "e")), files(t, filepath.Join(dir, "c")); plain[runs.StudentFile] != checkpointed[runs.StudentFile] {
		t.Error("--checkpoint-blocks changes the weights")
	}
}
