package runs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"onestep/nn/weights"
	"onestep/pid"
	"onestep/tensor"
)

// Files of a run folder, besides the averages' ema_RATE.safetensors and the checkpoints.
const (
	ConfigFile  = "config.json"
	MetricsFile = "metrics.jsonl"
	StudentFile = "student.safetensors"
)

// Run is the folder of a run: its configuration, log, checkpoints and weights. Files but the log are replaced whole or not at all. One process at
// a time has it.
type Run struct {
	Dir        string
	Evaluated  int                    // the step whose evaluation is the last in the log; for a continued run to know
	Checkpoint string                 // path of the last checkpoint
	Notes      []error                // what was found wrong in the folder, and does not keep the run from being continued
	Watch      func(logged any) error // is told of what was logged, if it is set

	from *tensor.SafeTensors // to continue from, until it is read
	log  *journal            // nil: the folder is another process's
}

func numbered(parent string, i int) string { return filepath.Join(parent, fmt.Sprintf("%03d", i)) }

// Next is the first of the folders 001, 002, … below parent that is not there.
func Next(parent string) string {
	for i := 1; ; i++ {
		if _, err := os.Stat(numbered(parent, i)); errors.Is(err, fs.ErrNotExist) {
			return numbered(parent, i)
		}
	}
}

// Last is the folder before [Next]; it is an error if there is none.
func Last(parent string) (string, error) {
	next := Next(parent)
	if next == numbered(parent, 1) {
		return "", fmt.Errorf("there is no run in %s", parent)
	}
	i, err := strconv.Atoi(filepath.Base(next))
	return numbered(parent, i-1), err
}

// Open finds the folder of an earlier run, and the newest checkpoint that is whole, whose settings it returns: [Run.Restore] continues from it.
// Only one process may write there; the other ranks of a run [Run.Read].
func Open(dir string, write bool) (r *Run, c pid.Config, err error) {
	r = &Run{Dir: dir}
	path := filepath.Join(dir, ConfigFile)
	text, err := os.ReadFile(path)
	if err != nil {
		if _, e := os.Stat(filepath.Join(dir, CheckpointFolder)); e != nil {
			return nil, c, fmt.Errorf("no run to continue: %w", err)
		}
		r.Notes = append(r.Notes, err)
	}
	if write {
		if err := r.take(); err != nil {
			return nil, c, err
		}
	}
	opened := r
	defer func() {
		if err != nil {
			opened.Close()
		}
	}()
	if r.from, err = r.newest(); err != nil {
		return nil, c, err
	}
	r.Checkpoint = r.from.Path
	if err = c.Decode(r.from.Path+": "+metaSettings, []byte(r.from.Metadata[metaSettings])); err == nil {
		if err = c.Check(); err != nil {
			err = fmt.Errorf("%s: %w", r.from.Path, err)
		}
	}
	if err == nil && text != nil && string(text) != c.JSON() {
		r.Notes = append(r.Notes, fmt.Errorf("%s: has other settings than %s, and is written again", path, r.from.Path))
	}
	return r, c, err
}

// WriteConfig writes the configuration.
func (r *Run) WriteConfig(c pid.Config) error {
	return tensor.AtomicWrite(filepath.Join(r.Dir, ConfigFile), func(w io.Writer) error {
		_, err := io.WriteString(w, c.JSON())
		return err
	})
}

// Close gives the folder back.
func (r *Run) Close() error {
	var err error
	if r.from != nil {
		err, r.from = r.from.Close(), nil
	}
	if r.log != nil {
		err = errors.Join(err, r.log.file.Close())
	}
	return err
}

// Log appends one line of JSON to the log.
func (r *Run) Log(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(r.Dir, MetricsFile), err)
	}
	if _, err = r.log.Write(append(line, '\n')); err == nil && r.Watch != nil {
		err = r.Watch(v)
	}
	return err
}

// Save writes a checkpoint and then the student's weights and every average's, which [Run.Restore] would write, too.
func (r *Run) Save(j *pid.Job) error {
	if err := j.Trainer.CheckFinite(); err != nil {
		return err
	}
	mark, err := r.log.mark() // the checkpoint speaks of what is on the disk
	if err != nil {
		return err
	}
	step := j.Trainer.Step
	err = SaveTrainer(r.checkpointPath(step), j.Trainer, map[string]string{
		metaSettings: j.Config.JSON(), metaTeacher: j.TeacherDigest(), metaPerceptual: j.PerceptualDigest(), metaEvaluated: strconv.Itoa(r.Evaluated), metaJournal + MetricsFile: mark,
	})
	if err != nil {
		return err
	}
	if err := r.keep(step, j.Config.Keep, true); err != nil {
		return err
	}
	return r.saveWeights(j)
}

// saveWeights writes the student's weights and every average's.
func (r *Run) saveWeights(j *pid.Job) error {
	net := j.Student.Net
	if err := weights.Save(filepath.Join(r.Dir, StudentFile), weights.RoleStudent, net.JSON(), net.Params, nil, false); err != nil {
		return err
	}
	for k, name := range emaFiles(j.Config) {
		if err := weights.Save(filepath.Join(r.Dir, name), weights.RoleStudent, net.JSON(), net.Params, j.Trainer.Opt.EMA[k], false); err != nil {
			return err
		}
	}
	return nil
}

func emaFiles(c pid.Config) (names []string) {
	for _, rate := range c.EMA {
		names = append(names, "ema_"+pid.FormatRate(rate)+".safetensors")
	}
	return names
}

// Read brings the job to the checkpoint that was found and leaves the folder as it is: for ranks that do not write there.
func (r *Run) Read(j *pid.Job) (err error) {
	f := r.from
	if r.Evaluated, err = strconv.Atoi(f.Metadata[metaEvaluated]); err != nil {
		return fmt.Errorf("%s: %s %q: want a step", f.Path, metaEvaluated, f.Metadata[metaEvaluated])
	}
	if f.Metadata[metaTeacher] != j.TeacherDigest() {
		return fmt.Errorf("%s: the run has another teacher: weights of SHA-256 %s, these have %s", f.Path, f.Metadata[metaTeacher], j.TeacherDigest())
	}
	if was, is := f.Metadata[metaPerceptual], j.PerceptualDigest(); was != is {
		return fmt.Errorf("%s: the run has another perceptual network: weights of SHA-256 %s, these have %s", f.Path, was, is)
	}
	return LoadTrainer(j.Trainer, f)
}

// Restore makes the folder what it was at the checkpoint that the job was brought to: it drops what the log says of later steps and files whose
// writing was cut off. Settings that have changed since are kept by a checkpoint in the place of it.
func (r *Run) Restore(j *pid.Job) error {
	damaged, err := r.log.cut(r.from.Metadata[metaJournal+MetricsFile])
	if err != nil {
		return fmt.Errorf("%s: %w", r.from.Path, err)
	}
	if damaged != nil {
		r.Notes = append(r.Notes, damaged)
	}
	if err := r.sweep(); err != nil {
		return err
	}
	same := r.from.Metadata[metaSettings] == j.Config.JSON()
	from := r.from
	r.from = nil
	if err := from.Close(); err != nil {
		return err
	}
	if !same || damaged != nil {
		err = r.Save(j)
	} else if err = r.keep(j.Trainer.Step, j.Config.Keep, false); err == nil {
		err = r.saveWeights(j)
	}
	if err != nil {
		return err
	}
	return r.WriteConfig(j.Config)
}
