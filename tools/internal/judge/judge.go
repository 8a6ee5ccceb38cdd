// Package judge measures and shows what a run has learnt: sample grids, and a table of Fréchet distances and speeds. For
// images like those of the embedded networks it judges by the embedded classifier; for others there is no distance.
package judge

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"onestep/nn"
	"onestep/nn/weights"
	"onestep/pid"
	"onestep/pid/embedded"
	"onestep/pid/runs"
	"onestep/tensor"
	"onestep/tools/internal/picture"
)

// drawSeed keeps the judge's noise apart from that of samples a user draws with the same numbers.
const drawSeed = 0x6a75646765

// Judge draws from the networks of a run and looks at the images.
type Judge struct {
	job       *pid.Job
	config    pid.Config
	generator pid.Generator
	evaluator *pid.Evaluator // nil: no distance for such images
	fid       *FID           // nil: none
	last      []measured     // FIDs of the complete run
	teacher   []float32      // the teacher's images for the grid
}

// Fits says whether a network draws images like those of the embedded networks.
func Fits(net *nn.UNet) bool { return net.Resolution == 16 && net.InChannels == 1 }

// Perceptual is the embedded network's perceptual distance.
func Perceptual(d *tensor.Device) (*nn.LPIPS, error) {
	net, err := classifier(d, embedded.Perceptual)
	if err != nil {
		return nil, err
	}
	return nn.NewUniformLPIPS(d, net, net.TapChannels()), nil
}

func classifier(d *tensor.Device, open func() (*tensor.SafeTensors, error)) (*nn.Classifier, error) {
	f, err := open()
	if err != nil {
		return nil, err
	}
	net, err := weights.LoadClassifier(d, f)
	if err != nil {
		return nil, err
	}
	net.Freeze()
	return net, nil
}

// Batch is how many images of so many pixels a side are drawn at a time.
func Batch(size int) int { return min(max(1<<16/(size*size), 1), 100) }

// New prepares the judge of a run. fid may be nil.
func New(d *tensor.Device, job *pid.Job, c pid.Config, fid *FID) (*Judge, error) {
	net := job.Student.Net
	j := &Judge{job: job, config: c, fid: fid, generator: pid.GeneratorFor(net, c.Seed^drawSeed)}
	if !Fits(net) {
		return j, nil
	}
	features, err := classifier(d, embedded.Features)
	if err != nil {
		return nil, err
	}
	f, err := embedded.Reference()
	if err != nil {
		return nil, err
	}
	reference, err := pid.LoadReference(f)
	if err != nil {
		return nil, err
	}
	j.evaluator = &pid.Evaluator{
		Device: d, Features: features.Features, Reference: reference,
		H: net.Resolution, W: net.Resolution, C: net.InChannels, Batch: Batch(net.Resolution),
	}
	return j, nil
}

// drawing draws the images of some seeds, or ends with a context.
type drawing func(ctx context.Context, seeds []uint64) ([]float32, error)

func (j *Judge) byTeacher(s pid.Sampler) drawing {
	return func(ctx context.Context, seeds []uint64) ([]float32, error) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return j.generator.ByTeacher(j.job.Teacher, s, seeds)
	}
}

func (j *Judge) byStudent(s *pid.Student) drawing {
	return func(ctx context.Context, seeds []uint64) ([]float32, error) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return j.generator.ByStudent(s, seeds)
	}
}

// teacherSampler is EDM's for small images: 18 steps of Heun, 35 evaluations.
func teacherSampler() pid.Sampler { return pid.Sampler{Levels: pid.EDMLevels(0), Steps: 18} }

// best is the student that is shown: the first average, or the raw weights if there is none.
func (j *Judge) best() (*pid.Student, string, error) {
	if len(j.config.EMA) == 0 {
		return j.job.Student, "raw weights", nil
	}
	s, err := j.job.Average(0)
	return s, "average " + pid.FormatRate(j.config.EMA[0]), err
}

// Look is what to look at after a step.
type Look struct {
	Grid bool // the sample grid, and the distance of the student that it shows
	FID  bool // of every average
}

