package runs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"onestep/pid"
	"onestep/tensor"
)

// CheckpointFolder is where a run folder has its checkpoints, step-0000500.safetensors and the like, and the file latest, whose text is the name of
// the last whole one. It is a hint for people and scripts: to continue, all are looked at.
const (
	CheckpointFolder = "checkpoints"
	latestFile       = "latest"
)

// Metadata of a run's checkpoint, besides the trainer's.
const (
	metaSettings   = "settings" // pid.Config as JSON
	metaTeacher    = "teacher_sha256"
	metaPerceptual = "perceptual_sha256" // empty: the loss needs none
	metaEvaluated  = "evaluated"         // Run.Evaluated
	metaJournal    = "mark."             // and the name of a journal: its mark
)

func (r *Run) checkpointPath(step int) string {
	return filepath.Join(r.Dir, CheckpointFolder, fmt.Sprintf("step-%07d.safetensors", step))
}

var checkpointName = regexp.MustCompile(`^step-(\d{7,15})\.safetensors$`)

// steps lists the steps of all checkpoints, the latest first.
func (r *Run) steps() (list []int, err error) {
	entries, err := os.ReadDir(filepath.Join(r.Dir, CheckpointFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if m := checkpointName.FindStringSubmatch(e.Name()); m != nil {
			step, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, err
			}
			list = append(list, step)
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list, nil
}

// newest opens the newest checkpoint that is whole, and notes what is wrong with newer ones.
func (r *Run) newest() (*tensor.SafeTensors, error) {
	steps, err := r.steps()
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, step := range steps {
		f, err := tensor.OpenSealed(r.checkpointPath(step))
		if err == nil {
			if got := f.Metadata[metaStep]; got != strconv.Itoa(step) {
				err = fmt.Errorf("%s: is of step %s", f.Path, got)
			}
		}
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		r.Notes = append(r.Notes, wrong...)
		r.checkLatest(step, steps)
		return f, nil
	}
	if len(wrong) == 0 {
		return nil, fmt.Errorf("no run to continue: %s has no checkpoint: if a run was begun there, it ended before its first one, and can be begun again",
			filepath.Join(r.Dir, CheckpointFolder))
	}
	return nil, fmt.Errorf("no checkpoint is whole: %w", errors.Join(wrong...))
}

// checkLatest notes that a checkpoint is gone which is later than the one to continue from.
func (r *Run) checkLatest(step int, there []int) {
	path := filepath.Join(r.Dir, CheckpointFolder, latestFile)
	b, err := os.ReadFile(path)
	if err != nil {
		r.Notes = append(r.Notes, err)
		return
	}
	name := strings.TrimSuffix(string(b), "\n")
	m := checkpointName.FindStringSubmatch(name)
	if m == nil {
		r.Notes = append(r.Notes, fmt.Errorf("%s: %.40q is no name of a checkpoint", path, name))
		return
	}
	if named, _ := strconv.Atoi(m[1]); named > step && !slices.Contains(there, named) {
		r.Notes = append(r.Notes, fmt.Errorf("%s: names %s, which is not there", path, name))
	}
}

// keep makes the checkpoint of a step the latest, and removes those that need not be kept. What stays is this one and, of those before it that were
// due, the newest n−1; 0: all. Since those of interruptions are not due, a run that was interrupted ends with the files of one that was not. Later
// checkpoints are damaged ones: they go when this one has been written, not when it was only found.
func (r *Run) keep(step, n int, written bool) error {
	r.Checkpoint = r.checkpointPath(step)
	err := tensor.AtomicWrite(filepath.Join(r.Dir, CheckpointFolder, latestFile), func(w io.Writer) error {
		_, err := fmt.Fprintln(w, filepath.Base(r.Checkpoint))
		return err
	})
	if err != nil {
		return err
	}
	steps, err := r.steps()
	if err != nil {
		return err
	}
	left := n - 1
	for _, s := range steps {
		switch {
		case s == step || s > step && !written:
		case s < step && (n == 0 || left > 0) && due(r.checkpointPath(s), s):
			left--
		default:
			if err := os.Remove(r.checkpointPath(s)); err != nil {
				return err
			}
		}
	}
	return nil
}

// due says whether a checkpoint is the first or one that its run's settings ask for, unlike that of an interruption.
func due(path string, step int) bool {
	f, err := tensor.OpenSafeTensors(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var c pid.Config
	return c.Decode(path, []byte(f.Metadata[metaSettings])) == nil && (step == 0 || c.SaveEvery > 0 && step%c.SaveEvery == 0)
}
