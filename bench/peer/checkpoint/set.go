package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"onestep/nn"
	"onestep/pid"
	"onestep/pid/runs"
	"onestep/tensor"
	"onestep/tensor/format"
)

func setName(half bool) string {
	if half {
		return "binary16"
	}
	return "float32"
}

// newJob is a small run that has not begun.
func newJob(half bool) (*pid.Job, error) {
	c := nn.SongDefaults()
	c.Resolution, c.ModelChannels, c.ChannelMult, c.NumBlocks, c.AttnResolutions = 16, 32, []int{1, 2}, 1, []int{8}
	teacher, err := random(tensor.CPU(0), c)
	if err != nil {
		return nil, err
	}
	settings := pid.DefaultJob
	settings.Loss, settings.Steps, settings.Batch, settings.FP16 = "l2", 3, 4, half
	return pid.NewJob(settings, teacher, nil)
}

// writeSet makes a short run and writes it as the reference's files, with what is to be found in them as config.json.
func writeSet(convert, dir string, half bool) error {
	job, err := newJob(half)
	if err != nil {
		return err
	}
	if err := job.Trainer.Run(context.Background(), func(pid.Metrics) error { return nil }); err != nil {
		return err
	}
	folder, set := filepath.Join(dir, "run-"+setName(half)), filepath.Join(dir, "set-"+setName(half))
	run, err := runs.Create(folder, job.Config, func(r *runs.Run) error { return r.Save(job) })
	if err != nil {
		return err
	}
	if err := run.Close(); err != nil {
		return err
	}
	if err := command(convert, "--reference", folder, set); err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{"net": job.Student.Net.UNetConfig, "fp16": half, "lr": job.Config.LR, "step": job.Trainer.Opt.State().Steps})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(set, "config.json"), text, 0o666)
}

// readSet reads the set that PyTorch saved after a step of its own, and compares parameters and moments with what PyTorch says they are.
func readSet(dir string, half bool) error {
	job, err := newJob(half)
	if err != nil {
		return err
	}
	folder := filepath.Join(dir, "back-"+setName(half))
	notes, err := runs.ResumeReference(job.Trainer, folder)
	if err = errors.Join(append(notes, err)...); err != nil { // nothing is missing
		return err
	}
	f, err := format.Open(filepath.Join(folder, "expected.pt"))
	if err != nil {
		return err
	}
	defer f.Close()
	tr, compared := job.Trainer, 0
	for i, p := range tr.Params.Trained() {
		for kind, t := range map[string]*tensor.Tensor{"param.": p.Var.Value, "exp_avg.": tr.Opt.M[i], "exp_avg_sq.": tr.Opt.V[i]} {
			e, ok := f.Entry(kind + p.Name)
			if !ok {
				return fmt.Errorf("%s: %s: missing", f.Path, kind+p.Name)
			}
			if got := tensor.F32Tensor("", p.Publish(t)).Data; !bytes.Equal(got, e.Data) {
				return fmt.Errorf("%s: %s: we read other numbers", f.Path, kind+p.Name)
			}
			compared++
		}
	}
	fmt.Printf("%-24s read back at step %d: %d tensors have PyTorch's bits\n", filepath.Base(folder), tr.Step, compared)
	return nil
}
