// Package plan says before a run what it will take: memory, floating-point operations and time.
//
// Nothing here counts by formulas of its own. The job is set up and makes its first steps as ever, but on a device that computes nothing: the
// host's [kernels.NewDryCPU], or for a GPU's memory the allocator of package cuda above a driver that only records. So the figures are right for
// any network, and change with the program. Times are predictions and say so.
//
// # References
//
//   - [a100] NVIDIA A100 Tensor Core GPU Architecture, whitepaper, 2020
package plan

import (
	"fmt"

	"onestep/kernels/cuda/emulated"
	"onestep/nn"
	"onestep/pid"
)

// Job is what is planned: a distillation on some machine.
type Job struct {
	Config  pid.Config
	Net     nn.UNetConfig // of the teacher and the student
	Ranks   int           // processes that share every batch; 0: 1
	Machine Machine

	recorder *emulated.Recorder // has the kernels of a GPU, once they were asked for
}

// share is the samples of a step that one process makes, at most, and micro those that it makes at a time.
func (j Job) share() int { return (j.Config.Batch + max(1, j.Ranks) - 1) / max(1, j.Ranks) }

func (j Job) micro() int {
	if m := j.Config.Micro; m > 0 {
		return min(m, j.share())
	}
	return j.share()
}

// Plan is what a job takes. Bytes and operations are those of one process.
type Plan struct {
	Job
	Parameters int // of the student
	Work       Work
	Memory     Memory
	Largest    int // see [Plan.Search]
}

// New plans a job.
func New(j Job) (*Plan, error) {
	if err := j.Config.Check(); err != nil {
		return nil, err
	}
	p := &Plan{Job: j}
	var err error
	if p.Work, err = j.work(); err != nil {
		return nil, err
	}
	p.Parameters = p.Work.parameters
	p.Memory, err = p.memory(j.micro())
	return p, err
}

// Search finds the largest microbatch that fits, up to the whole share of a batch, or about so; 0 if not even one sample does.
func (p *Plan) Search() (err error) {
	if p.Machine.Free > 0 {
		p.Largest, err = p.largest(p.Memory)
	}
	return err
}

// Fits says whether the job has room.
func (p *Plan) Fits() bool { return p.Machine.Free <= 0 || p.Memory.Total <= p.Machine.Free }

// with is the job with other settings.
func (j Job) with(change func(*pid.Config)) Job {
	change(&j.Config)
	return j
}

// Bytes is a number of bytes in words.
func Bytes(n int64) string {
	const mib = 1 << 20
	if n < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(n)/mib)
	}
	return fmt.Sprintf("%.2f GiB", float64(n)/mib/1024)
}
