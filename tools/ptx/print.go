package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"onestep/kernels/cuda"
	"onestep/kernels/cuda/ptx"
	"onestep/tools/internal/cli"
)

func printOptions(f *flags) []cli.Option {
	return []cli.Option{
		cli.New("print", "l", "", "list all kernels, by the file in kernels/cuda that writes them", (*cli.Yes)(&f.list)),
		cli.New("print", "dir", "DIR", "write each kernel, or without names all, to a file KERNEL.ptx in this folder instead", (*cli.Text)(&f.dir)),
	}
}

// checkPrint says what is wrong with the flags of print.
func checkPrint(f *flags) error {
	named, written := len(f.files) > 0, f.dir != ""
	if f.list == (named || written) {
		return errors.New("print: want KERNEL ..., or --dir DIR, or -l alone")
	}
	return nil
}

// printKernels prints, writes or lists kernels.
func printKernels(_ context.Context, f *flags, out io.Writer) error {
	all := cuda.Kernels()
	if f.list {
		for _, k := range all {
			m, err := ptx.Parse(k.Name, k.PTX().Text)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s_ptx.go: %s\n", k.Family, describe(m, m.Functions[0]))
		}
		return nil
	}
	kernels := all
	if len(f.files) > 0 {
		kernels = nil
	}
	for _, name := range f.files {
		i := slices.IndexFunc(all, func(k *cuda.Kernel) bool { return k.Name == name })
		if i < 0 {
			return fmt.Errorf("no kernel %s: print -l lists them", name)
		}
		kernels = append(kernels, all[i])
	}
	for _, k := range kernels {
		if f.dir == "" {
			fmt.Fprint(out, k.PTX().Text)
			continue
		}
		if err := os.WriteFile(filepath.Join(f.dir, k.Name+".ptx"), []byte(k.PTX().Text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
