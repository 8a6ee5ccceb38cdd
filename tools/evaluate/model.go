package main

import (
	"fmt"

	"onestep/nn"
	"onestep/nn/weights"
	"onestep/pid/judge"
	"onestep/tensor"
	"onestep/tools/internal/cli"
)

// drawnAtATime is how many images a network draws at once, which does not change them.
const drawnAtATime = 64

// openModel reads the network that draws the images to judge.
func openModel(d *tensor.Device, f *flags) (*judge.Drawn, error) {
	drawer, err := f.Open(func() (*tensor.Device, error) { return d, nil })
	if err != nil {
		return nil, err
	}
	if drawer.C != 1 && drawer.C != 3 {
		return nil, fmt.Errorf("--%s: images of %d channels cannot be judged", drawer.Role, drawer.C)
	}
	m := &judge.Drawn{
		Seeds: f.Seeds, H: drawer.H, W: drawer.W, C: drawer.C, Batch: drawnAtATime, Draw: drawer.Draw, Release: drawer.Net.Release,
		From: judge.Source{
			Kind: drawer.Role, Path: f.Teacher, Model: nn.Digest(drawer.Net.List), Seeds: (*cli.Seeds)(&f.Seeds).String(), Config: map[string]string{},
		},
	}
	options := []cli.Option{f.OfClass(""), f.Half("")}
	if drawer.Role == weights.RoleStudent {
		m.From.Path = f.Student
	} else {
		options = append(options, f.OfSampler()...)
	}
	for _, o := range options {
		m.From.Config[o.Name] = o.Value.String()
	}
	return m, nil
}
