package tensor

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// AtomicWrite writes the file path as a whole or not at all: what write produces goes to a temporary file beside it, which
// is flushed to the disk and only then takes path's name, so a reader and a crash see the old file or the new one.
// On an error, write's own included, the temporary file is removed, the old file is as it was, and the error names path. A
// symbolic link is followed; a path that is there and is no regular file is an error. The writer is buffered.
func AtomicWrite(path string, write func(io.Writer) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}()
	target := path
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() { // never rename over /dev/null
			return fmt.Errorf("not a regular file")
		}
		if target, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}

	f, err := createBeside(target)
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // an error or a panic of write
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), target); err != nil {
		return err
	}
	done = true
	return syncDir(filepath.Dir(target))
}

// createBeside makes a new hidden file in the folder of path, with the rights that umask leaves: os.CreateTemp's 0600 would
// stay on the file for good.
func createBeside(path string) (*os.File, error) {
	for try := 0; ; try++ {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%08x.tmp", filepath.Base(path), rand.Uint32()))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !os.IsExist(err) || try == 100 {
			return f, err
		}
	}
}