// Snapshot looks at the student of a step and returns a line about it. What was measured is logged in the end, so that nothing of a look that was
// interrupted is in the log. says is told what takes long.
func (j *Judge) Snapshot(ctx context.Context, dir *runs.Run, step int, what Look, says func(string)) (string, error) {
	text, path := fmt.Sprintf("step %d: ", step), ""
	var lines []any
	if what.Grid {
		path = filepath.Join(dir.Dir, fmt.Sprintf("samples_%06d.png", step))
		if err := j.Grid(ctx, path); err != nil {
			return "", err
		}
		words, line, err := j.distance(ctx, step)
		if err != nil {
			return "", err
		}
		if text += words; line != nil {
			lines = append(lines, line)
		}
	}
	if what.FID {
		list, err := j.fids(ctx, false, says)
		if err != nil {
			return "", err
		}
		text += j.words(list)
		lines = append(lines, j.fidLine(step, list))
	}
	for _, line := range lines {
		if err := dir.Log(line); err != nil {
			return "", err
		}
	}
	return strings.TrimSuffix(text+path, "; "), nil
}

// distance measures the shown student's, if there is one to have, and returns words about it and a line for the log.
func (j *Judge) distance(ctx context.Context, step int) (words string, line any, err error) {
	n := j.config.EvalImages / 5
	if j.evaluator == nil || n < 2 {
		return "", nil, nil
	}
	s, name, err := j.best()
	if err != nil {
		return "", nil, err
	}
	fd, _, err := j.measure(ctx, j.byStudent(s), n)
	return fmt.Sprintf("Fréchet distance of %d images (%s): %.1f; ", n, name, fd), struct {
		Step   int     `json:"step"`
		FD     float64 `json:"fd"`
		Images int     `json:"fd_images"`
	}{step, fd, n}, err
}

// End measures the student of a complete run for the log and the table: its distance, if the run has a curve of it, and every FID.
func (j *Judge) End(ctx context.Context, dir *runs.Run, says func(string)) error {
	var lines []any
	if j.config.EvalEvery > 0 {
		_, line, err := j.distance(ctx, j.config.Steps)
		if err != nil {
			return err
		}
		if line != nil {
			lines = append(lines, line)
		}
	}
	if j.fid != nil {
		var err error
		if j.last, err = j.fids(ctx, true, says); err != nil {
			return err
		}
		lines = append(lines, j.fidLine(j.config.Steps, j.last))
	}
	for _, line := range lines {
		if err := dir.Log(line); err != nil {
			return err
		}
	}
	return nil
}

// Grid writes the teacher's images above the student's of the same noise.
func (j *Judge) Grid(ctx context.Context, path string) error {
	n := j.config.GridSamples
	if n == 0 {
		return nil
	}
	var err error
	if j.teacher == nil {
		if j.teacher, err = j.first(ctx, n, j.byTeacher(teacherSampler())); err != nil {
			return err
		}
	}
	s, _, err := j.best()
	if err != nil {
		return err
	}
	x, err := j.first(ctx, n, j.byStudent(s))
	if err != nil {
		return err
	}
	g := j.generator
	return picture.Grid{Columns: 16}.Write(path, picture.Rounded(j.teacher, n, g.H, g.W, g.C), picture.Rounded(x, n, g.H, g.W, g.C))
}

// first draws the images of the first n seeds.
func (j *Judge) first(ctx context.Context, n int, draw drawing) (all []float32, err error) {
	batch := Batch(j.generator.H)
	for first := 0; first < n; first += batch {
		x, err := draw(ctx, pid.Seeds(uint64(first), min(batch, n-first)))
		if err != nil {
			return nil, err
		}
		all = append(all, x...)
	}
	return all, nil
}

// measure draws n images and returns their distance, if there is one to have, and the images drawn per second.
func (j *Judge) measure(ctx context.Context, draw drawing, n int) (fd, rate float64, err error) {
	var spent time.Duration
	timed := func(first, count int) ([]float32, error) {
		start := time.Now()
		x, err := draw(ctx, pid.Seeds(uint64(first), count))
		spent += time.Since(start)
		return x, err
	}
	if j.evaluator == nil {
		batch := Batch(j.generator.H)
		for first := 0; first < n && err == nil; first += batch {
			_, err = timed(first, min(batch, n-first))
		}
	} else {
		fd, err = j.evaluator.Distance(n, timed)
	}
	return fd, float64(n) / spent.Seconds(), err
}
