//go:build amd64 && !purego

package cpu

import "onestep/kernels"

func init() {
	kernels.SquaredNorm.Register(kernels.Impl[kernels.SquaredNormArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: squaredNorm})
}

// squaredNorm adds in float64 as its definition does, but in lanes: 8 or 16 for each block.
func squaredNorm(c *kernels.CPU, a kernels.SquaredNormArgs) {
	kernels.PutFloat64(a.Y.F32, c.SumBlocks(a.X, func(x []float32) float64 { return vecSquares64(c.ISA(), x, len(x)) }))
}
