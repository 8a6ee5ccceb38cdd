package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"onestep/nn"
	"onestep/pid/judge"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/device"
	"onestep/tools/internal/draw"
)

// flags are the settings of one call.
type flags struct {
	draw.Settings
	samples, ref   string
	choose         int
	inception      string
	resize         string
	metrics        judge.Metrics
	subsets        uint64 // seed of random choices
	json, saveRef  string
	force          bool
	batch, threads int
	device         device.Name
}

func defaults() *flags {
	return &flags{Settings: draw.Defaults(50_000), resize: "auto", metrics: judge.Metrics{judge.FID, judge.IS}, device: "auto"}
}

// options lists all flags, bound to f.
func (f *flags) options() []cli.Option {
	return slices.Concat([]cli.Option{
		cli.New("Images", "samples", "FILE|DIR", "images to judge: a .npz of arr_0 (N,H,W,C), a folder or a zip file of PNG files", (*cli.Text)(&f.samples)),
		cli.New("Images", "ref", "FILE|DIR", "images to compare with, of the same kinds, or their statistics: a .npz of mu and sigma, as EDM's", (*cli.Text)(&f.ref)),
		cli.New("Images", "num", "IMAGES", "judge so many of --samples, if there are more the same as EDM's fid.py chooses by --seed; 0: all", (*cli.Count)(&f.choose)),

		cli.New(drawnGroup, "student", "FILE", "a student, as of sample", (*cli.Text)(&f.Student)),
		cli.New(drawnGroup, "teacher", "FILE", "a teacher", (*cli.Text)(&f.Teacher)),
		cli.New(drawnGroup, "n", "IMAGES", "number of images, of seeds from 0 on", (*cli.Count)(&f.N)),
		f.OfSeeds(drawnGroup, "seeds of the images, as 50000-99999, in place of -n"),
		f.OfClass(drawnGroup),
		f.Half(drawnGroup),
	}, f.OfSampler(), []cli.Option{
		cli.New("Network", "inception", "FILE", "weights of the 2015-12-05 Inception, of any format that convert reads: pytorch-fid's pt_inception-2015-12-05-6726825d.pth, or OpenAI's port of TensorFlow's", (*cli.Text)(&f.inception)),
		cli.New("Network", "resize", "NAME", "how images become the network's input: tensorflow, as EDM, OpenAI and clean-fid do, or pytorch-fid; auto: as the weights' publisher", (*cli.Text)(&f.resize)),

		cli.New("Metrics", "metrics", "LIST", "of fid, is, sfid, kid and pr, with commas between; kid and pr keep 8 KB of every image", &f.metrics),
		cli.New("Metrics", "seed", "N", "seed of KID's subsets, and of the choice of --num", (*cli.Seed)(&f.subsets)),

		cli.New("Output", "json", "FILE", "write the numbers with all that they stand on", (*cli.Text)(&f.json)),
		cli.New("Output", "save-ref", "FILE", "write the statistics of --samples as a .npz for --ref, which EDM's fid.py reads, too; without --ref nothing is compared", (*cli.Text)(&f.saveRef)),
		cli.New("Output", "force", "", "compare with statistics of other weights, resizing or sizes of images, and replace files that are there", (*cli.Yes)(&f.force)),

		cli.New("Computation", "batch", "IMAGES", "images at a time in the network, which on the CPU does not change results; each takes 45 MB; 0: 8 on the CPU, 64 elsewhere", (*cli.Count)(&f.batch)),
		cli.New("Computation", "device", "NAME", device.Help, &f.device),
		cli.New("Computation", "threads", "N", "worker threads, which do not change results; 0: one per processor", (*cli.Count)(&f.threads)),
	})
}

// drawnGroup are the flags of images that are drawn while they are judged.
const drawnGroup = "Images that a network draws, in place of --samples, and the same bytes that sample saves"

// draws says whether a network draws the images.
func (f *flags) draws() bool { return f.Student != "" || f.Teacher != "" }

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
	return f, cmp.Or(f.checkDrawn(given), f.check())
}

// compares says whether some metric wants a reference.
func (f *flags) compares() bool { return len(f.metrics) != 1 || f.metrics[0] != judge.IS }

// onlySaves says whether statistics are made and no numbers.
func (f *flags) onlySaves() bool { return f.ref == "" && f.compares() }

// checkDrawn checks the flags of a network that draws, which have no meaning without one.
func (f *flags) checkDrawn(given map[string]string) error {
	if f.draws() && f.samples != "" {
		return errors.New("--samples: takes the place of --student and --teacher")
	}
	for _, o := range f.options() {
		if _, ok := given[o.Name]; ok && (o.Group == drawnGroup || o.Group == draw.SamplerGroup) && !f.draws() {
			return fmt.Errorf("%s: is for images that --student or --teacher draws", o.Flag())
		}
	}
	return f.Settings.Check(given)
}

func (f *flags) check() error {
	_, wrongResize := nn.InceptionInput(f.resize, 0)
	switch {
	case f.samples == "" && !f.draws():
		return errors.New("--samples is missing: the images to judge (-h explains)")
	case f.choose < 0 || f.choose > 0 && f.draws():
		return fmt.Errorf("--num %d: want images to choose of --samples", f.choose)
	case f.inception == "":
		return errors.New("--inception is missing: the network's weights (-h explains)")
	case f.onlySaves() && f.saveRef == "":
		return fmt.Errorf("--ref is missing: of --metrics %s, all but is compare with a reference", f.metrics.String())
	case wrongResize != nil:
		return fmt.Errorf("--resize %w", wrongResize)
	case f.saveRef != "" && strings.ToLower(filepath.Ext(f.saveRef)) != ".npz":
		return fmt.Errorf("--save-ref %s: want a .npz file", f.saveRef)
	case f.onlySaves() && f.json != "":
		return errors.New("--json: without --ref there are no numbers to write, but with --metrics is")
	case f.batch < 0:
		return fmt.Errorf("--batch %d: must not be negative", f.batch)
	case f.threads < 0:
		return fmt.Errorf("--threads %d: must not be negative", f.threads)
	}
	return nil
}

const usageHead = `Usage: evaluate --samples FILE|DIR --ref FILE|DIR --inception FILE [flags]
       evaluate --student FILE --ref FILE|DIR --inception FILE [flags]

Judges images by the Inception network of 2015-12-05, on exactly the bytes that are saved: Fréchet
distance (FID) with a 95 % interval, Inception Score, and on request sFID, KID, precision and recall.
Whatever would make the numbers meaningless is refused before anything is computed. The numbers do
not depend on --batch and --threads.
`

const usageTail = `
Exit status: 0 done, 1 failed, 2 wrong flags, 130 interrupted.
`
