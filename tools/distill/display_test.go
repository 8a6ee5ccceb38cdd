package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/png"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"onestep/pid"
	"onestep/pid/runs"
	"onestep/tools/internal/board"
	"onestep/tools/internal/tfevents"
)

// events lists "step tag value" of a run's event files in order, an image by its bytes. Speeds are left out.
func events(t *testing.T, run string) (list []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(run, "*tfevents*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("event files %v, %v", paths, err)
	}
	for _, path := range paths {
		all, err := tfevents.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			for _, v := range e.Values {
				switch {
				case v.Image != nil:
					list = append(list, fmt.Sprintf("%d %s %x", e.Step, v.Tag, v.Image.PNG))
				case !strings.HasPrefix(v.Tag, "speed/"):
					list = append(list, fmt.Sprint(e.Step, " ", v.Tag, " ", v.Scalar))
				}
			}
		}
	}
	return list
}

// logged is what event files should have of a run's log.
func logged(t *testing.T, run string) (list []string) {
	t.Helper()
	add := func(step int, tag string, x float64) {
		list = append(list, fmt.Sprint(step, " ", tag, " ", float32(x)))
	}
	for line := range strings.Lines(read(t, filepath.Join(run, runs.MetricsFile))) {
		var m pid.Metrics
		var e struct {
			FD     *float64
			Images float64 `json:"fd_images"`
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		json.Unmarshal([]byte(line), &e)
		if e.FD != nil {
			add(m.Step, "eval/fd", *e.FD)
			add(m.Step, "eval/fd_images", e.Images)
			continue
		}
		if !m.Skipped {
			add(m.Step, "train/loss", m.Loss)
			for q, l := range m.Quartiles {
				if l != 0 { // some of the samples had such levels
					add(m.Step, fmt.Sprintf("train/loss_q%d", q), l)
				}
			}
			add(m.Step, "train/grad_norm", m.GradNorm)
			add(m.Step, "train/param_norm", m.ParamNorm)
		}
		add(m.Step, "train/lr", m.LR)
		if m.LossScale != 0 {
			add(m.Step, "train/lg_loss_scale", m.LossScale)
		}
	}
	return list
}

// TestDisplay has a run's event files, speeds and page say what its log and its pictures do.
func TestDisplay(t *testing.T) {
	dir := t.TempDir()
	must(t, dir, "--out", "run", "--steps", "4", "--batch", "8", "--eval-images", "20", "--grid-samples", "3", "--eval-every", "2", "--fp16", "--ema", "0.5")
	run := filepath.Join(dir, "run")
	want := logged(t, run)
	for step, name := range map[int]string{2: "samples_000002.png", 4: "samples.png"} {
		want = append(want, fmt.Sprintf("%d samples %x", step, read(t, filepath.Join(run, name))))
	}
	got := events(t, run)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("events %.200q,\nwant %.200q", got, want)
	}
	speeds, err := board.ReadSpeed(filepath.Join(run, board.SpeedFile))
	if err != nil || len(speeds) != 1 || speeds[0].Step != 4 || speeds[0].Rate <= 0 || speeds[0].Seconds <= 0 || speeds[0].Peak < 1<<20 {
		t.Errorf("speeds %+v, %v", speeds, err)
	}

	page := read(t, filepath.Join(run, "report.html"))
	for _, s := range []string{"<!DOCTYPE html>", "4 of 4 steps", "Fréchet distance", "student after", "--eval-images", "SHA-256", "cpu/", "Loss scale", "seed 0",
		`<tr class="changed"><th>--batch</th><td class="value">8</td>`, `<tr><th>--lr</th><td class="value">0.001</td>`} {
		if !strings.Contains(page, s) {
			t.Errorf("the page has no %q", s)
		}
	}
	if link := regexp.MustCompile(`(src|href)="[^d][^"]*"|url\(|<script|https?:`).FindString(page); link != "" {
		t.Errorf("the page needs something else: %s", link)
	}
	var shown []string
	for _, m := range regexp.MustCompile(`src="data:image/png;base64,([^"]*)"`).FindAllStringSubmatch(page, -1) {
		b, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(m[1], "&#43;", "+"))
		if err == nil {
			_, err = png.Decode(bytes.NewReader(b))
		}
		if err != nil {
			t.Error(err)
		}
		shown = append(shown, string(b))
	}
	for _, name := range []string{"loss.png", "fd.png", "samples.png", "samples_000002.png"} {
		if !slices.Contains(shown, read(t, filepath.Join(run, name))) {
			t.Errorf("the page does not show %s", name)
		}
	}
	if len(shown) != 7 { // and quartiles, gradient, loss scale
		t.Errorf("%d pictures on the page", len(shown))
	}
}

// TestDisplayResumed kills and interrupts a run: in the end its events are, in order and once each, those of one that was left alone.
func TestDisplayResumed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals to send")
	}
	dir := t.TempDir()
	tinyTeacher(t, dir)
	args := tinyFlags("--steps", "60", "--save-every", "7", "--eval-every", "15")
	whole, run := filepath.Join(dir, "whole"), filepath.Join(dir, "run")
	must(t, dir, append(args, "--out", whole)...)
	signalled(t, dir, run, syscall.SIGKILL, 5+rand.IntN(20), append(args, "--out", run))
	signalled(t, dir, run, syscall.SIGINT, 35+rand.IntN(15), []string{"--resume", "--out", run})
	must(t, dir, "--resume", "--out", run)
	if got, want := events(t, run), events(t, whole); !slices.Equal(got, want) {
		t.Errorf("events %.300q,\nof a run left alone %.300q", got, want)
	}
	speeds, err := board.ReadSpeed(filepath.Join(run, board.SpeedFile))
	if err != nil || len(speeds) == 0 || speeds[len(speeds)-1].Step != 60 || !slices.IsSortedFunc(speeds, func(a, b board.Speed) int { return a.Step - b.Step }) {
		t.Errorf("speeds %+v, %v", speeds, err)
	}

	// Shown once more, a complete run has them still.
	must(t, dir, "--resume", "--out", run)
	if got, want := events(t, run), events(t, whole); !slices.Equal(got, want) {
		t.Errorf("shown again, events %.300q,\nof a run left alone %.300q", got, want)
	}
}
