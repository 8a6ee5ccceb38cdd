//go:build amd64 && !purego

package cpu

import "onestep/kernels"

func init() {
	kernels.ReLUBackward.Register(kernels.Impl[kernels.ReLUBackwardArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: reluBackward})
}

func reluBackward(c *kernels.CPU, a kernels.ReLUBackwardArgs) {
	c.Blocks(a.N, func(_, lo, hi int) {
		vecReluBackward(c.ISA(), a.DX.F32[lo:], a.DY.F32[lo:], a.Y.F32[lo:], hi-lo)
	})
}
