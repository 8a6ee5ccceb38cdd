package board

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"onestep/pid"
	"onestep/pid/runs"
	"onestep/tools/internal/tfevents"
)

// Board is what a run shows of itself while it goes on: TensorBoard's event files, and speed.jsonl. Unlike the rest of a run's folder it has
// times in it, which differ from run to run, and nothing of it is needed to continue.
//
// Every process that continues a run writes an event file of its own, and drops from the earlier ones what it makes again. A long run has events for
// ten thousand of its steps, each with the means since the one before.
type Board struct {
	every  int           // steps from event to event
	steps  int           // of the run
	window []pid.Metrics // steps since the last event
	events *tfevents.Writer
	speed  *speedometer
	now    func() time.Time
}

// boardEvents is how many events a run's scalars are: what TensorBoard shows of a line, and can read in a moment.
const boardEvents = 10_000

const eventFile = "events.out.tfevents." // and the step after which it begins, nine digits

// Open begins where the trainer of a run stands, and shows what the run logs from then on. After [runs.Run.Restore], whose log it reads, and
// before the next step.
func Open(r *runs.Run, j *pid.Job) (*Board, error) {
	b, err := openBoard(r, j.Config, j.Trainer.Step, j.Student.Net.Device.Memory, time.Now)
	if err == nil {
		r.Watch = b.take
	}
	return b, err
}

func openBoard(r *runs.Run, c pid.Config, step int, memory func() (now, peak int64), now func() time.Time) (*Board, error) {
	b := &Board{every: max(1, c.Steps/boardEvents), steps: c.Steps, now: now}
	if err := cutEvents(r.Dir, step, r.Evaluated); err != nil {
		return nil, err
	}
	if first := step - step%b.every; first < step { // the means that were begun
		log, err := runs.ReadLog(r.Dir)
		if err != nil {
			return nil, err
		}
		from, _ := slices.BinarySearchFunc(log.Steps, first+1, func(m pid.Metrics, s int) int { return m.Step - s })
		b.window = append(b.window, log.Steps[from:]...)
	}
	var err error
	if b.events, err = tfevents.Create(filepath.Join(r.Dir, fmt.Sprintf("%s%09d", eventFile, step)), b.time()); err != nil {
		return nil, err
	}
	if step > 0 {
		err = b.events.Write(tfevents.Event{Time: b.time(), Step: int64(step) + 1, Restart: true})
	}
	if err == nil {
		b.speed, err = openSpeed(filepath.Join(r.Dir, SpeedFile), step, c.Batch, memory, now)
	}
	if err != nil {
		b.events.Close()
		return nil, err
	}
	return b, nil
}

// cutEvents drops what event files have of steps that come after one, and of that one's evaluation unless it is done.
func cutEvents(dir string, step, evaluated int) error {
	files, err := filepath.Glob(filepath.Join(dir, eventFile+"*"))
	if err != nil {
		return err
	}
	for _, path := range files {
		var from int
		if _, err := fmt.Sscanf(filepath.Base(path), eventFile+"%d", &from); err != nil {
			continue // not ours
		}
		if from >= step {
			err = os.Remove(path)
		} else {
			err = tfevents.Cut(path, func(e tfevents.Event) bool {
				switch {
				case e.Version != "", e.Restart, e.Step < int64(step):
					return true
				case e.Step > int64(step) || len(e.Values) == 0:
					return false
				}
				return evaluated == step || !slices.ContainsFunc(e.Values, ofEvaluation)
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	tagEval    = "eval/"
	tagSamples = "samples"
)

func ofEvaluation(v tfevents.Value) bool {
	return v.Image != nil || strings.HasPrefix(v.Tag, tagEval)
}

func (b *Board) time() float64 { return float64(b.now().UnixMicro()) / 1e6 }

// take takes what the run logs: the metrics of a step, or an evaluation.
func (b *Board) take(v any) error {
	if m, ok := v.(pid.Metrics); ok {
		return b.step(m)
	}
	return b.evaluation(v)
}

// step takes the metrics of a step, in order.
func (b *Board) step(m pid.Metrics) error {
	if err := b.speed.step(m.Step, b.event); err != nil {
		return err
	}
	b.window = append(b.window, m)
	if m.Step%b.every != 0 && m.Step != b.steps {
		return nil
	}
	values := summary(b.window)
	b.window = b.window[:0]
	return b.event(m.Step, values...)
}

// summary is the means of some steps, and the last loss scale and rate. A quartile of levels that no sample was in has a loss of 0, and does not
// count; nor do steps that were skipped.
func summary(window []pid.Metrics) (values []tfevents.Value) {
	var loss, grad, param mean
	var quartiles [4]mean
	for _, m := range window {
		if m.Skipped {
			continue
		}
		loss.add(m.Loss)
		grad.add(m.GradNorm)
		param.add(m.ParamNorm)
		for q, l := range m.Quartiles {
			if l != 0 {
				quartiles[q].add(l)
			}
		}
	}
	list := func(tag string, m mean) {
		if m.n > 0 {
			values = append(values, scalar(tag, m.sum/float64(m.n)))
		}
	}
	list("train/loss", loss)
	for q := range quartiles {
		list(fmt.Sprintf("train/loss_q%d", q), quartiles[q])
	}
	list("train/grad_norm", grad)
	list("train/param_norm", param)
	last := window[len(window)-1]
	values = append(values, scalar("train/lr", last.LR))
	if last.LossScale != 0 {
		values = append(values, scalar("train/lg_loss_scale", last.LossScale))
	}
	return values
}

// mean is of what was added.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(x float64) { m.sum, m.n = m.sum+x, m.n+1 }

func scalar(tag string, x float64) tfevents.Value {
	return tfevents.Value{Tag: tag, Scalar: float32(x)}
}

func (b *Board) event(step int, values ...tfevents.Value) error {
	return b.events.Write(tfevents.Event{Time: b.time(), Step: int64(step), Values: values})
}

// evaluation takes a line of the log that is not a step's: every number of it but the step is shown.
func (b *Board) evaluation(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	e, err := runs.ReadEvaluation(line)
	if err != nil {
		return err
	}
	var values []tfevents.Value
	for _, name := range slices.Sorted(maps.Keys(e.Numbers)) {
		values = append(values, scalar(tagEval+name, e.Numbers[name]))
	}
	return b.event(e.Step, values...)
}

// Samples shows a step's PNG file, if there is one.
func (b *Board) Samples(step int, path string) error {
	file, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	m, err := tfevents.NewImage(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return b.event(step, tfevents.Value{Tag: tagSamples, Image: m})
}

// Untimed does what is no training: its time does not count for the speed.
func (b *Board) Untimed(do func() error) error {
	start := b.now()
	defer func() { b.speed.skip(b.now().Sub(start)) }()
	return do()
}

// Flush writes the speed of the steps since it was last written.
func (b *Board) Flush() error { return b.speed.flush(b.event) }

// Close flushes, and closes the files.
func (b *Board) Close() error {
	return errors.Join(b.Flush(), b.speed.file.Close(), b.events.Close())
}
