package main

import (
	"fmt"

	"onestep/nn/weights"
	"onestep/pid"
	"onestep/pid/judge"
	"onestep/tensor"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/draw"
)

// atATime is how many images a network draws at once, which does not change them.
const atATime = 64

// model are images that a network draws when they are read.
type model struct {
	*draw.Drawer
	seeds  []uint64
	source judge.Source

	batch int    // whose pixels are kept: that of the seeds from batch·atATime on; −1: none yet
	kept  []byte // its pixels
	last  []byte // that Read gave
}

// openModel reads the network that draws.
func openModel(d *tensor.Device, f *flags) (*model, error) {
	drawer, err := f.Open(func() (*tensor.Device, error) { return d, nil })
	if err != nil {
		return nil, err
	}
	if drawer.C != 1 && drawer.C != 3 {
		return nil, fmt.Errorf("--%s: images of %d channels cannot be judged", drawer.Role, drawer.C)
	}
	m := &model{Drawer: drawer, seeds: f.Seeds, batch: -1, source: judge.Source{
		Kind: drawer.Role, Path: f.Teacher, Model: pid.Digest(drawer.Net.List), Seeds: (*cli.Seeds)(&f.Seeds).String(), Config: map[string]string{},
	}}
	options := []cli.Option{f.OfClass(""), f.Half("")}
	if drawer.Role == weights.RoleStudent {
		m.source.Path = f.Student
	} else {
		options = append(options, f.OfSampler()...)
	}
	for _, o := range options {
		m.source.Config[o.Name] = o.Value.String()
	}
	return m, nil
}

func (m *model) Shape() (n, h, w, c int) { return len(m.seeds), m.H, m.W, m.C }
func (m *model) Source() judge.Source    { return m.source }

func (m *model) Close() error {
	m.Net.Release()
	return nil
}

func (m *model) Read(first, count int) ([]byte, error) {
	m.last = m.last[:0]
	size := m.H * m.W * m.C
	for end := first + count; first < end; {
		if err := m.drawBatch(first / atATime); err != nil {
			return nil, err
		}
		start := m.batch * atATime
		next := min(end, start+len(m.kept)/size)
		m.last = append(m.last, m.kept[(first-start)*size:(next-start)*size]...)
		first = next
	}
	return m.last, nil
}

// drawBatch draws a batch unless it is kept.
func (m *model) drawBatch(batch int) error {
	if m.batch == batch {
		return nil
	}
	m.batch = -1
	first := batch * atATime
	x, err := m.Draw(m.seeds[first:min(first+atATime, len(m.seeds))])
	if err != nil {
		return err
	}
	m.batch, m.kept = batch, x.Pixels
	return nil
}
