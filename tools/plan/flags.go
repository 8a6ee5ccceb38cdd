package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"onestep/nn"
	"onestep/pid"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/device"
)

// flags are the settings of one call: those of distill that memory and time depend on, and on what it is to run.
type flags struct {
	pid.Config
	preset  string
	net     nn.UNetConfig // that the preset is for; without a model_type: the embedded teacher's
	config  string
	gpus    int
	threads int
	device  device.Name
}

// options lists all flags, bound to f.
func (f *flags) options() []cli.Option {
	return []cli.Option{
		cli.New("Job", "preset", "NAME", "settings to start from: "+pid.PresetNames()+", whose networks are known without a file", (*cli.Text)(&f.preset)),
		cli.New("Job", "config", "FILE", "take the settings of a run's config.json; other flags override them", (*cli.Text)(&f.config)),
		cli.New("Job", "teacher", "FILE", "teacher weights; empty: the preset's network", (*cli.Text)(&f.Teacher)),
		cli.New("Job", "loss", "NAME", "distance between both sides of the equation: "+pid.DistanceNames(), (*cli.Text)(&f.Loss)),
		cli.New("Job", "batch", "SAMPLES", "samples per step, of all processes", (*cli.Count)(&f.Batch)),
		cli.New("Job", "microbatch", "SAMPLES", "samples at a time; 0: all of a process's share", (*cli.Count)(&f.Micro)),
		cli.New("Job", "fp16", "", "half-precision storage", (*cli.Yes)(&f.FP16)),
		cli.New("Job", "checkpoint-blocks", "", "compute blocks again in the backward pass", (*cli.Yes)(&f.Recompute)),
		cli.New("Job", "ema", "RATES", "rates of the averages, with commas between", (*cli.Rates)(&f.EMA)),
		cli.New("Job", "grid-samples", "IMAGES", "images in sample grids; 0 here and for --eval-images: nothing is drawn on the way", (*cli.Count)(&f.GridSamples)),
		cli.New("Job", "eval-images", "IMAGES", "images per Fréchet distance", (*cli.Count)(&f.EvalImages)),
		cli.New("Job", "inception", "FILE", "the Inception network of FIDs, which one of the processes keeps; the file is not read", (*cli.Text)(&f.Inception)),

		cli.New("Machine", "gpus", "N", "plan for so many GPUs, each with a process; 0: for this device alone, and 8 A100s beside", (*cli.Count)(&f.gpus)),
		cli.New("Machine", "device", "NAME", device.Help, &f.device),
		cli.New("Machine", "threads", "N", "worker threads; 0: one per processor", (*cli.Count)(&f.threads)),
	}
}

func defaults() *flags {
	f := &flags{Config: pid.DefaultJob, preset: "default", device: "auto"}
	f.EMA = slices.Clone(f.EMA)
	return f
}

// parse reads the command line. It answers -h itself, with cli.ErrHelp.
func parse(args []string, out io.Writer) (*flags, error) {
	f := defaults()
	given, err := cli.Parse(f.options(), args)
	switch {
	case err == cli.ErrHelp:
		return nil, cmp.Or(cli.Usage(out, usageHead, defaults().options(), ""), err)
	case err != nil:
		return nil, err
	}
	var preset pid.Preset
	if preset, f.Config, err = pid.Settings(f.preset, f.config); err != nil {
		return nil, fmt.Errorf("--%w", err)
	}
	f.net = preset.Net
	if err := cli.Set(f.options(), given); err != nil {
		return nil, err
	}
	if f.gpus < 0 || f.threads < 0 {
		return nil, fmt.Errorf("--gpus %d, --threads %d: must not be negative", f.gpus, f.threads)
	}
	if f.Inception != "" && f.Ref == "" {
		f.Ref = "any" // whose size is known
	}
	return f, f.Check()
}

const usageHead = `Usage: plan [flags]

Says what a distillation will take before it begins: floating-point operations by network, memory,
the largest microbatch that fits, and step times, which are predictions. Memory is counted by making
the first steps on a device that computes nothing; a short measurement gives this device's speed.
`
