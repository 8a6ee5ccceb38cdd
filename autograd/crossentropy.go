package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// CrossEntropy is −log softmax(logits)[label] of each sample. The labels are read again whenever a [tensor.Program] is replayed.
// Shapes: logits (N,C); labels N class numbers below C; result (N) float32.
func CrossEntropy(logits *Var, labels []int) *Var {
	n, c := logits.Dim(0), logits.Dim(1)
	check(len(labels) == n, "CrossEntropy: %d labels for logits %v", len(labels), logits.Shape())
	d := logits.Device()
	classes := d.Input(func(dst []float32) {
		for i, l := range labels {
			check(0 <= l && l < c, "CrossEntropy: label %d of %d classes", l, c)
			dst[i] = float32(l)
		}
	}, n)
	y := d.New(kernels.F32, n)
	kernels.CrossEntropy.Run(d, kernels.CrossEntropyArgs{Y: y.Buf(), X: logits.Buf(), Labels: classes.Buf(), N: n, C: c})
	return record(y, vars(logits), append(values(logits), classes), func(dy *tensor.Tensor) {
		dx := logits.Value.NewLike()
		kernels.CrossEntropyBackward.Run(d, kernels.CrossEntropyBackwardArgs{
			DX: dx.Buf(), DY: dy.Buf(), X: logits.Buf(), Labels: classes.Buf(), N: n, C: c,
		})
		logits.accumulate(dx)
	})
}
