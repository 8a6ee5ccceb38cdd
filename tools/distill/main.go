// Command distill turns a diffusion teacher into a student that draws an image in one network evaluation, by Physics Informed
// Distillation. Without flags it distils the embedded teacher on the GPU, or else the CPU. distill -h lists the flags.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"onestep/dist"
	"onestep/pid"
	"onestep/tensor"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/judge"
)

func main() {
	start, err := dist.StartFrom(os.Getenv)
	cli.Main("distill", parseFor(start), func(ctx context.Context, f *flags) error {
		if err != nil {
			return err
		}
		return together(ctx, start, f, os.Stdout, os.Stderr)
	})
}

// run makes or continues a run and ends with its pictures and its table.
func run(ctx context.Context, f *flags, d *tensor.Device, ranks *dist.Comm, out, messages io.Writer) (err error) {
	defer tensor.Recover(&err) // a device may fail between steps too
	dir, job, err := begin(f, d, ranks)
	if err != nil {
		return err
	}
	if ranks.Rank() > 0 {
		return follow(ctx, f, job)
	}
	defer dir.Close()
	j, err := judge.New(d, job, f.Config)
	if err != nil {
		return err
	}
	where := d.Name()
	if n := ranks.Size(); n > 1 {
		where = fmt.Sprintf("%d ranks, here on %s", n, where)
	}
	for _, note := range dir.Notes {
		fmt.Fprintf(messages, "distill: note: %v\n", note)
	}
	fmt.Fprintf(messages, "%s: %d parameters on %s, %d of %d steps done\n", dir.Dir, job.Student.Net.Count(), where, job.Trainer.Step, f.Steps)
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
