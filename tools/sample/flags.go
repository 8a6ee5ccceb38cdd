package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"onestep/tools/internal/cli"
	"onestep/tools/internal/device"
	"onestep/tools/internal/draw"
)

// flags are the settings of one call.
type flags struct {
	draw.Settings
	out            string
	columns        int
	batch, threads int
	device         device.Name
}

func defaults() *flags {
	return &flags{Settings: draw.Defaults(64), out: "samples.png", columns: 16, batch: 64, device: "auto"}
}

// options lists all flags, bound to f.
func (f *flags) options() []cli.Option {
	return slices.Concat([]cli.Option{
		cli.New("Network", "teacher", "FILE", "draw by this teacher, of any format that convert reads; without it and --student: by the embedded one", (*cli.Text)(&f.Teacher)),
		cli.New("Network", "student", "FILE", "draw by this student, in one evaluation", (*cli.Text)(&f.Student)),
		f.Half("Network"),

		cli.New("Images", "n", "IMAGES", "number of images", (*cli.Count)(&f.N)),
		cli.New("Images", "seed", "N", "seed of the first image; each following one has the next", (*cli.Seed)(&f.Seed)),
		f.OfSeeds("Images", "seeds of the images, as 0-63,100, in place of -n and --seed"),
		f.OfClass("Images"),
		cli.New("Images", "out", "FILE|DIR", "a .png sheet, a .npz file, or else a folder of PNG files named by seed", (*cli.Text)(&f.out)),
		cli.New("Images", "columns", "IMAGES", "images in a row of the sheet", (*cli.Count)(&f.columns)),
	}, f.OfSampler(), []cli.Option{
		cli.New("Computation", "batch", "IMAGES", "images at a time, which does not change them", (*cli.Count)(&f.batch)),
		cli.New("Computation", "device", "NAME", device.Help, &f.device),
		cli.New("Computation", "threads", "N", "worker threads, which do not change results; 0: one per processor", (*cli.Count)(&f.threads)),
	})
}

// parse reads the command line. It answers -h itself, with cli.ErrHelp.
func parse(args []string, out io.Writer) (*flags, error) {
	f := defaults()
	given, err := cli.Parse(f.options(), args)
	if err == cli.ErrHelp {
		return nil, cmp.Or(cli.Usage(out, usageHead, defaults().options(), usageTail), err)
	}
	if err != nil {
		return nil, err
	}
	if _, seed := given["seed"]; seed && f.Seeds != nil {
		return nil, errors.New("--seeds: takes the place of --seed")
	}
	return f, f.check(given)
}

func (f *flags) check(given map[string]string) error {
	if err := f.Settings.Check(given); err != nil {
		return err
	}
	switch {
	case f.batch < 1 || f.columns < 1:
		return fmt.Errorf("--batch %d, --columns %d: must be positive", f.batch, f.columns)
	case f.threads < 0:
		return fmt.Errorf("--threads %d: must not be negative", f.threads)
	case f.out == "":
		return errors.New("--out is empty")
	case !slices.Contains([]string{"", ".png", ".npz"}, f.kind()):
		return fmt.Errorf("--out %s: want a .png sheet, a .npz file or a folder", f.out)
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
