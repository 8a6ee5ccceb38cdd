//go:build amd64 && !purego

package cpu

import (
	"math"

	"onestep/kernels"
)

func init() {
	kernels.Sum.Register(kernels.Impl[kernels.SumArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: sum})
	kernels.Norm.Register(kernels.Impl[kernels.NormArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: norm})
}

// sum adds in float64 as its definition does, but in lanes: 8 or 16 for each block.
func sum(c *kernels.CPU, a kernels.SumArgs) {
	slots := scratch64(c, 0, slotAllParts, (a.N+kernels.BlockLen-1)/kernels.BlockLen)
	c.Blocks(a.N, func(_, lo, hi int) { slots[lo/kernels.BlockLen] = vecSum64(c.ISA(), a.X.F32[lo:], hi-lo) })
	a.Y.F32[0] = float32(sum64(slots))
}

func norm(c *kernels.CPU, a kernels.NormArgs) {
	slots := scratch64(c, 0, slotAllParts, (a.N+kernels.BlockLen-1)/kernels.BlockLen)
	c.Blocks(a.N, func(_, lo, hi int) { slots[lo/kernels.BlockLen] = vecSquares64(c.ISA(), a.X.F32[lo:], hi-lo) })
	a.Y.F32[0] = float32(math.Sqrt(sum64(slots)))
}
