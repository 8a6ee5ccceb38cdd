// Command distill turns a diffusion teacher into a student that draws an image in one network evaluation, by Physics Informed
// Distillation. Without flags it distils the embedded teacher on the GPU, or else the CPU. distill -h lists the flags.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"onestep/pid/ranks"
	"onestep/tensor"
	"onestep/tools/internal/cli"
)

func main() {
	start, err := ranks.StartFrom(os.Getenv)
	cli.Main("distill", parseFor(start), func(ctx context.Context, f *flags) error {
		if err != nil {
			return err
		}
		return runAsRank(ctx, start, f, os.Stdout, os.Stderr)
	})
}

// run makes or continues a run and ends with its pictures and its table.
func run(ctx context.Context, f *flags, d *tensor.Device, ranks *ranks.Comm, out, messages io.Writer) (err error) {
	defer tensor.Recover(&err) // a device may fail between steps too
	dir, job, err := begin(f, d, ranks)
	if err != nil {
		return err
	}
	if ranks.Rank() > 0 {
		return trainBesideRank0(ctx, f, job)
	}
	defer dir.Close()
	where := d.Name()
	if n := ranks.Size(); n > 1 {
		where = fmt.Sprintf("%d ranks, here on %s", n, where)
	}
	shown, err := newDisplay(f, d, dir, job, where)
	if err != nil {
		return err
	}
	defer shown.board.Close()
	for _, note := range dir.Notes {
		fmt.Fprintf(messages, "distill: note: %v\n", note)
	}
	if f.fid != nil {
		for _, note := range f.fid.Notes {
			fmt.Fprintf(messages, "distill: note: FID: %s\n", note)
		}
	}
	fmt.Fprintf(messages, "%s: %d parameters on %s, %d of %d steps done\n", dir.Dir, job.Student.Net.Count(), where, job.Trainer.Step, f.Steps)
	if f.plan != nil {
		fmt.Fprintln(messages, f.plan.Short(f.rate))
	}
	if err := train(ctx, f, dir, job, shown, messages); err != nil {
		return err
	}
	err = shown.finish(ctx, out, messages)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: the student is complete; --resume --out %s draws its pictures and prints its table", cli.ErrInterrupted, dir.Dir)
	}
	return err
}
