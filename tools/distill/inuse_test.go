package main

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"onestep/tools/internal/cli"
)

// TestInUse: a run that is being made is not continued or begun by a second process, which leaves it alone; when the first is killed it is free.
func TestInUse(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	args := tinyFlags("--out", "run", "--steps", "100000", "--save-every", "5", "--eval-every", "0")
	c := exec.Command(binary, args...)
	c.Dir = dir
	end := startUntil(t, c, filepath.Join(dir, "run"), 6)
	defer c.Process.Kill()
	call(t, dir, "--resume", "--out", "run").fails(t, cli.ExitFailed, "--resume: run: another process is making this run")
	call(t, dir, args...).fails(t, cli.ExitFailed, "run is not empty")
	c.Process.Kill()
	if end(); c.ProcessState.Exited() && runtime.GOOS != "windows" { // there a killed process has a status, too
		t.Errorf("the first process has ended by itself: %v", c.ProcessState)
	}
	call(t, dir, "--resume", "--out", "run", "--steps", "1").fails(t, cli.ExitFailed, "--steps 1: the run has made ")
}
