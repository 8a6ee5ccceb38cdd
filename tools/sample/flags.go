package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"onestep/pid"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/device"
)

// flags are the settings of one call.
type flags struct {
	teacher, student string
	fp16             bool
	seeds            []uint64
	n                int
	seed             uint64
	class            int
	method           string
	sampler          pid.Sampler
	out              string
	columns          int
	batch, threads   int
	device           device.Name
}

func defaults() *flags {
	return &flags{
		n: 64, class: -1, method: "heun", out: "samples.png", columns: 16, batch: 64, device: "auto",
		sampler: pid.Sampler{Levels: pid.EDMLevels(0), Steps: 18, SMax: math.Inf(1), SNoise: 1},
	}
}

// options lists all flags, bound to f.
func (f *flags) options() []cli.Option {
	s := &f.sampler
	return []cli.Option{
		cli.New("Network", "teacher", "FILE", "draw by this teacher, of any format that convert reads; without it and --student: by the embedded one", (*cli.Text)(&f.teacher)),
		cli.New("Network", "student", "FILE", "draw by this student, in one evaluation", (*cli.Text)(&f.student)),
		cli.New("Network", "fp16", "", "half-precision storage with float32 sums", (*cli.Yes)(&f.fp16)),

		cli.New("Images", "n", "IMAGES", "number of images", (*cli.Count)(&f.n)),
		cli.New("Images", "seed", "N", "seed of the first image; each following one has the next", (*cli.Seed)(&f.seed)),
		cli.New("Images", "seeds", "LIST", "seeds of the images, as 0-63,100, in place of -n and --seed", (*cli.Seeds)(&f.seeds)),
		cli.New("Images", "class", "N", "class of all images of a conditional network; -1: one drawn for each seed", (*cli.Count)(&f.class)),
		cli.New("Images", "out", "FILE|DIR", "a .png sheet, a .npz file, or else a folder of PNG files named by seed", (*cli.Text)(&f.out)),
		cli.New("Images", "columns", "IMAGES", "images in a row of the sheet", (*cli.Count)(&f.columns)),

		cli.New("Sampler, of a teacher", "sampler", "NAME", "heun (2*STEPS-1 evaluations) or euler (STEPS)", (*cli.Text)(&f.method)),
		cli.New("Sampler, of a teacher", "steps", "STEPS", "noise levels", (*cli.Count)(&s.Steps)),
		cli.New("Sampler, of a teacher", "churn", "AMOUNT", "S_churn: noise put back on the way, over all steps; 0: the ODE", (*cli.Real)(&s.Churn)),
		cli.New("Sampler, of a teacher", "s-min", "SIGMA", "S_min: lowest noise level at which it is put back", (*cli.Real)(&s.SMin)),
		cli.New("Sampler, of a teacher", "s-max", "SIGMA", "S_max: highest noise level at which it is put back", (*cli.Real)(&s.SMax)),
		cli.New("Sampler, of a teacher", "s-noise", "FACTOR", "S_noise: its standard deviation", (*cli.Real)(&s.SNoise)),
		cli.New("Sampler, of a teacher", "clip", "", "clamp every answer of the network to [-1,1], as the PID reference does", (*cli.Yes)(&s.Clip)),

		cli.New("Computation", "batch", "IMAGES", "images at a time, which does not change them", (*cli.Count)(&f.batch)),
		cli.New("Computation", "device", "NAME", device.Help, &f.device),
		cli.New("Computation", "threads", "N", "worker threads, which do not change results; 0: one per processor", (*cli.Count)(&f.threads)),
	}
}

// ofSampler are the flags that a student has no use for.
const ofSampler = "Sampler, of a teacher"

// parse reads the command line. It answers -h itself, with cli.ErrHelp.
func parse(args []string, out io.Writer) (*flags, error) {
	f := defaults()
	options := f.options()
	given, err := cli.Parse(options, args)
	if err == cli.ErrHelp {
		return nil, cmp.Or(cli.Usage(out, usageHead, defaults().options(), usageTail), err)
	}
	if err != nil {
		return nil, err
	}
	for _, o := range options {
		if _, ok := given[o.Name]; ok && f.student != "" && o.Group == ofSampler {
			return nil, fmt.Errorf("%s: a student draws in one evaluation, without a sampler", o.Flag())
		}
	}
	_, n := given["n"]
	_, seed := given["seed"]
	if f.seeds != nil && (n || seed) {
		return nil, errors.New("--seeds: takes the place of -n and --seed")
	}
	return f, f.check()
}

func (f *flags) check() error {
	s := &f.sampler
	switch s.Euler = f.method == "euler"; {
	case f.teacher != "" && f.student != "":
		return errors.New("--teacher and --student: one network draws")
	case !s.Euler && f.method != "heun":
		return fmt.Errorf("--sampler %q: want heun or euler", f.method)
	case s.Steps < 1:
		return fmt.Errorf("--steps %d: must be positive", s.Steps)
	case !(s.Churn >= 0) || math.IsInf(s.Churn, 0) || !(s.SMin >= 0) || !(s.SMax >= s.SMin) || !(s.SNoise > 0) || math.IsInf(s.SNoise, 0):
		return fmt.Errorf("--churn %g, --s-min %g, --s-max %g, --s-noise %g: want finite, positive numbers in order", s.Churn, s.SMin, s.SMax, s.SNoise)
	case f.n < 1 || f.n > cli.MaxSeeds || f.batch < 1 || f.columns < 1:
		return fmt.Errorf("-n %d, --batch %d, --columns %d: must be positive, and images at most %d", f.n, f.batch, f.columns, cli.MaxSeeds)
	case f.class < -1:
		return fmt.Errorf("--class %d: want a class, or -1", f.class)
	case f.threads < 0:
		return fmt.Errorf("--threads %d: must not be negative", f.threads)
	case f.out == "":
		return errors.New("--out is empty")
	case !slices.Contains([]string{"", ".png", ".npz"}, f.kind()):
		return fmt.Errorf("--out %s: want a .png sheet, a .npz file or a folder", f.out)
	}
	if f.seeds == nil {
		f.seeds = pid.Seeds(f.seed, f.n)
	}
	if last := slices.Max(f.seeds); f.kind() == "" && last > math.MaxInt {
		return fmt.Errorf("--seeds: no file is named by %d", last)
	}
	return nil
}

// kind is the extension of the output; "" for a folder.
func (f *flags) kind() string {
	if strings.HasSuffix(f.out, "/") {
		return ""
	}
	return strings.ToLower(filepath.Ext(f.out))
}

const usageHead = `Usage: sample [flags]

Draws images by a teacher, as it is embedded or from a file, in several evaluations of the network,
or by a student in one. The image of a seed is the same whatever is drawn with it.
`

const usageTail = `
Exit status: 0 done, 1 failed, 2 wrong flags, 130 interrupted.
`
