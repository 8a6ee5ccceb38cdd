package pid

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"onestep/tensor"
)

// Files of a run folder, besides the averages' ema_RATE.safetensors.
const (
	ConfigFile     = "config.json"
	CheckpointFile = "checkpoint.safetensors"
	MetricsFile    = "metrics.jsonl"
	StudentFile    = "student.safetensors"
)

// Metadata of a run's checkpoint, besides the trainer's.
const (
	metaSeed      = "seed"
	metaTeacher   = "teacher_sha256"
	metaEvaluated = "evaluated" // Run.Evaluated
	metaLog       = "log_bytes" // how long the log was: what comes after is of steps that a continued run makes again
)

// Run is the folder of a run: its configuration, log, checkpoint and weights. Files but the log are replaced whole or not at all.
type Run struct {
	Dir       string
	Evaluated int // the step whose evaluation is the last in the log; for a continued run to know
	log       *os.File
}

func numbered(parent string, i int) string { return filepath.Join(parent, fmt.Sprintf("%03d", i)) }

// NextRun is the first of the folders 001, 002, … below parent that is not there, LastRun the one before.
func NextRun(parent string) string {
	for i := 1; ; i++ {
		if _, err := os.Stat(numbered(parent, i)); errors.Is(err, fs.ErrNotExist) {
			return numbered(parent, i)
		}
	}
}

// LastRun is described with [NextRun].
func LastRun(parent string) (string, error) {
	next := NextRun(parent)
	if next == numbered(parent, 1) {
		return "", fmt.Errorf("there is no run in %s", parent)
	}
	i, err := strconv.Atoi(filepath.Base(next))
	return numbered(parent, i-1), err
}

// CreateRun makes a folder for a run and writes its configuration and whatever save does, its first checkpoint: if that fails, what was
// made is removed. A folder that holds anything is refused.
func CreateRun(dir string, c Config, save func(*Run) error) (*Run, error) {
	_, err := os.Stat(dir)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	switch entries, err := os.ReadDir(dir); {
	case err != nil:
		return nil, err
	case len(entries) > 0:
		return nil, fmt.Errorf("%s is not empty: --resume continues the run in it, another --out begins one", dir)
	}
	r := &Run{Dir: dir}
	if err = r.WriteConfig(c); err == nil {
		if err = r.openLog(); err == nil {
			err = save(r)
		}
	}
	if err != nil {
		r.remove(c, fresh)
		return nil, err
	}
	return r, nil
}

// remove undoes CreateRun.
func (r *Run) remove(c Config, folder bool) {
	r.Close()
	for _, name := range append([]string{ConfigFile, MetricsFile, CheckpointFile, StudentFile}, emaFiles(c)...) {
		os.Remove(filepath.Join(r.Dir, name))
	}
	if folder {
		os.Remove(r.Dir)
	}
}

// OpenRun finds the folder of an earlier run and returns its configuration. [Run.Restore] continues it.
func OpenRun(dir string) (*Run, Config, error) {
	var c Config
	path := filepath.Join(dir, ConfigFile)
	if err := c.Read(path); err != nil {
		return nil, c, fmt.Errorf("no run to continue: %w", err)
	}
	if err := c.Check(); err != nil {
		return nil, c, fmt.Errorf("%s: %w", path, err)
	}
	return &Run{Dir: dir}, c, nil
}

// WriteConfig writes the configuration.
func (r *Run) WriteConfig(c Config) error {
	return tensor.AtomicWrite(filepath.Join(r.Dir, ConfigFile), func(w io.Writer) error {
		_, err := io.WriteString(w, c.JSON())
		return err
	})
}

func (r *Run) openLog() (err error) {
	r.log, err = os.OpenFile(filepath.Join(r.Dir, MetricsFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	return err
}

// Close closes the log.
func (r *Run) Close() error {
	if r.log == nil {
		return nil
	}
	return r.log.Close()
}

// Log appends one line of JSON to the log.
func (r *Run) Log(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(r.Dir, MetricsFile), err)
	}
	_, err = r.log.Write(append(line, '\n'))
	return err
}

// Metrics reads the log: the steps' metrics, skipped steps left out.
func (r *Run) Metrics() ([]Metrics, error) {
	b, err := os.ReadFile(filepath.Join(r.Dir, MetricsFile))
	if err != nil {
		return nil, err
	}
	var ms []Metrics
	for line := range bytes.Lines(b) {
		var m Metrics
		if json.Unmarshal(line, &m) == nil && m.LR > 0 && !m.Skipped {
			ms = append(ms, m)
		}
	}
	return ms, nil
}

// Save writes the student's weights and every average's and then, last, the checkpoint.
func (r *Run) Save(j *Job) error {
	if err := j.Trainer.CheckFinite(); err != nil {
		return err
	}
	net := j.Student.Net
	if err := SaveWeights(filepath.Join(r.Dir, StudentFile), RoleStudent, net.JSON(), net.Params, nil, false); err != nil {
		return err
	}
	for k, name := range emaFiles(j.Config) {
		if err := SaveWeights(filepath.Join(r.Dir, name), RoleStudent, net.JSON(), net.Params, j.Trainer.Opt.EMA[k], false); err != nil {
			return err
		}
	}
	if err := r.log.Sync(); err != nil { // the checkpoint speaks of what is in it
		return err
	}
	info, err := r.log.Stat()
	if err != nil {
		return err
	}
	return j.Trainer.Save(filepath.Join(r.Dir, CheckpointFile), map[string]string{
		metaSeed: strconv.FormatUint(j.Config.Seed, 10), metaTeacher: j.digest,
		metaEvaluated: strconv.Itoa(r.Evaluated), metaLog: strconv.FormatInt(info.Size(), 10),
	})
}

func emaFiles(c Config) (names []string) {
	for _, rate := range c.EMA {
		names = append(names, "ema_"+FormatRate(rate)+".safetensors")
	}
	return names
}

// Read continues from the checkpoint and leaves the folder as it is: for ranks that do not write there. It returns how long the log was.
func (r *Run) Read(j *Job) (length int64, err error) {
	f, err := tensor.OpenSafeTensors(filepath.Join(r.Dir, CheckpointFile))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	length, err = strconv.ParseInt(f.Metadata[metaLog], 10, 64)
	if err != nil || length < 0 {
		return 0, fmt.Errorf("%s: %s %q: want a number of bytes", f.Path, metaLog, f.Metadata[metaLog])
	}
	if r.Evaluated, err = strconv.Atoi(f.Metadata[metaEvaluated]); err != nil {
		return 0, fmt.Errorf("%s: %s %q: want a step", f.Path, metaEvaluated, f.Metadata[metaEvaluated])
	}
	if f.Metadata[metaTeacher] != j.digest {
		return 0, fmt.Errorf("%s: the run has another teacher: weights of SHA-256 %s, these have %s", f.Path, f.Metadata[metaTeacher], j.digest)
	}
	return length, j.Trainer.Load(f)
}

// Restore continues from the checkpoint, and drops what the log says of later steps and files whose writing was cut off.
func (r *Run) Restore(j *Job) error {
	length, err := r.Read(j)
	if err != nil {
		return err
	}
	path := filepath.Join(r.Dir, MetricsFile)
	if info, err := os.Stat(path); err == nil && info.Size() > length {
		if err := os.Truncate(path, length); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(r.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), ".tmp") { // by tensor.AtomicWrite
			os.Remove(filepath.Join(r.Dir, e.Name()))
		}
	}
	return r.openLog()
}
