package cpu_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"onestep/kernels/kernelstest"
)

// The committed assembly is what its generator writes.
func TestGenVec(t *testing.T) {
	if !kernelstest.All() {
		t.Skip("building the generator takes seconds; ONESTEP_TESTS=all runs it")
	}
	dir := t.TempDir()
	run := func(args ...string) ([]byte, error) {
		cmd := exec.Command("go", args...)
		cmd.Dir = "genvec"
		return cmd.CombinedOutput()
	}
	if out, err := run("list", "-deps", "."); err != nil {
		t.Skipf("avo cannot be resolved: %s", out)
	}
	if out, err := run("run", ".", dir); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"zvec_amd64.s", "zvec_amd64.go", "zvec_width_amd64.go"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator writes (%v): go generate in kernels/cpu/genvec", name, err)
		}
	}
}
