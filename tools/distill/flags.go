package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"onestep/pid"
	"onestep/pid/ranks"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/device"
	"onestep/tools/internal/plan"
	"onestep/tools/internal/results"
)

// flags are the settings of one call: what the run depends on, and where and how it is run.
type flags struct {
	pid.Config
	Out     string
	Threads int
	Device  device.Name
	Resume  bool

	reference string  // folder of the reference's checkpoint to begin at
	notes     []error // about it

	place ranks.Start  // of this process among those of the run
	fid   *results.FID // of the run, on rank 0; nil: none
	plan  *plan.Plan   // of the run, on rank 0
	rate  *plan.Rate   // of its device

	preset string            // settings that take the place of the defaults
	config string            // file whose settings take the place of those
	given  map[string]string // on the command line
}

// option is one flag, and what it means for a run that is continued.
type option struct {
	cli.Option
	onResume resumeRule
}

// resumeRule says what a flag means for a run that is continued.
type resumeRule int

const (
	mustMatch resumeRule = iota // part of the run: must not change
	mayChange                   // part of the configuration that may change on the way
	perCall                     // no part of the configuration
)

// options lists all flags, bound to f.
func (f *flags) options() []option {
	return []option{
		{cli.New("Run", "out", "DIR", "run folder to make, or with --resume to continue; empty: the next free runs/NNN, or the last one", (*cli.Text)(&f.Out)), perCall},
		{cli.New("Run", "resume", "", "continue the run in --out from its newest whole checkpoint, with its settings", (*cli.Yes)(&f.Resume)), perCall},
		{cli.New("Run", "resume-reference", "DIR", "begin at the newest checkpoint that the PID reference repository left there: weights, averages, optimiser, step", (*cli.Text)(&f.reference)), perCall},
		{cli.New("Run", "preset", "NAME", "settings to start from: "+pid.PresetNames()+"; --config and other flags override them", (*cli.Text)(&f.preset)), perCall},
		{cli.New("Run", "config", "FILE", "take the settings of a run's config.json; other flags override them", (*cli.Text)(&f.config)), perCall},
		{cli.New("Run", "seed", "N", "seed of all random numbers", (*cli.Seed)(&f.Seed)), mustMatch},
		{cli.New("Run", "threads", "N", "worker threads, which do not change results; 0: one per processor", (*cli.Count)(&f.Threads)), perCall},
		{cli.New("Run", "device", "NAME", device.Help, &f.Device), perCall},
		{cli.New("Run", "save-every", "STEPS", "steps between checkpoints; 0: only at the end", (*cli.Count)(&f.SaveEvery)), mayChange},
		{cli.New("Run", "keep", "N", "checkpoints to keep, the newest; 0: all", (*cli.Count)(&f.Keep)), mayChange},
		{cli.New("Run", "eval-every", "STEPS", "steps between sample grids with Fréchet distances; 0: only at the end", (*cli.Count)(&f.EvalEvery)), mayChange},
		{cli.New("Run", "eval-images", "IMAGES", "images per Fréchet distance in the final table, a fifth of it on the way; 0: no table", (*cli.Count)(&f.EvalImages)), mayChange},
		{cli.New("Run", "grid-samples", "IMAGES", "images of teacher and of student in samples.png; 0: no grid", (*cli.Count)(&f.GridSamples)), mayChange},

		{cli.New("FID", "inception", "FILE", "weights of the 2015-12-05 Inception, of any format that convert reads, for the FID of every average, and in the end of the raw weights; empty: none", (*cli.Text)(&f.Inception)), mayChange},
		{cli.New("FID", "ref", "FILE", "statistics to compare with: a .npz of mu and sigma, EDM's or of evaluate --save-ref", (*cli.Text)(&f.Ref)), mayChange},
		{cli.New("FID", "resize", "NAME", "how images become the network's input: tensorflow, as EDM, OpenAI and clean-fid do, or pytorch-fid; auto: as the weights' publisher", (*cli.Text)(&f.Resize)), mayChange},
		{cli.New("FID", "fid-every", "STEPS", "steps between FIDs; 0: only at the end", (*cli.Count)(&f.FIDEvery)), mayChange},
		{cli.New("FID", "fid-images", "IMAGES", "images per FID: those that sample draws of the seeds from 0 on", (*cli.Count)(&f.FIDImages)), mayChange},

		{cli.New("Networks", "teacher", "FILE", "teacher weights, of any format that convert reads; empty: the embedded teacher", (*cli.Text)(&f.Teacher)), mayChange},
		{cli.New("Networks", "vgg", "FILE", "VGG16 weights for LPIPS, as torchvision has them; empty: the embedded perceptual network", (*cli.Text)(&f.VGG)), mayChange},
		{cli.New("Networks", "fp16", "", "half-precision storage with float32 sums and master weights, and a dynamic loss scale", (*cli.Yes)(&f.FP16)), mustMatch},
		{cli.New("Networks", "checkpoint-blocks", "", "compute blocks again in the backward pass: less memory, a third more time", (*cli.Yes)(&f.Recompute)), mustMatch},
		{cli.New("Networks", "init-scale", "FACTOR", "multiplies the student's last convolution at the start", (*cli.Real)(&f.InitScale)), mustMatch},

		{cli.New("Loss", "loss", "NAME", "distance between both sides of the equation: "+pid.DistanceNames(), (*cli.Text)(&f.Loss)), mustMatch},
		{cli.New("Loss", "n", "POINTS", "grid points of the noise level", (*cli.Count)(&f.Points)), mustMatch},
		{cli.New("Loss", "weighting", "NAME", "of noise levels: "+pid.WeightingNames(), (*cli.Text)(&f.Weighting)), mustMatch},
		{cli.New("Loss", "stratified", "", "spread a batch's noise levels evenly over the grid; --stratified=false: draw each freely", (*cli.Yes)(&f.Stratified)), mustMatch},

		{cli.New("Optimiser", "steps", "STEPS", "optimiser steps of the whole run", (*cli.Count)(&f.Steps)), mayChange},
		{cli.New("Optimiser", "batch", "SAMPLES", "samples per step", (*cli.Count)(&f.Batch)), mustMatch},
		{cli.New("Optimiser", "microbatch", "SAMPLES", "samples at a time, to save memory; 0: all of the batch", (*cli.Count)(&f.Micro)), mustMatch},
		{cli.New("Optimiser", "optimizer", "NAME", pid.OptimizerNames(), (*cli.Text)(&f.Optimizer)), mustMatch},
		{cli.New("Optimiser", "lr", "RATE", "learning rate", (*cli.Real)(&f.LR)), mayChange},
		{cli.New("Optimiser", "warmup", "STEPS", "linear rise of the learning rate at the start", (*cli.Count)(&f.Warmup)), mustMatch},
		{cli.New("Optimiser", "anneal-from", "FRACTION", "part of the run after which the rate falls in a straight line; 1: never", (*cli.Real)(&f.AnnealFrom)), mustMatch},
		{cli.New("Optimiser", "anneal-to", "FRACTION", "part of the rate that is left at the end", (*cli.Real)(&f.AnnealTo)), mustMatch},
		{cli.New("Optimiser", "clip", "NORM", "largest Euclidean norm of the gradient; 0: no limit", (*cli.Real)(&f.Clip)), mayChange},
		{cli.New("Optimiser", "ema", "RATES", "rates of the student's moving averages, with commas between; empty: none", (*cli.Rates)(&f.EMA)), mustMatch},
	}
}

