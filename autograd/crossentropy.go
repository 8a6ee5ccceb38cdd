package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// CrossEntropy is −log softmax(logits)[label] of each sample.
// Shapes: logits (N,C); labels N class numbers below C; result (N) float32.
func CrossEntropy(logits *Var, labels []int) *Var {
	n, c := logits.Dim(0), logits.Dim(1)
	check(len(labels) == n, "CrossEntropy: %d labels for logits %v", len(labels), logits.Shape())
	for _, l := range labels {
		check(0 <= l && l < c, "CrossEntropy: label %d of %d classes", l, c)
	}
	d := logits.Device()
	y := d.New(kernels.F32, n)
	kernels.CrossEntropy.Run(d, kernels.CrossEntropyArgs{Y: y.Buf(), X: logits.Buf(), Labels: labels, N: n, C: c})
	return record(y, vars(logits), values(logits), func(dy *tensor.Tensor) {
		dx := logits.Value.NewLike()
		kernels.CrossEntropyBackward.Run(d, kernels.CrossEntropyBackwardArgs{DX: dx.Buf(), DY: dy.Buf(), X: logits.Buf(), Labels: labels, N: n, C: c})
		logits.accumulate(dx)
	})
}
