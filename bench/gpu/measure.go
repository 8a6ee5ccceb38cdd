package main

import (
	"fmt"
	"time"

	"onestep/bench"
	"onestep/kernels/cuda"
	"onestep/nn"
	"onestep/tensor"
)

const runs = 5 // of the graph, of which the median counts

// measure is the milliseconds of one operation. So many sets of buffers take turns that each is gone from the second-level cache before it
// comes again.
func (w work) measure(d *cuda.Device, seconds float64) (ms float64, err error) {
	defer tensor.Recover(&err)
	a := &arena{d: d}
	defer a.free()
	ops := []func(*cuda.Device){w.set(a)}
	sets := max(1, min(16, 2*d.Info().L2/a.bytes+1))
	for len(ops) < sets {
		ops = append(ops, w.set(a))
	}
	for _, op := range ops { // loads the kernels
		op(d)
	}
	one, err := timed(d, func() { ops[0](d) })
	if err != nil {
		return 0, err
	}
	count := max(1, min(200, int(seconds*1e3/runs/max(one, 1e-3))))
	g := d.Capture(func() {
		for i := range count {
			ops[i%len(ops)](d)
		}
	})
	defer g.Release()
	g.Launch()
	times := make([]float64, runs)
	for i := range times {
		if times[i], err = timed(d, g.Launch); err != nil {
			return 0, err
		}
	}
	return median(times) / float64(count), nil
}

// timed is the milliseconds between two events around what f asks for.
func timed(d *cuda.Device, f func()) (float64, error) {
	drv := d.Driver()
	from, err := drv.NewEvent(true)
	if err != nil {
		return 0, err
	}
	defer drv.CloseEvent(from)
	to, err := drv.NewEvent(true)
	if err != nil {
		return 0, err
	}
	defer drv.CloseEvent(to)
	if err := drv.Record(from, d.Stream()); err != nil {
		return 0, err
	}
	f()
	if err := drv.Record(to, d.Stream()); err != nil {
		return 0, err
	}
	if err := drv.SyncEvent(to); err != nil {
		return 0, err
	}
	ms, err := drv.Elapsed(from, to)
	return float64(ms), err
}

// measureStep is the milliseconds of a whole training step of the CIFAR-10 network, by the host's clock over several steps.
func measureStep(d *cuda.Device, small, half bool) (ms float64, name string, err error) {
	defer tensor.Recover(&err)
	c, batch, steps := nn.CIFAR10(), 64, 20
	if small {
		c.Resolution, c.ModelChannels, c.NumBlocks, batch, steps = 8, 16, 1, 2, 3
		c.AttnResolutions = []int{4}
	}
	name = label("PID step, CIFAR-10 network, batch", batch, map[bool]string{false: "f32", true: "f16"}[half])
	tr, err := bench.PIDStep(tensor.On(d), bench.Step{Net: c, Batch: batch, Half: half, LPIPS: !small})
	if err != nil {
		return 0, name, err
	}
	for range 3 {
		if _, err := tr.Update(); err != nil {
			return 0, name, err
		}
	}
	d.Sync()
	start := time.Now()
	for range steps {
		if _, err := tr.Update(); err != nil {
			return 0, name, err
		}
	}
	d.Sync()
	return float64(time.Since(start).Microseconds()) / 1e3 / float64(steps), fmt.Sprint(name), nil
}
