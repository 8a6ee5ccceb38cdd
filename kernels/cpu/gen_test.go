package cpu_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"onestep/kernels/kernelstest"
)

// The assembly that is checked in is what its generator writes.
func TestGenerated(t *testing.T) {
	if !kernelstest.All() {
		t.Skip("building the generator takes half a minute; ONESTEP_TESTS=all runs it")
	}
	list := exec.Command("go", "list", "-deps", ".")
	list.Dir = "gen"
	if out, err := list.CombinedOutput(); err != nil {
		t.Skipf("the generator's modules are not at hand: %v\n%s", err, out)
	}
	dir := t.TempDir()
	for _, sub := range []string{"cpu", "kernelstest"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.Command("go", "run", ".", "-dir", dir)
	run.Dir = "gen"
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("gen: %v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("gen wrote %d files, %v", len(files), err)
	}
	for _, f := range files {
		name, _ := filepath.Rel(dir, f)
		want, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is not what gen writes: run go generate in kernels/cpu/gen", name)
		}
	}
}
