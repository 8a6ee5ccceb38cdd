package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writable makes the folder of the output and tries to write there, before any image is drawn.
func writable(f *flags) error {
	dir := f.out
	if f.kind() != "" {
		dir = filepath.Dir(f.out)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	t, err := os.CreateTemp(dir, ".sample")
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return errors.Join(t.Close(), os.Remove(t.Name()))
}
