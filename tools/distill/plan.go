package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"onestep/pid"
	"onestep/tensor"
	"onestep/tools/internal/plan"
	"onestep/tools/internal/teacher"
)

// planRun plans the run, before anything is loaded, and refuses what will not fit. Rank 0 does so for all.
func (f *flags) planRun(d *tensor.Device) error {
	if f.place.Rank > 0 {
		return nil
	}
	net, err := teacher.Config(f.Teacher)
	if err != nil {
		return fmt.Errorf("--teacher: %w", err)
	}
	if distance, err := pid.DistanceNamed(f.Loss); err != nil || !distance.Sees(net.InChannels) {
		return err // such a teacher is refused later, with a reason of its own
	}
	m := plan.MachineOf(d)
	if !m.GPU {
		m.Free /= int64(max(1, f.place.Peers))
	}
	if f.plan, err = plan.New(plan.Job{Config: f.Config, Net: net, Ranks: f.place.Size, Machine: m}); err != nil {
		return err
	}
	if err := f.plan.Refusal(); err != nil {
		return err
	}
	if err := f.plan.Search(); err != nil {
		return err
	}
	if f.rate, err = f.plan.Measure(d, 10*time.Millisecond); err != nil {
		return err
	}
	if !m.GPU && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(f.plan.Memory.GCPercent())
	}
	return nil
}
