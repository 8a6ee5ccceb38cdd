package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"onestep/tools/internal/cli"
)

// TestInUse: a run that is being made is not continued or begun by a second process, which leaves it alone; when the first is killed it is free.
func TestInUse(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	args := tinyFlags("--out", "run", "--steps", "100000", "--save-every", "5", "--eval-every", "0")
	c := exec.Command(binary, args...)
	c.Dir = dir
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if log, _ := os.ReadFile(filepath.Join(dir, "run", "metrics.jsonl")); bytes.Count(log, []byte("\n")) > 5 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no steps after half a minute")
		}
	}
	call(t, dir, "--resume", "--out", "run").fails(t, cli.ExitFailed, "--resume: run: another process is making this run")
	call(t, dir, args...).fails(t, cli.ExitFailed, "run is not empty")
	c.Process.Kill()
	if c.Wait(); c.ProcessState.Exited() && runtime.GOOS != "windows" { // there a killed process has a status, too
		t.Errorf("the first process has ended by itself: %v", c.ProcessState)
	}
	call(t, dir, "--resume", "--out", "run", "--steps", "1").fails(t, cli.ExitFailed, "--steps 1: the run has made ")
}
