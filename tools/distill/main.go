// Command distill turns a diffusion teacher into a student that draws an image in one network evaluation, by Physics Informed
// Distillation. Without flags it distils the embedded teacher on the CPU. distill -h lists the flags.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"onestep/pid"
	"onestep/tensor"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/judge"
)

func main() {
	cli.Main("distill", parse, func(ctx context.Context, f *flags) error { return run(ctx, f, os.Stdout, os.Stderr) })
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
	err = show(ctx, dir, j, out)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: the student is complete; --resume --out %s draws its pictures and prints its table", cli.ErrInterrupted, dir.Dir)
	}
	return err
}

// show draws the pictures of a complete run and prints its table.
func show(ctx context.Context, dir *pid.Run, j *judge.Judge, out io.Writer) error {
	if err := j.Pictures(ctx, dir); err != nil {
		return err
	}
	var table bytes.Buffer
	fmt.Fprintln(out)
	if err := j.Table(ctx, io.MultiWriter(out, &table)); err != nil {
		return err
	}
	fmt.Fprintf(out, "results are in %s\n", dir.Dir)
	return tensor.AtomicWrite(filepath.Join(dir.Dir, "results.txt"), func(w io.Writer) error {
		_, err := table.WriteTo(w)
		return err
	})
}
