package plan

import (
	"onestep/autograd"
	"onestep/kernels"
	"onestep/pid"
	"onestep/tensor"
)

// Part is the floating-point operations of a step in one of the networks: two for every multiply-add of a convolution, product or attention.
type Part struct {
	Name              string
	Forward, Backward float64
}

// Work is what one process does in a step.
type Work struct {
	Parts []Part

	parameters int
	samples    int            // of the microbatch that was counted
	microbatch []kernels.Work // operations for these, in order
	step       []kernels.Work // those of a whole step with one microbatch
}

// maxCounted is the most samples of the microbatch that is counted: beyond, operations grow in proportion.
const maxCounted = 16

// work counts the job's operations on a dry host.
func (j Job) work() (w Work, err error) {
	n := min(j.micro(), maxCounted)
	d := newDry(1, 0)
	defer d.close()
	c := j.Config
	c.Micro, c.Batch = n, n
	s, err := d.setUp(c, j.Net)
	if err != nil {
		return w, err
	}
	w.parameters, w.samples = s.Student.Net.Count(), n
	for range 2 { // the first step makes what later ones have
		w.step = d.operationsOf(func() { _, err = s.Trainer.Update() })
		if err != nil {
			return w, err
		}
	}
	named, err := pid.DistanceNamed(c.Loss)
	if err != nil {
		return w, err
	}
	w.count(d, s, j.share(), named.Part)
	return w, nil
}

// count makes the parts of a microbatch one after the other and counts the operations of each. Those of [Part] are of a step of share samples.
func (w *Work) count(d *dry, s *stage, share int, distanceName string) {
	n := w.samples
	flops := func(list []kernels.Work) float64 {
		macs := 0
		for _, o := range list {
			macs += o.MACs
		}
		return 2 * float64(macs) * float64(share) / float64(n)
	}
	net, loss := s.Student.Net, s.Trainer.Objective.(*pid.Distillation).Loss
	d.Scope(func() []*tensor.Tensor {
		labels := pid.OneHot(d.Device, make([]int, n), net.LabelDim)
		z := d.New(kernels.F32, n, net.Resolution, net.Resolution, net.InChannels)
		ones := d.New(kernels.F32, n)

		var r pid.Residual
		var l *autograd.Var
		both := d.operationsOf(func() { r = loss.Residual(autograd.Const(z), make([]int, n), labels) })
		distance := d.operationsOf(func() { l = loss.Distance(r.Student, r.Teacher) })
		back := d.operationsOf(func() { autograd.Backward(l, ones) })
		net.ZeroGrad()

		teacher := d.operationsOf(func() { loss.Teacher.Denoise(r.X, r.T, labels) })
		image := autograd.Param(r.X.Value)
		again := loss.Distance(image, r.Teacher)
		distanceBack := d.operationsOf(func() { autograd.Backward(again, ones) })
		image.ZeroGrad()

		w.microbatch = append(append(append(w.microbatch, both...), distance...), back...)
		w.Parts = []Part{
			{"teacher", flops(teacher), 0},
			{"student", flops(both) - flops(teacher), flops(back) - flops(distanceBack)},
			{distanceName, flops(distance), flops(distanceBack)},
		}
		return nil
	})
}

// operationsOf lists what f asks a dry host to compute.
func (d *dry) operationsOf(f func()) []kernels.Work {
	before := len(d.cpu.Notes())
	f()
	return d.cpu.Notes()[before:]
}
