package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"onestep/pid"
	"onestep/pid/runs"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/progress"
	"onestep/tools/internal/results"
)

// train makes the steps that are left. Unless the run diverged or could not be saved, the last checkpoint is that of the last step, however it ended.
func train(ctx context.Context, f *flags, dir *runs.Run, job *pid.Job, shown *display, messages io.Writer) error {
	bar := progress.New(messages, f.Steps)
	saved := job.Trainer.Step
	save := func() error {
		if job.Trainer.Step == saved {
			return nil
		}
		saved = job.Trainer.Step
		return shown.save(job, bar.Println)
	}
	evaluate := func(step int) error {
		parts := results.Parts{Grid: due(f.EvalEvery, step), FID: f.HasFID(step)}
		if parts == (results.Parts{}) || step == dir.Evaluated || step == f.Steps {
			return nil
		}
		line, err := shown.evaluate(ctx, step, parts, bar.Note)
		if err == nil {
			dir.Evaluated = step
			bar.Println(line)
		}
		return err
	}
	job.Trainer.Pause = f.pause
	err := evaluate(saved) // which an interrupt may have prevented
	if err == nil || stopped(ctx, err) {
		err = job.Trainer.Run(ctx, func(m pid.Metrics) error {
			if err := dir.Log(m); err != nil {
				return err
			}
			if m.Skipped {
				bar.Println(fmt.Sprintf("step %d skipped: the gradient overflowed at a loss scale of 2^%.0f", m.Step, m.LossScale))
			} else {
				bar.Update(m.Step, m.Loss)
			}
			if err := evaluate(m.Step); err != nil {
				return err
			}
			if due(f.SaveEvery, m.Step) && !m.Skipped { // a skipped step changed nothing, and if the run is diverging the older checkpoints are worth more
				return save()
			}
			return nil
		})
	}
	bar.Finish()
	if err == nil || stopped(ctx, err) {
		if err := save(); err != nil {
			return explained(err, dir)
		}
	}
	if err != nil {
		shown.page() // its own error would only hide the one that ended the run
	}
	if stopped(ctx, err) {
		return fmt.Errorf("%w after %d of %d steps; a checkpoint is written: --resume --out %s continues", cli.ErrInterrupted, job.Trainer.Step, f.Steps, dir.Dir)
	}
	return explained(err, dir)
}

func due(every, step int) bool { return every > 0 && step%every == 0 }

// pause says after which steps the parameters are needed: to evaluate or to save them.
func (f *flags) pause(step int) bool {
	return due(f.EvalEvery, step) || due(f.SaveEvery, step) || f.HasFID(step)
}

// stopped says whether an error is that this rank or another was told to stop.
func stopped(ctx context.Context, err error) bool {
	return err != nil && (errors.Is(err, pid.ErrStopped) || ctx.Err() != nil && errors.Is(err, context.Cause(ctx)))
}

// explained adds to an error what is left of the run, and what may help.
func explained(err error, dir *runs.Run) error {
	switch {
	case errors.Is(err, pid.ErrDiverged):
		return fmt.Errorf("%w; %s is from before: --resume --out %s with a lower --lr or --clip 1 may help, or without the newest checkpoints", err, dir.Checkpoint, dir.Dir)
	case err != nil:
		return fmt.Errorf("%w; %s is whole, and --resume --out %s continues from it", err, dir.Checkpoint, dir.Dir)
	}
	return nil
}
