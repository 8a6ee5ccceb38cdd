// Package judge measures and shows what a run has learnt: sample grids, and a table of Fréchet distances and speeds. For
// images like those of the embedded networks it judges by the embedded classifier; for others there is no distance.
package judge

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"onestep/embedded"
	"onestep/nn"
	"onestep/pid"
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
	net, err := pid.LoadClassifier(d, f)
	if err != nil {
		return nil, err
	}
	net.Freeze()
	return net, nil
}

// batch is how many images of so many pixels a side are drawn at a time.
func batch(size int) int { return min(max(1<<16/(size*size), 1), 100) }

// New prepares the judge of a run.
func New(d *tensor.Device, job *pid.Job, c pid.Config) (*Judge, error) {
	net := job.Student.Net
	j := &Judge{job: job, config: c, generator: pid.GeneratorFor(net, c.Seed^drawSeed)}
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
		H: net.Resolution, W: net.Resolution, C: net.InChannels, Batch: batch(net.Resolution),
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

// Snapshot writes the sample grid of a step, measures the student, and returns a line about it.
func (j *Judge) Snapshot(ctx context.Context, dir *pid.Run, step int) (string, error) {
	path := filepath.Join(dir.Dir, fmt.Sprintf("samples_%06d.png", step))
	if err := j.Grid(ctx, path); err != nil {
		return "", err
	}
	line, err := j.Measure(ctx, dir, step)
	return fmt.Sprintf("step %d: %s%s", step, line, path), err
}

// Measure logs the distance of the student after a step, if there is one to have, and returns words about it.
func (j *Judge) Measure(ctx context.Context, dir *pid.Run, step int) (string, error) {
	n := j.config.EvalImages / 5
	if j.evaluator == nil || n < 2 {
		return "", nil
	}
	s, name, err := j.best()
	if err != nil {
		return "", err
	}
	fd, _, err := j.measure(ctx, j.byStudent(s), n)
	if err != nil {
		return "", err
	}
	err = dir.Log(struct {
		Step   int     `json:"step"`
		FD     float64 `json:"fd"`
		Images int     `json:"fd_images"`
	}{step, fd, n})
	return fmt.Sprintf("Fréchet distance of %d images (%s): %.1f; ", n, name, fd), err
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
	batch := batch(j.generator.H)
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
		batch := batch(j.generator.H)
		for first := 0; first < n && err == nil; first += batch {
			_, err = timed(first, min(batch, n-first))
		}
	} else {
		fd, err = j.evaluator.Distance(n, timed)
	}
	return fd, float64(n) / spent.Seconds(), err
}

// Table compares the teacher, at 35 evaluations and at 1, with the student before and after the run, a row at a time.
func (j *Judge) Table(ctx context.Context, w io.Writer) error {
	n := j.config.EvalImages
	if n < 2 {
		return nil
	}
	if j.evaluator == nil {
		n = min(n, 2*batch(j.generator.H))
	}
	row := func(name string, nfe int, draw drawing) error {
		fd, rate, err := j.measure(ctx, draw, n)
		if err != nil {
			return err
		}
		text := "-"
		if j.evaluator != nil {
			text = fmt.Sprintf("%.1f", fd)
		}
		_, err = fmt.Fprintf(w, "%-32s %12d %8s %12.4g\n", name, nfe, text, rate)
		return err
	}
	if _, err := fmt.Fprintf(w, "%-32s %12s %8s %12s\n", "", "evaluations", "FD", "images/s"); err != nil {
		return err
	}
	heun := teacherSampler()
	one := pid.Sampler{Levels: heun.Levels, Steps: 1}
	before, err := j.job.Untrained()
	if err != nil {
		return err
	}
	if err := row("teacher, Heun", heun.NFE(), j.byTeacher(heun)); err != nil {
		return err
	}
	if err := row("teacher, one step", one.NFE(), j.byTeacher(one)); err != nil {
		return err
	}
	if err := row("student before", 1, j.byStudent(before)); err != nil {
		return err
	}
	if err := row("student after, raw weights", 1, j.byStudent(j.job.Student)); err != nil {
		return err
	}
	for k, rate := range j.config.EMA {
		s, err := j.job.Average(k)
		if err != nil {
			return err
		}
		if err := row("student after, average "+pid.FormatRate(rate), 1, j.byStudent(s)); err != nil {
			return err
		}
	}
	note := fmt.Sprintf("FD: Fréchet distance of %d images to Fashion-MNIST's test images, in the features of the embedded classifier.", n)
	if j.evaluator == nil {
		note = "No Fréchet distance (FD): the embedded judge knows 16-pixel grey images only."
	}
	_, err = fmt.Fprintln(w, note)
	return err
}
