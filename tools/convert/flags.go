package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"onestep/tools/internal/cli"
)

// flags are the settings of one call.
type flags struct {
	in, out          string
	list, ema, force bool
	part             string
	reference        bool
}

// options lists all flags, bound to f.
func (f *flags) options() []cli.Option {
	return []cli.Option{
		cli.New("Input", "part", "NAME", "only what lies under this name, as net, state_dict or ema, without the name; empty: all or, of EDM's pickles, ema", (*cli.Text)(&f.part)),
		cli.New("Input", "ema", "", "only the average of the network, under whichever usual name it lies", (*cli.Yes)(&f.ema)),
		cli.New("Output", "l", "", "list names, types, shapes and hashes, and write nothing", (*cli.Yes)(&f.list)),
		cli.New("Output", "force", "", "replace files that are there", (*cli.Yes)(&f.force)),
		cli.New("Output", "reference", "", "write a run folder as the checkpoint set of the reference repository", (*cli.Yes)(&f.reference)),
	}
}

// parse reads the command line. It answers -h itself, with cli.ErrHelp.
func parse(args []string, out io.Writer) (*flags, error) {
	f := &flags{}
	_, files, err := cli.ParseFiles(f.options(), args)
	if err == cli.ErrHelp {
		return nil, cmp.Or(cli.Usage(out, usageHead, (&flags{}).options(), usageTail), err)
	}
	want := 2
	if f.list {
		want = 1
	}
	switch {
	case err != nil:
		return nil, err
	case len(files) != want && f.list:
		return nil, fmt.Errorf("-l: %d files, want one (-h explains)", len(files))
	case len(files) != want:
		return nil, fmt.Errorf("%d files, want IN and OUT, or -l IN (-h explains)", len(files))
	case f.ema && f.part != "":
		return nil, errors.New("--ema and --part: one of them picks")
	case f.reference && (f.list || f.ema || f.part != ""):
		return nil, errors.New("--reference: a run has parts of its own; only --force goes with it")
	}
	f.in = files[0]
	if !f.list {
		f.out = files[1]
		if writers[strings.ToLower(filepath.Ext(f.out))] == nil && !f.reference {
			return nil, fmt.Errorf("%s: want .safetensors, .pt, .pth, .ckpt or .npz", f.out)
		}
	}
	return f, nil
}

const usageHead = `Usage: convert [flags] IN OUT
       convert [flags] -l IN
       convert --reference RUN_DIR OUT_DIR

Converts weight files. IN is told by its content: safetensors, PyTorch's .pt (the old form too),
EDM's .pkl, .npz or .npy; nothing in it is run. OUT is told by its suffix: .safetensors, .pt, .pth,
.ckpt (all PyTorch's, loaded by weights_only too) or .npz. Names, shapes, types and bytes stay, and
metadata (a network's configuration) where the format has a place: not in .npz. OUT is whole or not
there at all.

--reference writes the newest checkpoint of a run folder as the PID reference repository's files:
modelSTEP.pt, ema_RATE_STEP.pt of every average, and optSTEP.pt, its optimiser's state.
distill --resume-reference goes the other way.
`

const usageTail = `
Exit status: 0 done; 1 failed, nothing is written; 2 wrong flags.
`
