package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Normal is normal numbers of standard deviation scale, those of r for samples first, first+1, … of a step; [kernels.Normal] has the formula.
// Shapes: result (N,…). The step is read again whenever a [tensor.Program] is replayed.
func Normal(d *tensor.Device, r tensor.Random, stream tensor.Stream, step *int, first int, scale float32, shape ...int) *Var {
	check(first >= 0, "Normal: first sample %d", first)
	y := d.New(kernels.F32, shape...)
	at := d.Input(func(dst []float32) { kernels.PutUint64(dst, uint64(*step)) }, 2)
	kernels.Normal.Run(d, kernels.NormalArgs{
		Y: y.Buf(), Step: at.Buf(), Seed: r.Seed, Stream: uint8(stream), First: uint64(first), Scale: scale, N: shape[0], I: y.Len() / shape[0],
	})
	return Const(y)
}
