// Package device makes a device of its name on the command line.
package device

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"onestep/kernels"
	"onestep/kernels/cuda"
	"onestep/kernels/cuda/driver"
	"onestep/tensor"
)

// Name is a device as a flag: auto, cpu, cuda, cuda:1 or emulated, which is a GPU's kernels on the interpreter. A GPU's name may end in +tf32.
type Name string

// Help is the flag's text.
const Help = "auto, cpu, cuda, cuda:1 or emulated; auto: the first GPU, or else the CPU; cuda+tf32: float32 products by tensor cores, with 10 bits of fraction"

func (n *Name) String() string { return string(*n) }

// Set takes a name.
func (n *Name) Set(s string) error {
	base, _ := Name(s).split()
	switch _, isGPU := base.ordinal(0); {
	case s == "auto", s == "cpu", base == "emulated", isGPU:
		*n = Name(s)
		return nil
	}
	return errors.New("want auto, cpu, cuda, cuda:1 or emulated, the last three perhaps with +tf32")
}

// split is the name without the ending +tf32, and whether it had that.
func (n Name) split() (base Name, tf32 bool) {
	s, tf32 := strings.CutSuffix(string(n), "+tf32")
	return Name(s), tf32
}

// ordinal is the number of the GPU that is named, for a process.
func (n Name) ordinal(process int) (int, bool) {
	if n == "cuda" {
		return process, true
	}
	digits, ok := strings.CutPrefix(string(n), "cuda:")
	i, err := strconv.ParseUint(digits, 10, 16)
	return int(i), ok && err == nil
}

// Open opens the device, the CPU with so many threads (0: one per processor). Of several processes on a machine each gives its number, from 0: auto
// and cuda are the GPU of that number. Where auto passes over a GPU that is there, messages says why.
func (n Name) Open(threads, process int, messages io.Writer) (*tensor.Device, error) {
	if err := kernels.CheckISAEnv(); err != nil {
		return nil, err
	}
	base, tf32 := n.split()
	ordinal, isGPU := base.ordinal(process)
	switch {
	case isGPU:
		d, err := cuda.Open(ordinal)
		return n.on(d, err, tf32)
	case base == "emulated":
		d, err := cuda.Emulated()
		return n.on(d, err, tf32)
	case n == "auto":
		d, err := cuda.Open(process)
		if err == nil {
			return tensor.On(d), nil
		}
		if !errors.Is(err, driver.ErrNone) {
			fmt.Fprintf(messages, "the GPU is not used: %v\n", err)
		}
	}
	return tensor.CPU(threads), nil
}

func (n Name) on(d *cuda.Device, err error, tf32 bool) (*tensor.Device, error) {
	if err != nil {
		return nil, fmt.Errorf("--device %s: %w", n, err)
	}
	d.TF32 = tf32
	return tensor.On(d), nil
}
