// Command convert turns weight files of one format into another, and lists what is in them. convert -h lists its flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"onestep/tensor/format"
	"onestep/tools/internal/cli"
)

func main() {
	cli.Main("convert", parse, func(_ context.Context, f *flags) error { return run(f, os.Stdout, os.Stderr) })
}

func run(f *flags, out, messages io.Writer) error {
	switch {
	case f.reference:
		return reference(f, messages)
	case !f.list && !f.force: // before anything is read
		if err := checkAbsent(f.out); err != nil {
			return err
		}
	}
	file, err := open(f)
	if err != nil {
		return err
	}
	defer file.Close()
	if f.list {
		return list(out, file)
	}
	if n := len(file.Scalars); n > 0 {
		fmt.Fprintf(messages, "%s: %d values beside the tensors are left out; -l shows them\n", file.Path, n)
	}
	return convert(f.out, file)
}

// averages are the usual names of a network's average in files of training programs.
var averages = []string{"ema", "model_ema", "ema_model", "ema_state_dict", "state_dict_ema", "net_ema", "params_ema"}

// open reads the input, or the part of it that is wanted.
func open(f *flags) (*format.File, error) {
	if !f.ema {
		return format.OpenPart(f.in, f.part)
	}
	for _, part := range averages {
		file, err := format.OpenPart(f.in, part)
		if !errors.Is(err, format.ErrNoPart) {
			return file, err
		}
	}
	return nil, fmt.Errorf("%s: no average of a network: none of %v; --part picks by another name, and -l lists them", f.in, averages)
}

// checkAbsent is an error if a file is there.
func checkAbsent(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: exists; --force replaces it", path)
	}
	return nil
}
