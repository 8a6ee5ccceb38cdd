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
func (o *Distillation) Losses(step, first, n int) *autograd.Var {
	d := o.Loss.Student.Net.Device
	per := o.H * o.W * o.C
	noise := make([]float32, n*per)
	indices, labels := make([]int, n), make([]int, n)
	classes := o.Loss.Student.Net.LabelDim
	for k := range n {
		z := noise[k*per : (k+1)*per]
		o.Random.Normal(z, tensor.Noise, uint64(step), uint64(first+k))
		for i := range z {
			z[i] *= float32(o.Loss.Student.SigmaMax)
		}
		indices[k] = o.index(step, first+k)
		if classes > 0 {
			labels[k] = o.Random.IntN(classes, tensor.Labels, uint64(step), uint64(first+k))
		}
	}
	z := autograd.Const(d.FromFloat32(noise, n, o.H, o.W, o.C))
	return o.Loss.At(z, indices, OneHot(d, labels, classes))
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

// OneHot is the labels as rows of zeros with a one, (N,classes); nil for a network without classes.
func OneHot(d *tensor.Device, labels []int, classes int) *autograd.Var {
	if classes == 0 {
		return nil
	}
	x := make([]float32, len(labels)*classes)
	for n, l := range labels {
		x[n*classes+l] = 1
	}
	return autograd.Const(d.FromFloat32(x, len(labels), classes))
}
