package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"onestep/tools/internal/cli"
)

// TestResume ends runs at random steps, rudely and politely: continued, they have every byte of a run that was left alone.
func TestResume(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals to send")
	}
	dir := t.TempDir()
	tinyTeacher(t, dir)
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		code   int
		more   string
	}{
		{"killed", syscall.SIGKILL, -1, "--lr 1e-3"},
		{"killed-fp16", syscall.SIGKILL, -1, "--lr 1e-3 --fp16"},
		{"interrupted", syscall.SIGINT, cli.ExitInterrupted, "--lr 1e-3"},
		{"terminated", syscall.SIGTERM, cli.ExitInterrupted, "--lr 1e-3 --optimizer adam"},
	} {
		if testing.Short() && (c.name == "killed" || c.name == "terminated") {
			continue // the others say as much
		}
		t.Run(c.name, func(t *testing.T) {
			args := append(tinyFlags("--steps", "80", "--save-every", "9", "--eval-every", "15"), strings.Fields(c.more)...)
			whole, run := filepath.Join(dir, c.name+"-whole"), filepath.Join(dir, c.name)
			must(t, dir, append(args, "--out", whole)...)
			at := 5 + rand.IntN(60)
			r := signalled(t, dir, run, c.signal, at, append(args, "--out", run))
			t.Logf("signal at step %d", at)
			if r.code != c.code {
				t.Fatalf("status %d, want %d:\n%s", r.code, c.code, r.stderr)
			}
			if c.code == cli.ExitInterrupted {
				r.fails(t, c.code, "interrupted after ", "--resume --out "+run)
			}
			if c.signal == syscall.SIGKILL { // in the middle of a line
				f, err := os.OpenFile(filepath.Join(run, "metrics.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				f.WriteString(`{"step":`)
				f.Close()
			}
			must(t, dir, "--resume", "--out", run, "--threads", "1")
			same(t, files(t, run), files(t, whole))
		})
	}
}

// TestResumeEvaluation interrupts the evaluation of a step, which the continued run then makes.
func TestResumeEvaluation(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals to send")
	}
	dir := t.TempDir()
	args := strings.Fields("--steps 3 --batch 4 --eval-every 2 --eval-images 20 --grid-samples 48")
	whole, run := filepath.Join(dir, "whole"), filepath.Join(dir, "run")
	must(t, dir, append(args, "--out", whole)...)
	var r result
	for range 5 { // where this process has to wait, the signal may come too late
		os.RemoveAll(run)
		if r = signalled(t, dir, run, syscall.SIGINT, 2, append(args, "--out", run)); strings.Contains(r.stderr, "interrupted after 2 of 3 steps") {
			break
		}
	}
	r.fails(t, cli.ExitInterrupted, "interrupted after 2 of 3 steps")
	if log := read(t, filepath.Join(run, "metrics.jsonl")); strings.Contains(log, "fd") {
		t.Logf("the signal came too late for the evaluation:\n%s", log)
	}
	must(t, dir, "--resume", "--out", run)
	same(t, files(t, run), files(t, whole))

	// An interrupted table leaves a complete student.
	r = signalled(t, dir, filepath.Join(dir, "late"), syscall.SIGINT, 4, append(args, "--out", filepath.Join(dir, "late"), "--eval-images", "1000"))
	r.fails(t, cli.ExitInterrupted, "the student is complete")
}

// signalled starts a run and sends it a signal when its log has so many lines. Where other processes keep this one waiting, a short run can be over
// before; then it begins once more, from where it began.
func signalled(t *testing.T, dir, run string, s syscall.Signal, lines int, args []string) result {
	t.Helper()
	again := restorer(t, run)
	for range 5 {
		c := exec.Command(binary, args...)
		c.Dir = dir
		if r := caught(t, c, run, lines, func() { c.Process.Signal(s) }); r.code != 0 {
			return r
		}
		again()
	}
	t.Fatal("five runs have ended before a signal came")
	return result{}
}

// caught starts a run, does something to it when its log has so many lines, and tells how it ended.
func caught(t *testing.T, c *exec.Cmd, run string, lines int, how func()) result {
	t.Helper()
	var out, messages bytes.Buffer
	c.Stdout, c.Stderr = &out, &messages
	end := startUntil(t, c, run, lines)
	how()
	r := finish(t, c, end)
	r.stdout, r.stderr = out.String(), messages.String()
	return r
}

// restorer gives a function that makes of a run's folder what it is now.
func restorer(t *testing.T, run string) func() {
	t.Helper()
	saved := filepath.Join(t.TempDir(), "saved")
	_, err := os.Stat(run)
	there := err == nil
	copied := func(to, from string) {
		if err := os.CopyFS(to, os.DirFS(from)); there && err != nil {
			t.Fatal(err)
		}
	}
	copied(saved, run)
	return func() {
		if err := os.RemoveAll(run); err != nil {
			t.Fatal(err)
		}
		copied(run, saved)
	}
}

func TestResumeSettings(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	must(t, dir, tinyFlags("--out", "run", "--lr", "1e-3")...)
	before := files(t, filepath.Join(dir, "run"))

	call(t, dir, "--resume", "--out", "run", "--warmup", "2").fails(t, cli.ExitFailed, "--warmup 2", `the run has "50"`)
	call(t, dir, "--resume", "--out", "run", "--steps", "5").fails(t, cli.ExitFailed, "the run has made 6")
	call(t, dir, "--resume", "--out", "nothing").fails(t, cli.ExitFailed, "no run to continue", "nothing")
	call(t, dir, "--resume").fails(t, cli.ExitFailed, "no run in runs")
	other := tiny(t, tinyConfig())
	other.ScaleOutput(2)
	saveTeacher(t, filepath.Join(dir, "other.safetensors"), other)
	call(t, dir, "--resume", "--out", "run", "--teacher", "other.safetensors").fails(t, cli.ExitFailed, "another teacher")
	same(t, files(t, filepath.Join(dir, "run")), before)

	// A teacher that has moved is found, settings that agree are accepted, and a run can be made longer.
	if err := os.Rename(filepath.Join(dir, "teacher.safetensors"), filepath.Join(dir, "moved.safetensors")); err != nil {
		t.Fatal(err)
	}
	call(t, dir, "--resume", "--out", "run").fails(t, cli.ExitFailed, "--teacher", "teacher.safetensors")
	must(t, dir, "--resume", "--out", "run", "--teacher", "moved.safetensors", "--lr", "0.001", "--steps", "9")
	after := files(t, filepath.Join(dir, "run"))
	if n := strings.Count(after["metrics.jsonl"], "\n"); n != 9 {
		t.Errorf("%d steps in the log of a run of 9", n)
	}
	if !strings.Contains(after["config.json"], `"steps": 9`) || !strings.Contains(after["config.json"], "moved.safetensors") {
		t.Errorf("configuration of the longer run:\n%s", after["config.json"])
	}
}
