// Command plan says what a distillation will take before it begins: memory, operations and time. plan -h lists the flags.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"onestep/nn"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/plan"
	"onestep/tools/internal/teacher"
)

func main() {
	cli.Main("plan", parse, func(_ context.Context, f *flags) error { return run(f, os.Stdout, os.Stderr) })
}

// run plans the job and prints the plan.
func run(f *flags, out, messages io.Writer) error {
	net, err := network(f)
	if err != nil {
		return err
	}
	d, err := f.device.Open(f.threads, 0, messages)
	if err != nil {
		return err
	}
	j := plan.Job{Config: f.Config, Net: net, Ranks: max(1, f.gpus), Machine: plan.MachineOf(d)}
	alone := f.gpus > 0 && !j.Machine.GPU // GPUs are asked about that are not here
	if alone {
		j.Machine = plan.A100
	}
	p, err := plan.New(j)
	if err != nil {
		return err
	}
	if err := p.Search(); err != nil {
		return err
	}
	here := j
	here.Machine = plan.MachineOf(d)
	rate, err := here.Measure(d, 60*time.Millisecond)
	if err != nil {
		return err
	}
	gpus := f.gpus
	if gpus == 0 {
		gpus = 8 // the paper's
	}
	return p.Print(out, d.Name(), rate, alone, gpus)
}

// network is the teacher's, from its file or as published for the preset.
func network(f *flags) (nn.UNetConfig, error) {
	if f.Teacher == "" && f.net.ModelType != "" {
		return f.net, nil
	}
	net, err := teacher.Config(f.Teacher)
	if err != nil {
		return net, fmt.Errorf("--teacher: %w", err)
	}
	return net, nil
}
