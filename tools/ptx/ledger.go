package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"onestep/bench"
	"onestep/kernels/cuda"
	"onestep/kernels/cuda/chip"
	"onestep/kernels/cuda/emulated"
	"onestep/kernels/cuda/ledger"
	"onestep/nn"
	"onestep/tensor"
	"onestep/tools/internal/cli"
)

// preset is a network whose distillation step is accounted for.
type preset struct {
	name string
	net  func() nn.UNetConfig
	macs float64 // multiply-adds of an image through it; 0: not known, and the floor is that of the launches' useful operations
}

var presets = []preset{
	{"cifar10", nn.CIFAR10, bench.CIFAR10MACs},
	{"imagenet64", nn.ImageNet64, 0},
	{"tiny", func() nn.UNetConfig {
		c := nn.SongDefaults()
		c.Resolution, c.ModelChannels, c.ChannelMult, c.NumBlocks, c.AttnResolutions = 8, 8, []int{1, 2}, 1, []int{4}
		return c
	}, 0},
}

// ledgerFlags are the settings of a ledger.
type ledgerFlags struct {
	preset      string
	batch, rows int
	half, lpips bool
	csv         bool
}

func ledgerOptions(f *flags) []cli.Option {
	l := &f.ledger
	*l = ledgerFlags{preset: "cifar10", batch: 64, rows: 40, half: true, lpips: true}
	return []cli.Option{
		cli.New("ledger", "preset", "NAME", "network to distil: cifar10, imagenet64 or tiny", (*cli.Text)(&l.preset)),
		cli.New("ledger", "batch", "IMAGES", "samples a step", (*cli.Count)(&l.batch)),
		cli.New("ledger", "fp16", "", "half precision; --fp16=false: float32", (*cli.Yes)(&l.half)),
		cli.New("ledger", "lpips", "", "LPIPS on VGG16 at 224×224 as the distance; --lpips=false: L2", (*cli.Yes)(&l.lpips)),
		cli.New("ledger", "rows", "N", "kinds of launches to print, the longest first; 0: all", (*cli.Count)(&l.rows)),
		cli.New("ledger", "csv", "", "print every launch as CSV instead", (*cli.Yes)(&l.csv)),
	}
}

// account prints what a training step asks of a GPU, launch for launch, and how long it is predicted to take.
func account(_ context.Context, f *flags, out io.Writer) error {
	l := f.ledger
	i := slices.IndexFunc(presets, func(p preset) bool { return p.name == l.preset })
	if i < 0 || l.batch < 1 || l.batch > 1<<20 || l.rows < 0 {
		return fmt.Errorf("--preset %s --batch %d --rows %d: want cifar10, imagenet64 or tiny, a batch from 1 to a million and no negative rows", l.preset, l.batch, l.rows)
	}
	p := presets[i]
	fmt.Fprintf(os.Stderr, "Recording a step of %s, batch %d, and counting its launches on the interpreter ...\n", p.name, l.batch)
	r, err := record(bench.Step{Net: p.net(), Batch: l.batch, Half: l.half, LPIPS: l.lpips})
	if err != nil {
		return err
	}
	registers, err := bench.Registers()
	if err != nil {
		return err
	}
	g, err := ledger.New(r, registers, chip.All...)
	switch {
	case err != nil:
		return err
	case l.csv:
		return g.CSV(out)
	}
	flops := g.Useful()
	if p.macs > 0 {
		flops = bench.PIDStepFLOPs(p.macs, l.batch)
		if l.lpips {
			flops += bench.LPIPSFLOPs(l.batch)
		}
	}
	words := []string{p.name, fmt.Sprintf("batch %d", l.batch), "float32", "L2"}
	peak := func(c chip.Chip) float64 { return c.FP32 }
	if l.half {
		words[2] = "half precision"
		peak = func(c chip.Chip) float64 { return c.TensorF16 }
	}
	if l.lpips {
		words[3] = "LPIPS on VGG16 at 224×224"
	}
	fmt.Fprintf(out, "PREDICTED, not measured: a PID step of %s. Counts are the interpreter's, times those of package chip's formula.\n\n", strings.Join(words, ", "))
	return g.Print(out, l.rows, flops, peak)
}

// record makes the steps that a run begins with on a device that runs nothing, and keeps the second: a recorded one, as all later ones are.
func record(s bench.Step) (*emulated.Recorder, error) {
	r := emulated.NewRecorder()
	d, err := cuda.On(r, "recorder")
	if err != nil {
		return nil, err
	}
	tr, err := bench.PIDStep(tensor.On(d), s)
	if err != nil {
		return nil, err
	}
	for range 2 {
		r.Reset()
		if _, err := tr.Update(); err != nil {
			return nil, err
		}
	}
	return r, nil
}
