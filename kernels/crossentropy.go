package kernels

import "math"

// CrossEntropy is the loss of a classifier, −log softmax(x)[label], of each sample.
var CrossEntropy = define(Op[CrossEntropyArgs]{Name: "cross_entropy", Ref: crossEntropy})

// CrossEntropyArgs lists output, inputs, sizes.
type CrossEntropyArgs struct {
	Y      Buf `kernel:"out"` // (N) float32
	X      Buf // (N,C) logits
	Labels Buf // (N) float32: class numbers
	N, C   int
}

func crossEntropy(_ *CPU, a CrossEntropyArgs) {
	for n := range a.N {
		x := a.X.F32[n*a.C:][:a.C]
		a.Y.F32[n] = float32(logSumExp(x) - float64(x[int(a.Labels.F32[n])]))
	}
}

// CrossEntropyBackward is the gradient of [CrossEntropy]: dx = dy·(softmax(x) − onehot(label)).
var CrossEntropyBackward = define(Op[CrossEntropyBackwardArgs]{Name: "cross_entropy_backward", Ref: crossEntropyBackward})

// CrossEntropyBackwardArgs lists output, inputs, sizes.
type CrossEntropyBackwardArgs struct {
	DX     Buf `kernel:"out"` // (N,C)
	DY     Buf // (N) float32
	X      Buf // (N,C)
	Labels Buf // (N) float32: class numbers
	N, C   int
}

func crossEntropyBackward(_ *CPU, a CrossEntropyBackwardArgs) {
	for n := range a.N {
		x, dx, dy := a.X.F32[n*a.C:][:a.C], a.DX.F32[n*a.C:], float64(a.DY.F32[n])
		lse := logSumExp(x)
		for k, v := range x {
			p := math.Exp(float64(v) - lse)
			if k == int(a.Labels.F32[n]) {
				p--
			}
			dx[k] = float32(dy * p)
		}
	}
}

func logSumExp(x []float32) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, float64(v))
	}
	var s float64
	for _, v := range x {
		s += math.Exp(float64(v) - top)
	}
	return top + math.Log(s)
}
