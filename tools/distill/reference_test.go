package main

import (
	"path/filepath"
	"testing"

	"onestep/kernels"
	"onestep/pid/runs"
	"onestep/tensor"
)

// TestResumeReference writes a run as the files of the reference repository and begins a run at them: the student is that of the run that went on.
func TestResumeReference(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	at := func(name ...string) string { return filepath.Join(append([]string{dir}, name...)...) }
	args := append(tinyFlags(), "--eval-every", "0", "--anneal-from", "1", "--ema", "0.9,0.99")
	must(t, dir, append(args, "--steps", "7", "--out", "first")...)
	run, c, err := runs.Open(at("first"), false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = run.WriteReference(tensor.On(kernels.NewDryCPU(1)), c, at("set"), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	must(t, dir, "--resume", "--steps", "12", "--out", "first")
	must(t, dir, append(args, "--steps", "12", "--out", "second", "--resume-reference", "set")...)
	for _, name := range []string{"student.safetensors", "ema_0.9.safetensors", "ema_0.99.safetensors"} {
		if read(t, at("first", name)) != read(t, at("second", name)) {
			t.Errorf("%s differs", name)
		}
	}
	must(t, dir, "--resume", "--steps", "15", "--out", "second")

	call(t, dir, append(args, "--steps", "3", "--out", "third", "--resume-reference", "set")...).fails(t, 1, "--steps 3: the run has made 7")
	call(t, dir, append(args, "--out", "third", "--resume-reference", "nowhere")...).fails(t, 1, "--resume-reference: ", "nowhere")
	call(t, dir, "--resume", "--out", "first", "--resume-reference", "set").fails(t, 2, "--resume-reference: begins a run")
}
