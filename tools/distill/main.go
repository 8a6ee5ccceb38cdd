// Command distill turns a diffusion teacher into a student that draws an image in one network evaluation, by Physics Informed
// Distillation. Without flags it distils the embedded teacher on the CPU. distill -h lists the flags.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"onestep/pid"
	"onestep/tensor"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/judge"
	"onestep/tools/internal/progress"
)

// Exit statuses.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells have it for Ctrl-C
)

var errInterrupted = errors.New("interrupted")

func main() {
	f, err := parse(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, cli.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "distill:", err)
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	switch err := run(ctx, f, os.Stdout, os.Stderr); {
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(os.Stderr, "distill:", err)
		os.Exit(exitInterrupted)
	case err != nil:
		fmt.Fprintln(os.Stderr, "distill:", err)
		os.Exit(exitFailed)
	}
}

// run makes or continues a run and ends with its pictures and its table.
func run(ctx context.Context, f *flags, out, messages io.Writer) error {
	dir, job, err := begin(f)
	if err != nil {
		return err
	}
	defer dir.Close()
	j, err := judge.New(job.Student.Net.Device, job, f.Config)
	if err != nil {
		return err
	}
	fmt.Fprintf(messages, "%s: %d parameters on %s, %d of %d steps done\n",
		dir.Dir, job.Student.Net.Count(), job.Student.Net.Device.Name(), job.Trainer.Step, f.Steps)
	if err := train(ctx, f, dir, job, j, messages); err != nil {
		return err
	}
	if err := j.Pictures(dir); err != nil {
		return err
	}
	var table bytes.Buffer
	fmt.Fprintln(out)
	if err := j.Table(ctx, io.MultiWriter(out, &table)); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: the run is complete but for its table, which --resume --out %s prints", errInterrupted, dir.Dir)
		}
		return err
	}
	fmt.Fprintf(out, "results are in %s\n", dir.Dir)
	return tensor.AtomicWrite(filepath.Join(dir.Dir, "results.txt"), func(w io.Writer) error {
		_, err := table.WriteTo(w)
		return err
	})
}

// train makes the steps that are left. However it ends, the folder then has the last state that is worth having.
func train(ctx context.Context, f *flags, dir *pid.Run, job *pid.Job, j *judge.Judge, messages io.Writer) error {
	bar := progress.New(messages, f.Steps)
	saved := job.Trainer.Step
	save := func() error {
		if job.Trainer.Step == saved {
			return nil
		}
		saved = job.Trainer.Step
		return dir.Save(job)
	}
	err := job.Trainer.Run(ctx, func(m pid.Metrics) error {
		if err := dir.Log(m); err != nil {
			return err
		}
		if m.Skipped {
			bar.Println(fmt.Sprintf("step %d again: the gradient overflowed at a loss scale of 2^%.0f", m.Step+1, m.LossScale))
			return nil
		}
		bar.Update(m.Step, m.Loss)
		if f.EvalEvery > 0 && m.Step%f.EvalEvery == 0 && m.Step < f.Steps {
			line, err := j.Snapshot(dir, m.Step)
			if err != nil {
				return err
			}
			bar.Println(line)
		}
		if f.SaveEvery > 0 && m.Step%f.SaveEvery == 0 {
			return save()
		}
		return nil
	})
	bar.Finish()
	stopped := err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx))
	if err == nil || stopped {
		if err := save(); err != nil {
			return failed(err, dir)
		}
	}
	if stopped {
		return fmt.Errorf("%w after %d of %d steps; a checkpoint is written: --resume --out %s continues", errInterrupted, job.Trainer.Step, f.Steps, dir.Dir)
	}
	return failed(err, dir)
}

// failed says what is left after an error.
func failed(err error, dir *pid.Run) error {
	path := filepath.Join(dir.Dir, pid.CheckpointFile)
	switch {
	case errors.Is(err, pid.ErrDiverged):
		return fmt.Errorf("%w; %s is from before (a lower --lr or --clip 1 may help)", err, path)
	case err != nil:
		return fmt.Errorf("%w; %s is whole, and --resume --out %s continues from it", err, path, dir.Dir)
	}
	return nil
}
