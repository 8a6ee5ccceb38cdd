// Package results measures and shows what a run has learnt: sample grids, and a table of Fréchet distances and speeds. For
// images like those of the embedded networks it measures by the embedded classifier, and by Inception if a run names its weights; for other images
// without Inception there is no distance.
package results

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"onestep/pid"
	"onestep/pid/data"
	"onestep/pid/embedded"
	"onestep/pid/judge"
	"onestep/pid/judge/metrics"
	"onestep/pid/runs"
	"onestep/tensor"
	"onestep/tools/internal/picture"
)

// drawSeed keeps the noise of what is drawn here apart from that of samples that a user draws with the same numbers.
const drawSeed = 0x6a75646765

// Evaluation draws from the networks of a run and measures the images.
type Evaluation struct {
	job        *pid.Job
	config     pid.Config
	generator  pid.Generator
	classifier *judge.Extractor // nil: no distance for such images
	reference  metrics.Gaussian // of the classifier's features
	fid        *FID             // nil: none
	final      []measured       // FIDs of the complete run
	teacher    *data.Images     // the teacher's images for the grid
}

// Batch is how many images of so many pixels a side are drawn at a time.
func Batch(size int) int { return min(max(1<<16/(size*size), 1), 100) }

// New prepares the evaluation of a run. fid may be nil.
func New(d *tensor.Device, job *pid.Job, c pid.Config, fid *FID) (*Evaluation, error) {
	net := job.Student.Net
	e := &Evaluation{job: job, config: c, fid: fid, generator: pid.GeneratorFor(net, c.Seed^drawSeed)}
	if !embedded.Fits(net) {
		return e, nil
	}
	classifier, err := embedded.Classifier(d)
	if err != nil {
		return nil, err
	}
	f, err := embedded.Reference()
	if err != nil {
		return nil, err
	}
	if e.reference, err = judge.LoadGaussian(f); err != nil {
		return nil, err
	}
	e.classifier = &judge.Extractor{Device: d, Features: classifier.Features, Batch: Batch(net.Resolution)}
	return e, nil
}

// drawing draws the images of some seeds.
type drawing func(seeds []uint64) ([]float32, error)

func (e *Evaluation) byTeacher(s pid.Sampler) drawing {
	return func(seeds []uint64) ([]float32, error) { return e.generator.ByTeacher(e.job.Teacher, s, seeds) }
}

func (e *Evaluation) byStudent(s *pid.Student) drawing {
	return func(seeds []uint64) ([]float32, error) { return e.generator.ByStudent(s, seeds) }
}

// drawn are the images of the first n seeds, as they would be saved. Drawing ends with ctx, by its cause.
func drawn(ctx context.Context, g pid.Generator, n int, draw drawing) *judge.Drawn {
	return &judge.Drawn{
		Seeds: pid.Seeds(0, n), H: g.H, W: g.W, C: g.C, Batch: Batch(g.H), From: judge.Source{Kind: "student"},
		Draw: func(seeds []uint64) (*data.Images, error) {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			x, err := draw(seeds)
			if err != nil {
				return nil, err
			}
			return data.Rounded(x, len(seeds), g.H, g.W, g.C), nil
		},
	}
}

// teacherSampler is EDM's for small images: 18 steps of Heun, 35 evaluations.
func teacherSampler() pid.Sampler { return pid.Sampler{Levels: pid.EDMLevels(0), Steps: 18} }

// shown is the student of the grids and of the distance on the way, and its name: the first average, or the raw weights if there is none.
func (e *Evaluation) shown() (*pid.Student, string, error) {
	if len(e.config.EMA) == 0 {
		return e.job.Student, "raw weights", nil
	}
	s, err := e.job.Average(0)
	return s, "average " + pid.FormatRate(e.config.EMA[0]), err
}

// Parts are those of an evaluation after a step.
type Parts struct {
	Grid bool // the sample grid, and the distance of the student that it shows
	FID  bool // of every average
}

