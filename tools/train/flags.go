package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"onestep/nn"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/device"
)

// flags are the settings of one call.
type flags struct {
	task, data, test                string
	out, features, init             string
	pad, halve                      int
	steps, batch, microbatch        int
	lr, ema, clip, dropout          float64
	labelDropout, augment           float64
	warmup                          int
	annealFrom, annealTo            float64
	seed                            uint64
	threads, saveEvery              int
	device                          device.Name
	flip, half, conditional, resume bool
	net                             nn.UNetConfig
}

func defaults() *flags {
	f := &flags{
		task: "teacher", steps: 10000, batch: 64, lr: 2e-3, ema: 0.999, clip: 1, warmup: 100, annealFrom: 0.5, annealTo: 0.01, saveEvery: 1000, device: "auto",
		net: nn.SongDefaults(),
	}
	f.net.ModelChannels, f.net.ChannelMult, f.net.NumBlocks, f.net.AttnResolutions = 16, []int{1, 2, 2}, 1, nil
	return f
}

// options lists all flags, bound to f.
func (f *flags) options() []cli.Option {
	return []cli.Option{
		cli.New("Task", "task", "NAME", "what to make: a teacher, a classifier, or the reference statistics of a classifier's features", (*cli.Text)(&f.task)),
		cli.New("Task", "out", "FILE", "safetensors file to write", (*cli.Text)(&f.out)),
		cli.New("Task", "resume", "", "continue from the checkpoint beside --out", (*cli.Yes)(&f.resume)),
		cli.New("Task", "save-every", "STEPS", "steps between checkpoints; 0: only at the end", (*cli.Count)(&f.saveEvery)),
		cli.New("Task", "features", "FILE", "classifier whose features are measured, for --task reference", (*cli.Text)(&f.features)),
		cli.New("Task", "half", "", "write weights as binary16", (*cli.Yes)(&f.half)),
		cli.New("Task", "seed", "N", "seed of all random numbers", (*cli.Seed)(&f.seed)),
		cli.New("Task", "device", "NAME", device.Help, &f.device),
		cli.New("Task", "threads", "N", "worker threads, which do not change results; 0: one per processor", (*cli.Count)(&f.threads)),

		cli.New("Images", "data", "DIR|FILE", "folder of images (subfolders are classes), or an IDX file with its labels beside it", (*cli.Text)(&f.data)),
		cli.New("Images", "test", "DIR|FILE", "images to test a classifier on", (*cli.Text)(&f.test)),
		cli.New("Images", "pad", "PIXELS", "pad with black to this size; 0: not", (*cli.Count)(&f.pad)),
		cli.New("Images", "halve", "TIMES", "then halve the size so many times, by means of 2x2 pixels", (*cli.Count)(&f.halve)),
		cli.New("Images", "flip", "", "mirror every other image at random", (*cli.Yes)(&f.flip)),
		cli.New("Images", "augment", "P", "probability of each of EDM's augmentations, of which a teacher is told; mirrors every other image; EDM's is 0.12; 0: none",
			(*cli.Real)(&f.augment)),
		cli.New("Images", "conditional", "", "teach the classes to the network", (*cli.Yes)(&f.conditional)),
		cli.New("Images", "label-dropout", "P", "probability of not telling an image's class", (*cli.Real)(&f.labelDropout)),

		cli.New("Network, of a teacher", "init", "FILE", "weights to begin with, of any format that convert reads, and their network; empty: a new one", (*cli.Text)(&f.init)),
		cli.New("Network, of a teacher", "net", "NAME", nn.FamilyNames("or"), (*cli.Text)(&f.net.ModelType)),
		cli.New("Network, of a teacher", "model-channels", "N", "channels of the first level", (*cli.Count)(&f.net.ModelChannels)),
		cli.New("Network, of a teacher", "channel-mult", "LIST", "widths of the levels, in multiples of --model-channels", (*ints)(&f.net.ChannelMult)),
		cli.New("Network, of a teacher", "num-blocks", "N", "residual blocks per level", (*cli.Count)(&f.net.NumBlocks)),
		cli.New("Network, of a teacher", "attn-resolutions", "LIST", "resolutions in pixels with attention, besides the middle", (*ints)(&f.net.AttnResolutions)),

		cli.New("Optimiser", "steps", "STEPS", "optimiser steps of the whole run, by Adam", (*cli.Count)(&f.steps)),
		cli.New("Optimiser", "batch", "IMAGES", "images per step", (*cli.Count)(&f.batch)),
		cli.New("Optimiser", "microbatch", "IMAGES", "images at a time, to save memory; 0: all of the batch", (*cli.Count)(&f.microbatch)),
		cli.New("Optimiser", "lr", "RATE", "learning rate", (*cli.Real)(&f.lr)),
		cli.New("Optimiser", "warmup", "STEPS", "linear rise of the learning rate at the start", (*cli.Count)(&f.warmup)),
		cli.New("Optimiser", "anneal-from", "FRACTION", "part of the run after which the rate falls in a straight line; 1: never", (*cli.Real)(&f.annealFrom)),
		cli.New("Optimiser", "anneal-to", "FRACTION", "part of the rate that is left at the end", (*cli.Real)(&f.annealTo)),
		cli.New("Optimiser", "clip", "NORM", "largest Euclidean norm of the gradient; 0: no limit", (*cli.Real)(&f.clip)),
		cli.New("Optimiser", "ema", "RATE", "rate of the moving average, whose weights are written", (*cli.Real)(&f.ema)),
		cli.New("Optimiser", "dropout", "P", "probability of dropping an activation", (*cli.Real)(&f.dropout)),
	}
}

