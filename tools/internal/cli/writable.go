package cli

import (
	"errors"
	"fmt"
	"os"
)

// Writable makes the folder of what a flag names, and tries to write there, so that a command finds out before it computes anything.
func Writable(flag, dir string) error {
	err := os.MkdirAll(dir, 0o777)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(dir, ".writable"); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}