func defaults() *flags {
	f := &flags{Config: pid.DefaultJob, Device: "auto", preset: "default"}
	f.EMA = slices.Clone(f.EMA)
	return f
}

// cliOptions is the options without what is particular to distill.
func (f *flags) cliOptions() (list []cli.Option) {
	for _, o := range f.options() {
		list = append(list, o.Option)
	}
	return list
}

// parse reads the command line. It answers -h itself, with cli.ErrHelp.
func parse(args []string, out io.Writer) (*flags, error) {
	f := defaults()
	given, err := cli.Parse(f.cliOptions(), args)
	switch {
	case err == cli.ErrHelp:
		return nil, cmp.Or(cli.Usage(out, usageHead, defaults().cliOptions(), usageTail), err)
	case err != nil:
		return nil, err
	case f.Threads < 0:
		return nil, fmt.Errorf("--threads %d: must not be negative", f.Threads)
	case f.Resume && f.config != "":
		return nil, errors.New("--config: a run that is continued keeps its own")
	case f.Resume && f.reference != "":
		return nil, errors.New("--resume-reference: begins a run, --resume continues one of this program")
	case f.Resume && given["preset"] != "":
		return nil, errors.New("--preset: a run that is continued keeps its own settings")
	}
	f.given = given
	var preset pid.Preset
	if preset, f.Config, err = pid.Settings(f.preset, f.config); err != nil {
		return nil, fmt.Errorf("--%w", err)
	}
	wrong := f.Config.Check() // an error of the file, which flags may yet mend
	if err := cli.Set(f.cliOptions(), given); err != nil {
		return nil, err
	}
	if err := preset.Missing(f.Config); err != nil {
		return nil, fmt.Errorf("--%w", err)
	}
	err = f.check()
	if err != nil && wrong != nil && err.Error() == wrong.Error() {
		err = fmt.Errorf("--config: %s: %w", f.config, err)
	}
	return f, err
}

// check says what is wrong with the settings, and with flags that would change nothing.
func (f *flags) check() error {
	for _, name := range []string{"resize", "fid-every", "fid-images"} {
		if _, ok := f.given[name]; ok && f.Inception == "" {
			return fmt.Errorf("--%s: there is no FID without the network: --inception names its weights, and --ref the statistics to compare with", name)
		}
	}
	return f.Check()
}

// resume takes over the settings of a run. The flags that were given may change some of them, and must agree with the others.
func (f *flags) resume(c pid.Config) error {
	f.Config = c
	for _, o := range f.options() {
		now, ok := f.given[o.Name]
		if was := o.Value.String(); ok && o.onResume == mustMatch && was != now {
			return fmt.Errorf("%s %s: the run has %q, which --resume keeps", o.Flag(), now, was)
		}
	}
	if err := cli.Set(f.cliOptions(), f.given); err != nil {
		return err
	}
	return f.check()
}

const usageHead = `Usage: distill [flags]

Distils a diffusion teacher into a student that draws an image in one network evaluation, by
Physics Informed Distillation. Without flags it distils the embedded teacher, within ten minutes on
two processor cores, into the next free folder runs/NNN: weights, report.html, samples.png,
loss.png, metrics.jsonl, events for TensorBoard, config.json, results.txt and checkpoints.

Ctrl-C writes a checkpoint and ends; a second one ends at once. --resume goes on from there, to the
same bits as a run that was never interrupted. A run that is continued keeps its settings, except
--save-every, those of the evaluation, --steps, to which the learning rate then refers, and, for a
run that diverged, --lr and --clip.

Started by mpirun, torchrun or srun, several processes make a run together: each takes its share of
every batch. --resume may use another number of them.
`

const usageTail = `
Exit status: 0 done; 1 failed, what was saved stays; 2 wrong flags; 130 interrupted, a checkpoint is
written.
`
