package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"onestep/kernels/kernelstest"
)

// TestRefused asks for a step that no machine can make.
func TestRefused(t *testing.T) {
	if !kernelstest.All() {
		t.Skip("advice for a batch of a million takes half a minute; ONESTEP_TESTS=all runs it")
	}
	if _, err := os.Stat("/proc/meminfo"); err != nil {
		t.Skip("this system does not say how much memory it has")
	}
	dir := t.TempDir()
	tinyTeacher(t, dir)
	r := call(t, dir, tinyFlags("--batch", "1048576", "--device", "cpu", "--out", "run")...)
	if r.code != 1 || !strings.Contains(r.stderr, "this run does not fit: ") || strings.Count(r.stderr, "\n") != 1 {
		t.Fatalf("status %d:\n%s", r.code, r.stderr)
	}
	advice := regexp.MustCompile(`it would with --microbatch \d+`)
	if !advice.MatchString(r.stderr) {
		t.Errorf("no advice: %s", r.stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "run")); err == nil {
		t.Error("a folder was made for it")
	}
}

// TestPlanned sees what will be taken in the first lines of a run.
func TestPlanned(t *testing.T) {
	r := must(t, t.TempDir(), "--steps", "1", "--batch", "2", "--device", "cpu", "--eval-images", "0", "--grid-samples", "0", "--out", "run")
	lines := strings.SplitN(r.stderr, "\n", 5)
	if len(lines) < 5 {
		t.Fatal(r.stderr)
	}
	for i, want := range []string{`^plan: 0\.601 GFLOP a step \(teacher`, `^plan: [\d.]+ MiB of memory: weights .*`, `^plan: a step is predicted to take .* here and at least .* on 8 A100s`} {
		if !regexp.MustCompile(want).MatchString(lines[i+1]) {
			t.Errorf("%q does not match %s", lines[i+1], want)
		}
	}
}
