package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"onestep/pid"
	"onestep/pid/ranks"
	"onestep/tools/internal/cli"
)

// runAsRank runs the command as one of the ranks that were started together, or as the only one. Only rank 0 prints. After an error that all ranks
// know of, each ends by itself, and all but rank 0 with status 0: a launcher kills everybody as soon as one fails, and rank 0 may not be done. An error
// that only one rank knows of aborts all.
func runAsRank(ctx context.Context, start ranks.Start, f *flags, out, messages io.Writer) error {
	if f.Threads == 0 && start.Peers > 1 {
		f.Threads = max(1, runtime.GOMAXPROCS(0)/start.Peers)
	}
	f.place = start
	d, err := f.Device.Open(f.Threads, start.Local, messages)
	if err != nil {
		return err
	}
	gpu, _ := d.Self().(ranks.GPU)
	ranks, err := ranks.Open(start, ranks.Options{GPU: gpu, Lost: func(err error) {
		fmt.Fprintf(messages, "distill: %v\n", err)
		os.Exit(cli.ExitFailed)
	}})
	if err != nil {
		return err
	}
	err = run(ctx, f, d, ranks, out, messages)
	shared := (*sharedError)(nil)
	switch {
	case start.Size == 1:
		return err
	case err == nil || errors.As(err, &shared) || errors.Is(err, cli.ErrInterrupted):
		if start.Rank > 0 {
			err = nil
		}
		return errors.Join(err, ranks.Close())
	case start.Rank > 0 && errors.Is(err, pid.ErrDiverged):
		ranks.Barrier() // rank 0 has seen it too, and aborts this one
	}
	err = fmt.Errorf("rank %d: %w", start.Rank, err)
	fmt.Fprintf(messages, "distill: %v\n", err)
	ranks.Abort(err)
	os.Exit(cli.ExitFailed)
	return nil
}

// sharedError is one that all ranks know of.
type sharedError struct{ error }

func (e *sharedError) Unwrap() error { return e.error }

// shareError tells all ranks of an error of one of them, which is then a sharedError of all.
func shareError(ranks *ranks.Comm, err error) error {
	text := []byte(nil)
	if err != nil {
		text = []byte(err.Error())
	}
	all, lost := ranks.AllGather(text)
	if lost != nil {
		return lost
	}
	for r, text := range all {
		switch {
		case len(text) == 0:
		case r == ranks.Rank():
			return &sharedError{err}
		default:
			return &sharedError{fmt.Errorf("rank %d: %s", r, text)}
		}
	}
	return nil
}

// parseFor parses the command line on every rank, and lets rank 0 speak of it.
func parseFor(start ranks.Start) func(args []string, out io.Writer) (*flags, error) {
	return func(args []string, out io.Writer) (*flags, error) {
		if start.Rank == 0 {
			return parse(args, out)
		}
		f, err := parse(args, io.Discard)
		if err != nil {
			os.Exit(0) // rank 0 fails alike, and prints why
		}
		return f, err
	}
}

// trainBesideRank0 makes the same steps as rank 0, which alone logs and saves them.
func trainBesideRank0(ctx context.Context, f *flags, job *pid.Job) error {
	job.Trainer.Pause = f.pause
	err := job.Trainer.Run(ctx, func(pid.Metrics) error { return nil })
	if stopped(ctx, err) {
		return cli.ErrInterrupted
	}
	return err
}
