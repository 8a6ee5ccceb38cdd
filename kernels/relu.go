package kernels

// ReLUBackward passes the gradient where the rectifier's output is positive and selects zero elsewhere, even if the incoming
// gradient is not finite there (PyTorch's rule, which LPIPS needs: see lpips.go). The forward pass is a flag of [Conv2D].
//
//	dx = y > 0 ? dy : 0
var ReLUBackward = define(Op[ReLUBackwardArgs]{Name: "relu_backward", Ref: reluBackward})

// ReLUBackwardArgs lists output, inputs, size.
type ReLUBackwardArgs struct {
	DX Buf `kernel:"out"` // (N)
	DY Buf // (N)
	Y  Buf // (N) the rectifier's output
	N  int
}

func reluBackward(c *CPU, a ReLUBackwardArgs) {
	c.Blocks(a.N, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			a.DX.F32[i] = 0
			if a.Y.F32[i] > 0 {
				a.DX.F32[i] = a.DY.F32[i]
			}
		}
	})
}
