package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"onestep/kernels/kernelstest"
	"onestep/nn"
	"onestep/tensor"
	"onestep/tensor/format"
)

// TestMemory compares what the plan says before a run with the largest resident set of the process: one that loads, trains, draws, judges by the
// Inception network and saves.
func TestMemory(t *testing.T) {
	if !kernelstest.All() {
		t.Skip("FIDs of full rank take a minute; ONESTEP_TESTS=all runs it")
	}
	weights := inception(t, nn.InceptionPyTorch)
	dir := t.TempDir()
	tinyTeacher(t, dir)
	sigma := make([]float64, nn.InceptionFeature*nn.InceptionFeature) // of full rank, as that of enough images is
	for i := 0; i < len(sigma); i += nn.InceptionFeature + 1 {
		sigma[i] = 1
	}
	statistics := []tensor.Named{tensor.F64Tensor("mu", sigma[:nn.InceptionFeature], nn.InceptionFeature), tensor.F64Tensor("sigma", sigma, nn.InceptionFeature, nn.InceptionFeature)}
	if err := format.WriteNPZ(filepath.Join(dir, "ref.npz"), statistics); err != nil {
		t.Fatal(err)
	}
	args := tinyFlags("--steps", "2", "--ema", "0.5", "--fid-images", "5", "--inception", weights, "--ref", "ref.npz", "--out", "run")
	c := exec.Command(binary, args...)
	c.Dir = dir
	r := finish(t, c, c.Run)
	if r.code != 0 {
		t.Fatal(r.stderr)
	}
	var predicted float64
	var unit string
	for line := range strings.Lines(r.stderr) {
		if _, after, ok := strings.Cut(line, "plan: "); ok && strings.Contains(after, " of memory") {
			fmt.Sscan(after, &predicted, &unit)
		}
	}
	predicted *= map[string]float64{"MiB": 1 << 20, "GiB": 1 << 30}[unit]
	real := float64(c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) * 1024
	t.Logf("%.4g bytes predicted, %.4g really", predicted, real)
	if ratio := predicted / real; !(ratio > 0.9 && ratio < 1.1) {
		t.Errorf("%.4g bytes are predicted, %.4g there really were: a ratio of %.3f", predicted, real, ratio)
	}
}
