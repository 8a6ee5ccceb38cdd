package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"onestep/nn"
	"onestep/pid"
	"onestep/tensor"
)

// writeSet makes a short run and writes it as the reference's files, with what is to be found in them as config.json.
func writeSet(convert, dir string, half bool) error {
	name := "float32"
	if half {
		name = "binary16"
	}
	net := nn.SongDefaults()
	net.Resolution, net.ModelChannels, net.ChannelMult, net.NumBlocks, net.AttnResolutions = 16, 32, []int{1, 2}, 1, []int{8}
	teacher, err := random(tensor.CPU(0), net)
	if err != nil {
		return err
	}
	c := pid.DefaultJob
	c.Loss, c.Steps, c.Batch, c.FP16 = "l2", 3, 4, half
	job, err := pid.NewJob(c, teacher, nil)
	if err != nil {
		return err
	}
	if err := job.Trainer.Run(context.Background(), func(pid.Metrics) error { return nil }); err != nil {
		return err
	}
	folder, set := filepath.Join(dir, "run-"+name), filepath.Join(dir, "set-"+name)
	run, err := pid.CreateRun(folder, c, func(r *pid.Run) error { return r.Save(job) })
	if err != nil {
		return err
	}
	if err := run.Close(); err != nil {
		return err
	}
	if err := command(convert, "--reference", folder, set); err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{"net": net, "fp16": half, "lr": c.LR, "step": job.Trainer.Opt.State().Steps})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(set, "config.json"), text, 0o666)
}
