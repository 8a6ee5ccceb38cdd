package kernels

// SquaredNorm is the sum of the squares of all elements of several buffers, in float64: ±Inf or NaN if any element is.
var SquaredNorm = define(Op[SquaredNormArgs]{Name: "squared_norm", Ref: squaredNorm})

// SquaredNormArgs lists output and inputs.
type SquaredNormArgs struct {
	Y Buf   `kernel:"out"` // (2) a float64, see [PutFloat64]
	X []Buf // any length each, float32
}

func squaredNorm(c *CPU, a SquaredNormArgs) {
	PutFloat64(a.Y.F32, c.SumBlocks(a.X, func(x []float32) (sum float64) {
		for _, v := range x {
			sum += float64(v) * float64(v)
		}
		return sum
	}))
}

// SumBlocks adds f of every block of several buffers, see [CPU.BlocksOf]: within blocks by f, then over blocks in order.
func (c *CPU) SumBlocks(list []Buf, f func(x []float32) float64) (total float64) {
	slots := make([]float64, countBlocks(list))
	c.BlocksOf(list, func(_, block, i, lo, hi int) { slots[block] = f(list[i].F32[lo:hi]) })
	for _, s := range slots {
		total += s
	}
	return total
}
