package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestGenerated fails if a committed PTX file is not what its generator makes, or has no generator.
func TestGenerated(t *testing.T) {
	for name, make := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Error(err)
		} else if string(got) != make().Text() {
			t.Errorf("%s is stale: run go generate ./kernels/cuda", name)
		}
	}
	committed, err := filepath.Glob("../*.ptx")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range committed {
		if files[filepath.Base(path)] == nil {
			t.Errorf("%s has no generator", filepath.Base(path))
		}
	}
}
