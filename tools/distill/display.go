package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"onestep/pid"
	"onestep/pid/runs"
	"onestep/tensor"
	"onestep/tools/internal/board"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/progress"
	"onestep/tools/internal/report"
	"onestep/tools/internal/results"
)

// display is what a run shows of itself, besides its progress: grids and distances, event files, and the page.
type display struct {
	dir    *runs.Run
	evals  *results.Evaluation
	board  *board.Board
	report report.Report
	config pid.Config
	paged  time.Time // when the page was last written
}

// pageEvery is the least time between two states of the page, which take a second.
const pageEvery = 30 * time.Second

func newDisplay(f *flags, d *tensor.Device, dir *runs.Run, job *pid.Job, where string) (s *display, err error) {
	s = &display{
		dir: dir, config: f.Config, paged: time.Now(),
		report: report.Report{Dir: dir.Dir, Settings: f.settings(), Provenance: provenance(f, job, where)},
	}
	if s.evals, err = results.New(d, job, f.Config, f.fid); err != nil {
		return nil, err
	}
	s.board, err = board.Open(dir, job)
	return s, err
}

// evaluate measures and shows the student after a step, and returns a line about it. status is told what takes long.
func (s *display) evaluate(ctx context.Context, step int, parts results.Parts, status func(string)) (line string, err error) {
	return line, s.board.Untimed(func() error {
		if line, err = s.evals.AfterStep(ctx, s.dir, step, parts, status); err != nil || !parts.Grid {
			return err
		}
		return s.board.Samples(step, filepath.Join(s.dir.Dir, fmt.Sprintf("samples_%06d.png", step)))
	})
}

// save makes a checkpoint and, if the last page is old, a page. A page that cannot be written does not end the run: note is told.
func (s *display) save(job *pid.Job, note func(...any)) error {
	if err := s.board.Flush(); err != nil {
		return err
	}
	return s.board.Untimed(func() error {
		if err := s.dir.Save(job); err != nil {
			return err
		}
		if time.Since(s.paged) >= pageEvery {
			if err := s.page(); err != nil {
				note("the page is not written:", err)
			}
		}
		return nil
	})
}

// page writes the page.
func (s *display) page() error {
	if err := s.board.Flush(); err != nil {
		return err
	}
	s.paged = time.Now()
	return s.report.Write(s.config, s.paged)
}

// finish draws the pictures of a complete run, prints its table, and writes the page.
func (s *display) finish(ctx context.Context, out, messages io.Writer) error {
	if err := s.board.Flush(); err != nil { // before what does not count as training time
		return err
	}
	path := filepath.Join(s.dir.Dir, "samples.png")
	if err := s.evals.Grid(ctx, path); err != nil {
		return err
	}
	if err := s.board.Samples(s.config.Steps, path); err != nil {
		return err
	}
	bar := progress.New(messages, s.config.Steps)
	err := s.evals.AtEnd(ctx, s.dir, bar.Note)
	bar.Finish()
	if err != nil {
		return err
	}
	var table bytes.Buffer
	fmt.Fprintln(out)
	if err := s.evals.Table(ctx, io.MultiWriter(out, &table)); err != nil {
		return err
	}
	err = tensor.AtomicWrite(filepath.Join(s.dir.Dir, "results.txt"), func(w io.Writer) error {
		_, err := table.WriteTo(w)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.page(); err != nil {
		return err
	}
	fmt.Fprintf(out, "results are in %s, shown by %s\n", s.dir.Dir, filepath.Join(s.dir.Dir, report.File))
	return nil
}

// settings lists what the run depends on, as flags.
func (f *flags) settings() (list []report.Setting) {
	plain := defaults().options()
	for i, o := range f.options() {
		if o.onResume != perCall {
			v := o.Value.String()
			list = append(list, report.Setting{Group: o.Group, Flag: o.Flag(), Unit: o.Unit, Value: v, Help: o.Help, Changed: v != plain[i].Value.String()})
		}
	}
	return list
}

// provenance says what the run is made of.
func provenance(f *flags, job *pid.Job, where string) []report.Fact {
	var args []string
	for _, a := range os.Args[1:] {
		if strings.ContainsAny(a, " \t\n\"'") || a == "" {
			a = strconv.Quote(a)
		}
		args = append(args, a)
	}
	net := job.Student.Net
	list := []report.Fact{
		{Name: "Command", Value: "distill " + strings.Join(args, " ")},
		{Name: "Program", Value: cli.Program()},
		{Name: "Device", Value: where + ", " + runtime.GOOS + "/" + runtime.GOARCH},
		{Name: "Network", Value: fmt.Sprintf("%d parameters, %dx%d images of %d channels", net.Count(), net.Resolution, net.Resolution, net.InChannels)},
		{Name: "Teacher", Value: cmp.Or(f.Teacher, "embedded") + ", weights of SHA-256 " + job.TeacherDigest()},
	}
	if sum := job.PerceptualDigest(); sum != "" {
		list = append(list, report.Fact{Name: "Perceptual network", Value: cmp.Or(f.VGG, "embedded") + ", weights of SHA-256 " + sum})
	}
	if f.fid != nil {
		list = append(list, report.Fact{Name: "Inception network", Value: f.Inception + ", weights of SHA-256 " + f.fid.Network.Digest},
			report.Fact{Name: "Reference of FID", Value: f.fid.About()})
	}
	return append(list, report.Fact{Name: "Random numbers", Value: fmt.Sprintf("seed %d", f.Seed)})
}
