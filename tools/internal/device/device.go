// Package device makes a device of its name on the command line.
package device

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"onestep/kernels/cuda"
	"onestep/kernels/cuda/driver"
	"onestep/tensor"
)

// Name is a device as a flag: auto, cpu, cuda, cuda:1 or emulated, which is a GPU's kernels on the interpreter.
type Name string

// Help is the flag's text.
const Help = "auto, cpu, cuda, cuda:1 or emulated; auto: the first GPU, or else the CPU"

func (n *Name) String() string { return string(*n) }

// Set takes a name.
func (n *Name) Set(s string) error {
	switch _, isGPU := Name(s).ordinal(0); {
	case s == "auto", s == "cpu", s == "emulated", isGPU:
		*n = Name(s)
		return nil
	}
	return errors.New("want auto, cpu, cuda, cuda:1 or emulated")
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
	ordinal, isGPU := n.ordinal(process)
	switch {
	case isGPU:
		return n.on(cuda.Open(ordinal))
	case n == "emulated":
		return n.on(cuda.Emulated())
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

func (n Name) on(d *cuda.Device, err error) (*tensor.Device, error) {
	if err != nil {
		return nil, fmt.Errorf("--device %s: %w", n, err)
	}
	return tensor.On(d), nil
}
