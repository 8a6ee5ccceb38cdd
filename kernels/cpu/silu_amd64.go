//go:build amd64 && !purego

package cpu

import "onestep/kernels"

func init() {
	kernels.SiLU.Register(kernels.Impl[kernels.SiLUArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: silu})
	kernels.SiLUBackward.Register(kernels.Impl[kernels.SiLUBackwardArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: siluBackward})
}

// silu is within 3 units in the last place of x·sigmoid(x) where that is at least 2⁻¹²⁶ in size; see TestSiLUError.
func silu(c *kernels.CPU, a kernels.SiLUArgs) {
	c.Blocks(a.N, func(_, lo, hi int) { vecSilu(c.ISA(), a.Y.F32[lo:], a.X.F32[lo:], hi-lo) })
}

func siluBackward(c *kernels.CPU, a kernels.SiLUBackwardArgs) {
	c.Blocks(a.N, func(_, lo, hi int) {
		vecSiluBackward(c.ISA(), a.DX.F32[lo:], a.DY.F32[lo:], a.X.F32[lo:], hi-lo)
	})
}