const usageHead = `Usage: train --data DIR|FILE --out FILE [flags]

Trains a diffusion teacher by EDM's loss, or a small classifier, on a set of images.
`

const usageTail = `
Exit status: 0 done, 1 failed (what was saved stays), 2 wrong flags, 130 interrupted (--resume continues).
`

// parse reads the command line. It answers -h itself, with cli.ErrHelp.
func parse(args []string, out io.Writer) (*flags, error) {
	f := defaults()
	given, err := cli.Parse(f.options(), args)
	if err == cli.ErrHelp {
		return nil, cmp.Or(cli.Usage(out, usageHead, defaults().options(), usageTail), err)
	} else if err != nil {
		return nil, err
	}
	for _, name := range []string{"net", "model-channels", "channel-mult", "num-blocks", "attn-resolutions"} {
		if _, ok := given[name]; ok && f.init != "" {
			return nil, fmt.Errorf("--%s: the file of --init says which network it is", name)
		}
	}
	f.net.Dropout, f.net.LabelDropout = float32(f.dropout), float32(f.labelDropout)
	if err := f.checkTask(given); err != nil {
		return nil, err
	}
	return f, f.check()
}

// checkTask is an error if a flag was given that the task would not use.
func (f *flags) checkTask(given map[string]string) error {
	if f.task != "teacher" && f.task != "classifier" && f.task != "reference" {
		return fmt.Errorf("--task %q: want teacher, classifier or reference", f.task)
	}
	for _, o := range f.options() {
		if _, ok := given[o.Name]; !ok {
			continue
		}
		switch {
		case o.Name == "features" && f.task != "reference", o.Name == "test" && f.task != "classifier":
		case f.task != "teacher" && (o.Group == "Network, of a teacher" || o.Name == "augment" || o.Name == "conditional" || o.Name == "label-dropout"):
		case f.task == "reference" && o.Name != "batch" && (o.Group == "Optimiser" || slices.Contains(trainingOnly, o.Name)):
		default:
			continue
		}
		return fmt.Errorf("%s: nothing that --task %s uses", o.Flag(), f.task)
	}
	return nil
}

// trainingOnly are the flags, besides those of the optimiser, that mean nothing where nothing is trained.
var trainingOnly = []string{"resume", "save-every", "half", "seed", "test", "flip"}

func (f *flags) check() error {
	for _, c := range []struct {
		name               string
		value, least, most int // the bounds are far above what makes sense
	}{
		{"steps", f.steps, 1, math.MaxInt}, {"batch", f.batch, 1, 1 << 20}, {"microbatch", f.microbatch, 0, math.MaxInt}, {"warmup", f.warmup, 0, math.MaxInt},
		{"threads", f.threads, 0, math.MaxInt}, {"save-every", f.saveEvery, 0, math.MaxInt}, {"pad", f.pad, 0, 1 << 10}, {"halve", f.halve, 0, 10},
		{"model-channels", f.net.ModelChannels, 1, 1 << 20}, {"num-blocks", f.net.NumBlocks, 1, 1000},
		{"channel-mult", slices.Max(append(f.net.ChannelMult, 1)), 1, 1 << 10},
	} {
		if c.value < c.least {
			return fmt.Errorf("--%s %d: must be at least %d", c.name, c.value, c.least)
		}
		if c.value > c.most {
			return fmt.Errorf("--%s %d: at most %d", c.name, c.value, c.most)
		}
	}
	if _, err := nn.FamilyNamed(f.net.ModelType); err != nil {
		return fmt.Errorf("--net %w", err)
	}
	switch {
	case f.data == "":
		return errors.New("--data is missing: a folder of images or an IDX file")
	case f.out == "":
		return errors.New("--out is missing: the file to write")
	case f.task == "reference" && f.features == "":
		return errors.New("--features is missing: the classifier that judges")
	case !(f.lr > 0) || math.IsInf(f.lr, 0):
		return fmt.Errorf("--lr %g: must be positive", f.lr)
	case !(f.clip >= 0) || math.IsInf(f.clip, 0):
		return fmt.Errorf("--clip %g: must be finite and not negative", f.clip)
	case !(f.ema >= 0 && f.ema < 1):
		return fmt.Errorf("--ema %g: want a rate from 0 up to, not including, 1", f.ema)
	case !(f.dropout >= 0 && f.dropout < 1):
		return fmt.Errorf("--dropout %g: want a probability below 1", f.dropout)
	case !(f.labelDropout >= 0 && f.labelDropout <= 1):
		return errors.New("--label-dropout: want a probability")
	case !(f.augment >= 0 && f.augment <= 1):
		return errors.New("--augment: want a probability")
	case f.augment > 0 && f.flip:
		return errors.New("--augment mirrors every other image, and tells the network: without --flip")
	case !(f.annealFrom >= 0 && f.annealFrom <= 1) || !(f.annealTo >= 0 && f.annealTo <= 1):
		return fmt.Errorf("--anneal-from %g, --anneal-to %g: want fractions from 0 to 1", f.annealFrom, f.annealTo)
	}
	return nil
}

// ints is a list of whole numbers with commas between.
type ints []int

func (v *ints) String() string {
	var s []string
	for _, n := range *v {
		s = append(s, strconv.Itoa(n))
	}
	return strings.Join(s, ",")
}

func (v *ints) Set(s string) error {
	*v = nil
	if s == "" {
		return nil
	}
	for part := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return errors.New("want whole numbers with commas between")
		}
		*v = append(*v, n)
	}
	return nil
}
