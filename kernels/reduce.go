package kernels

import "math"

// Sum is the sum of all elements.
var Sum = Op[SumArgs]{Name: "sum", Ref: sum}

// SumArgs lists output, input, size.
type SumArgs struct {
	Y Buf `kernel:"out"` // (1) float32
	X Buf // (N)
	N int
}

func sum(c *CPU, a SumArgs) {
	a.Y.F32[0] = float32(c.sumBlocks(a.N, func(i int) float64 { return float64(a.X.F32[i]) }))
}

// Norm is the Euclidean length of a buffer, ±Inf or NaN if any element is.
var Norm = Op[NormArgs]{Name: "norm", Ref: norm}

// NormArgs lists output, input, size.
type NormArgs struct {
	Y Buf `kernel:"out"` // (1) float32
	X Buf // (N)
	N int
}

func norm(c *CPU, a NormArgs) {
	a.Y.F32[0] = float32(math.Sqrt(c.sumBlocks(a.N, func(i int) float64 { return float64(a.X.F32[i]) * float64(a.X.F32[i]) })))
}

// sumBlocks adds f(0) … f(n−1) in float64: within blocks, then over blocks in order.
func (c *CPU) sumBlocks(n int, f func(i int) float64) (total float64) {
	slots := make([]float64, (n+BlockLen-1)/BlockLen)
	c.Blocks(n, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			slots[lo/BlockLen] += f(i)
		}
	})
	for _, s := range slots {
		total += s
	}
	return total
}
