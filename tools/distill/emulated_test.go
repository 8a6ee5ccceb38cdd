//go:build linux

package main

import (
	"math"
	"path/filepath"
	"testing"

	"onestep/kernels/kernelstest"
)

// TestEmulated makes a run on the GPU's kernels, interpreted: the first step as it comes, the second recorded and replayed, the third replayed. Its
// losses are the CPU's up to the rounding of float32 sums, which a few updates carry along: by 2e-4, as the golden training traces allow any two
// float32 implementations.
func TestEmulated(t *testing.T) {
	if !kernelstest.All() {
		t.Skip("three steps on the interpreter take half a minute; ONESTEP_TESTS=all runs it")
	}
	dir := t.TempDir()
	tinyTeacher(t, dir)
	for _, device := range []string{"cpu", "emulated"} {
		must(t, dir, tinyFlags("--out", device, "--device", device, "--steps", "3", "--batch", "1", "--eval-images", "0", "--grid-samples", "0", "--eval-every", "0")...)
	}
	want, got := metrics(t, filepath.Join(dir, "cpu")), metrics(t, filepath.Join(dir, "emulated"))
	if len(got) != 3 || len(want) != 3 {
		t.Fatalf("%d and %d steps", len(got), len(want))
	}
	for i, w := range want {
		if d := math.Abs(got[i].Loss-w.Loss) / w.Loss; !(d <= 2e-4) {
			t.Errorf("step %d: loss %v, on the CPU %v: they differ by %.2g of it", i+1, got[i].Loss, w.Loss, d)
		}
	}
}
