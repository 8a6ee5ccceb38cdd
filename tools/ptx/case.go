package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"onestep/kernels/cuda/conformance"
	"onestep/kernels/cuda/driver"
	"onestep/kernels/cuda/emulated"
	"onestep/kernels/cuda/simt"
	"onestep/tools/internal/cli"
)

// cases runs conformance cases, each on a device of its own, and prints a line for each.
func cases(ctx context.Context, f *flags, out io.Writer) error {
	failed := 0
	for i, file := range f.files {
		if ctx.Err() != nil {
			return fmt.Errorf("%w after %d of %d cases", cli.ErrInterrupted, i, len(f.files))
		}
		name, counters, err := runCase(f, file, out)
		if err != nil {
			fmt.Fprintf(out, "FAIL %s: %v\n", name, err)
			failed++
			continue
		}
		fmt.Fprintf(out, "ok %s\n", name)
		if counters != nil {
			fmt.Fprint(out, count(counters))
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d cases failed", failed, len(f.files))
	}
	return nil
}

// runCase runs one case, whose kernel may print; its name is the file's until that is read.
func runCase(f *flags, file string, out io.Writer) (name string, counters *simt.Counters, err error) {
	c, err := conformance.Read(file)
	if err != nil {
		return file, nil, err
	}
	d, counters, err := open(f, out)
	if err != nil {
		return c.Name, nil, err
	}
	err = c.Run(d)
	if e := d.Close(); err == nil {
		err = e
	}
	return c.Name, counters, err
}

// open opens the device of the flags. The interpreter looks for everything that it can see; what kernels print goes to out.
func open(f *flags, out io.Writer) (driver.Driver, *simt.Counters, error) {
	n, err := ordinal(f.device)
	if err != nil || n >= 0 {
		d, err := driver.Open(n)
		return d, nil, err
	}
	o := simt.Strict
	o.Seed, o.MaxTime = f.seed, time.Duration(f.limit)*time.Second
	o.Print = out
	if f.counters {
		o.Counters = simt.NewCounters(true)
	}
	return emulated.New(o), o.Counters, nil
}

// count is a table of what was counted.
func count(c *simt.Counters) string {
	s := ""
	for class := range c.Warp {
		if c.Warp[class] > 0 {
			s += fmt.Sprintf("  %-10v %12d instructions of warps, %14d of threads\n", simt.Class(class), c.Warp[class], c.Thread[class])
		}
	}
	s += fmt.Sprintf("  FLOPs %d, of matrices %d\n", c.FLOPs, c.MatrixFLOPs)
	s += fmt.Sprintf("  32-byte sectors of global memory %d, ideally %d; unique bytes read %d, written %d\n", c.Sectors, c.IdealSectors, 32*len(c.Read), 32*len(c.Written))
	return s + fmt.Sprintf("  wavefronts of shared memory %d, ideally %d\n", c.Wavefronts, c.IdealWavefronts)
}
