package kernels

import "math"

// sigmoid is 1/(1+e⁻ˣ), without overflow.
func sigmoid(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

// SiLU is y = x·sigmoid(x).
var SiLU = define(Op[SiLUArgs]{Name: "silu", Ref: silu})

// SiLUArgs lists output, input, size.
type SiLUArgs struct {
	Y Buf `kernel:"out"` // (N)
	X Buf // (N)
	N int
}

func silu(c *CPU, a SiLUArgs) {
	c.Blocks(a.N, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			x := float64(a.X.F32[i])
			a.Y.F32[i] = float32(x * sigmoid(x))
		}
	})
}

// SiLUBackward is dx = dy·s·(1 + x·(1−s)), s = sigmoid(x).
var SiLUBackward = define(Op[SiLUBackwardArgs]{Name: "silu_backward", Ref: siluBackward})

// SiLUBackwardArgs lists output, inputs, size.
type SiLUBackwardArgs struct {
	DX Buf `kernel:"out"` // (N)
	DY Buf // (N)
	X  Buf // (N)
	N  int
}

func siluBackward(c *CPU, a SiLUBackwardArgs) {
	c.Blocks(a.N, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			x := float64(a.X.F32[i])
			s := sigmoid(x)
			a.DX.F32[i] = float32(float64(a.DY.F32[i]) * s * (1 + x*(1-s)))
		}
	})
}