// AfterStep evaluates the student of a step and returns a line about it. What was measured is logged in the end, so that the log has all of an
// evaluation or, if it was interrupted, nothing. status is told what takes long.
func (e *Evaluation) AfterStep(ctx context.Context, dir *runs.Run, step int, parts Parts, status func(string)) (string, error) {
	text, path := fmt.Sprintf("step %d: ", step), ""
	var lines []any
	if parts.Grid {
		path = filepath.Join(dir.Dir, fmt.Sprintf("samples_%06d.png", step))
		if err := e.Grid(ctx, path); err != nil {
			return "", err
		}
		sentence, line, err := e.distanceOfShown(ctx, step)
		if err != nil {
			return "", err
		}
		if text += sentence; line != nil {
			lines = append(lines, line)
		}
	}
	if parts.FID {
		list, err := e.measureFIDs(ctx, false, status)
		if err != nil {
			return "", err
		}
		text += e.fidSentence(list)
		lines = append(lines, e.fidLine(step, list))
	}
	return strings.TrimSuffix(text+path, "; "), logAll(dir, lines)
}

// AtEnd measures the student of a complete run for the log and the table: its distance, if the run has a curve of it, and every FID.
func (e *Evaluation) AtEnd(ctx context.Context, dir *runs.Run, status func(string)) error {
	var lines []any
	if e.config.EvalEvery > 0 {
		_, line, err := e.distanceOfShown(ctx, e.config.Steps)
		if err != nil {
			return err
		}
		if line != nil {
			lines = append(lines, line)
		}
	}
	if e.fid != nil {
		var err error
		if e.final, err = e.measureFIDs(ctx, true, status); err != nil {
			return err
		}
		lines = append(lines, e.fidLine(e.config.Steps, e.final))
	}
	return logAll(dir, lines)
}

func logAll(dir *runs.Run, lines []any) error {
	for _, line := range lines {
		if err := dir.Log(line); err != nil {
			return err
		}
	}
	return nil
}

// distanceOfShown measures the shown student, if there is a distance for its images, and returns a sentence and a line for the log, which is nil if
// there is not.
func (e *Evaluation) distanceOfShown(ctx context.Context, step int) (sentence string, line any, err error) {
	n := e.config.EvalImages / 5
	if e.classifier == nil || n < 2 {
		return "", nil, nil
	}
	s, name, err := e.shown()
	if err != nil {
		return "", nil, err
	}
	fd, _, err := e.measure(ctx, e.byStudent(s), n)
	return fmt.Sprintf("Fréchet distance of %d images (%s): %.1f; ", n, name, fd), struct {
		Step   int     `json:"step"`
		FD     float64 `json:"fd"`
		Images int     `json:"fd_images"`
	}{step, fd, n}, err
}

// Grid writes the teacher's images above the student's of the same noise.
func (e *Evaluation) Grid(ctx context.Context, path string) error {
	n := e.config.GridSamples
	if n == 0 {
		return nil
	}
	if e.teacher == nil {
		x, err := readAll(drawn(ctx, e.generator, n, e.byTeacher(teacherSampler())))
		if err != nil {
			return err
		}
		e.teacher = x
	}
	s, _, err := e.shown()
	if err != nil {
		return err
	}
	x, err := readAll(drawn(ctx, e.generator, n, e.byStudent(s)))
	if err != nil {
		return err
	}
	return picture.Grid{Columns: 16}.Write(path, e.teacher, x)
}

func readAll(d *judge.Drawn) (*data.Images, error) {
	pixels, err := d.Read(0, len(d.Seeds))
	return &data.Images{N: len(d.Seeds), H: d.H, W: d.W, C: d.C, Pixels: pixels}, err
}

// measure draws n images and returns their distance, if there is one for such images, and how many were drawn per second.
func (e *Evaluation) measure(ctx context.Context, draw drawing, n int) (fd, rate float64, err error) {
	var spent time.Duration
	images := drawn(ctx, e.generator, n, func(seeds []uint64) ([]float32, error) {
		start := time.Now()
		x, err := draw(seeds)
		spent += time.Since(start)
		return x, err
	})
	if e.classifier == nil {
		_, err = images.Read(0, n)
	} else {
		fd, err = e.classifier.Distance(ctx, images, e.reference)
	}
	return fd, float64(n) / spent.Seconds(), err
}
