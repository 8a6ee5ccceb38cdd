package pid

import (
	"onestep/autograd"
	"onestep/tensor"
)

// Distillation is the PID loss as an objective: sample k of step s has noise, grid index and label of its own, keyed by seed, s and k.
type Distillation struct {
	Loss       *Loss
	Random     tensor.Random
	H, W, C    int
	Batch      int  // samples per step, for stratified indices
	Stratified bool // sample k draws its index from the k-th of Batch equal parts of the grid, instead of from all of it
}

// Losses draws noise, indices and labels and evaluates the loss.
func (o *Distillation) Losses(step *int, first, n int) *autograd.Var {
	net := o.Loss.Student.Net
	indices, labels := make([]int, n), make([]int, n)
	net.Device.Prepare(func() {
		for k := range n {
			indices[k] = o.index(*step, first+k)
			if net.LabelDim > 0 {
				labels[k] = o.Random.IntN(net.LabelDim, tensor.Labels, uint64(*step), uint64(first+k))
			}
		}
	})
	z := autograd.Normal(net.Device, o.Random, tensor.Noise, step, first, float32(o.Loss.Student.SigmaMax), n, o.H, o.W, o.C)
	return o.Loss.At(z, indices, OneHot(net.Device, labels, net.LabelDim))
}

func (o *Distillation) index(step, sample int) int {
	grid := o.Loss.Levels.N
	if !o.Stratified {
		return o.Random.IntN(grid, tensor.Levels, uint64(step), uint64(sample))
	}
	u := o.Random.Float64(tensor.Levels, uint64(step), uint64(sample))
	return min(grid-1, int(float64(grid)*(float64(sample)+u)/float64(o.Batch)))
}

// Level is the grid index as a fraction of the grid.
func (o *Distillation) Level(step, sample int) float64 {
	return float64(o.index(step, sample)) / float64(o.Loss.Levels.N)
}

// NoClass is the label of a sample of no class in particular.
const NoClass = -1

// OneHot is the labels as rows of zeros with a one, all zeros for NoClass, (N,classes); nil for a network without classes. The labels are read again
// whenever a [tensor.Program] is replayed.
func OneHot(d *tensor.Device, labels []int, classes int) *autograd.Var {
	if classes == 0 {
		return nil
	}
	return autograd.Const(d.Input(func(dst []float32) {
		for n, l := range labels {
			if l != NoClass {
				dst[n*classes+l] = 1
			}
		}
	}, len(labels), classes))
}
