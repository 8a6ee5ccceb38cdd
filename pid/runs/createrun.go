package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"onestep/pid"
	"os"
	"path/filepath"
	"strings"
)

// Create makes a folder for a run and writes its configuration and whatever save does, its first checkpoint: if that fails, what was
// made is removed. A folder that holds anything is refused, unless it is what Create left when it was killed.
func Create(dir string, c pid.Config, save func(*Run) error) (*Run, error) {
	_, err := os.Stat(dir)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	r := &Run{Dir: dir}
	if err := r.checkEmpty(); err != nil { // before the folder is touched
		return nil, err
	}
	if err := r.take(); err != nil {
		return nil, err
	}
	if err := r.checkEmpty(); err != nil { // another process was faster, and is done
		r.Close()
		return nil, err
	}
	if err = os.MkdirAll(filepath.Join(dir, CheckpointFolder), 0o777); err == nil {
		if err = r.WriteConfig(c); err == nil {
			if err = save(r); err == nil {
				err = r.sweep()
			}
		}
	}
	if err != nil {
		r.remove(c, fresh)
		return nil, err
	}
	return r, nil
}

// checkEmpty is an error if the folder holds more than a run that was killed before its first checkpoint.
func (r *Run) checkEmpty() error {
	entries, err := os.ReadDir(r.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path, empty := filepath.Join(r.Dir, e.Name()), false
		switch e.Name() {
		case MetricsFile:
			info, err := e.Info()
			empty = err == nil && info.Size() == 0
		case ConfigFile:
			_, err := os.Stat(filepath.Join(r.Dir, MetricsFile)) // it was there before
			empty = err == nil
		case CheckpointFolder:
			inside, err := os.ReadDir(path)
			empty = err == nil
			for _, e := range inside {
				empty = empty && temporary(e.Name())
			}
		default:
			empty = temporary(e.Name())
		}
		if !empty {
			return fmt.Errorf("%s is not empty: --resume continues the run in it, another --out begins one", r.Dir)
		}
	}
	return nil
}

// temporary says whether a file is one that tensor.AtomicWrite writes before it takes its name.
func temporary(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".tmp")
}

// sweep removes the files whose writing was cut off.
func (r *Run) sweep() error {
	for _, dir := range []string{r.Dir, filepath.Join(r.Dir, CheckpointFolder)} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if temporary(e.Name()) {
				if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// take opens the log and makes the folder this process's.
func (r *Run) take() error {
	log, err := openJournal(filepath.Join(r.Dir, MetricsFile))
	if err != nil {
		return err
	}
	switch ok, err := lock(log.file); {
	case err != nil:
		log.file.Close()
		return fmt.Errorf("%s: %w", log.path, err)
	case !ok:
		log.file.Close()
		return fmt.Errorf("%s: another process is making this run", r.Dir)
	}
	r.log = log
	return nil
}

// remove undoes Create.
func (r *Run) remove(c pid.Config, folder bool) {
	r.Close()
	for _, name := range append([]string{ConfigFile, MetricsFile, StudentFile}, emaFiles(c)...) {
		os.Remove(filepath.Join(r.Dir, name))
	}
	os.RemoveAll(filepath.Join(r.Dir, CheckpointFolder))
	if folder {
		os.Remove(r.Dir)
	}
}
