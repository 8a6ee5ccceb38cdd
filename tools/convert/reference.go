package main

import (
	"fmt"
	"io"

	"onestep/kernels"
	"onestep/pid/runs"
	"onestep/tensor"
)

// reference writes the newest checkpoint of a run folder as files of the PID reference repository.
func reference(f *flags, messages io.Writer) error {
	run, c, err := runs.Open(f.in, false)
	if err != nil {
		return err
	}
	defer run.Close()
	for _, note := range run.Notes {
		fmt.Fprintln(messages, note)
	}
	paths, err := run.WriteReference(tensor.On(kernels.NewDryCPU(1)), c, f.out, f.force)
	for _, path := range paths {
		fmt.Fprintln(messages, path)
	}
	return err
}
