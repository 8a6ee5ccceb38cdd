package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"onestep/nn"
)

// flags are the settings of one call.
type flags struct {
	task, data, test, out, features string
	pad, halve                      int
	steps, batch, microbatch        int
	lr, ema, clip                   float64
	warmup                          int
	annealFrom, annealTo            float64
	seed                            uint64
	threads, saveEvery              int
	flip, half, conditional, resume bool
	net                             nn.UNetConfig
}

// errHelp says that -h was given and answered.
var errHelp = errors.New("help")

// ints is a comma-separated list as a flag.
type ints []int

func (l *ints) String() string {
	var s []string
	for _, v := range *l {
		s = append(s, strconv.Itoa(v))
	}
	return strings.Join(s, ",")
}

func (l *ints) Set(s string) error {
	*l = nil
	for _, part := range strings.Split(s, ",") {
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return fmt.Errorf("want whole numbers with commas between")
		}
		*l = append(*l, n)
	}
	return nil
}

func parse(args []string, out io.Writer) (*flags, error) {
	f := &flags{net: nn.SongDefaults()}
	f.net.ModelChannels, f.net.ChannelMult, f.net.NumBlocks, f.net.AttnResolutions = 16, []int{1, 2, 2}, 1, nil
	var dropout float64
	fs := flag.NewFlagSet("train", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&f.task, "task", "teacher", "what to make: teacher, classifier or reference (statistics of features)")
	fs.StringVar(&f.data, "data", "", "folder of images, or IDX `file` (labels beside it)")
	fs.StringVar(&f.test, "test", "", "IDX `file` or folder to test a classifier on")
	fs.StringVar(&f.out, "out", "", "safetensors `file` to write")
	fs.StringVar(&f.features, "features", "", "classifier `file` whose features are measured (reference)")
	fs.IntVar(&f.pad, "pad", 0, "pad images with black to this size, in `pixels`; 0: don't")
	fs.IntVar(&f.halve, "halve", 0, "then halve their size so many `times`, by 2x2 means")
	fs.IntVar(&f.steps, "steps", 10000, "optimiser steps")
	fs.IntVar(&f.batch, "batch", 64, "images per step")
	fs.IntVar(&f.microbatch, "microbatch", 0, "images at a time; 0: all of the batch")
	fs.Float64Var(&f.lr, "lr", 2e-3, "learning rate")
	fs.Float64Var(&f.ema, "ema", 0.999, "rate of the moving average, whose weights are written")
	fs.Float64Var(&f.clip, "clip", 1, "largest gradient norm; 0: no limit")
	fs.IntVar(&f.warmup, "warmup", 100, "steps of linear rise of the learning rate")
	fs.Float64Var(&f.annealFrom, "anneal-from", 0.5, "`fraction` of the run after which the rate falls in a straight line")
	fs.Float64Var(&f.annealTo, "anneal-to", 0.01, "`fraction` of the rate at the end")
	fs.Uint64Var(&f.seed, "seed", 0, "seed of all random numbers")
	fs.IntVar(&f.threads, "threads", 0, "worker threads; 0: one per processor")
	fs.IntVar(&f.saveEvery, "save-every", 1000, "steps between checkpoints; 0: only at the end")
	fs.BoolVar(&f.flip, "flip", false, "mirror every other image at random")
	fs.BoolVar(&f.half, "half", false, "write weights as binary16")
	fs.BoolVar(&f.conditional, "conditional", false, "teach the classes to the network")
	fs.BoolVar(&f.resume, "resume", false, "continue from the checkpoint beside -out")
	fs.StringVar(&f.net.ModelType, "net", f.net.ModelType, "SongUNet or DhariwalUNet")
	fs.IntVar(&f.net.ModelChannels, "model-channels", f.net.ModelChannels, "channels of the first level")
	fs.Var((*ints)(&f.net.ChannelMult), "channel-mult", "widths of the levels, in multiples of -model-channels")
	fs.IntVar(&f.net.NumBlocks, "num-blocks", f.net.NumBlocks, "residual blocks per level")
	fs.Var((*ints)(&f.net.AttnResolutions), "attn-resolutions", "resolutions with attention, besides the middle, in pixels")
	fs.Float64Var(&dropout, "dropout", 0, "probability of dropping an activation while training")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(out, "Usage: train -data DIR|FILE -out FILE [flags]")
		fs.SetOutput(out)
		fs.PrintDefaults()
		return nil, errHelp
	case err != nil:
		return nil, fmt.Errorf("%w (see -h)", err)
	case fs.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q (see -h)", fs.Arg(0))
	}
	f.net.Dropout = float32(dropout)
	return f, f.check()
}

func (f *flags) check() error {
	switch {
	case f.task != "teacher" && f.task != "classifier" && f.task != "reference":
		return fmt.Errorf("-task %q: want teacher, classifier or reference", f.task)
	case f.data == "":
		return errors.New("-data is missing: a folder of images or an IDX file")
	case f.out == "":
		return errors.New("-out is missing: the file to write")
	case f.task == "reference" && f.features == "":
		return errors.New("-features is missing: the classifier that judges")
	case f.steps < 1 || f.batch < 1 || f.microbatch < 0 || f.warmup < 0 || f.threads < 0 || f.saveEvery < 0 || f.pad < 0 || f.halve < 0:
		return errors.New("-steps and -batch must be positive, other counts not negative")
	case !(f.lr > 0) || !(f.ema >= 0 && f.ema < 1) || !(f.clip >= 0) || !(f.net.Dropout >= 0 && f.net.Dropout < 1):
		return errors.New("-lr must be positive, -ema and -dropout in [0,1), -clip not negative")
	}
	return nil
}
