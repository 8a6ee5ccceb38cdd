package cuda

import (
	"fmt"
	"math"
	"math/bits"
)

// divisor is d > 0 as a kernel divides numbers below 2³¹ by it (kernels/cuda/gen: divider), three parameters: d, mul and shift, with
// shift = ⌈log₂ d⌉, mul = ⌈2³²·(2^shift − d)/d⌉ and ⌊x/d⌋ = (⌊x·mul/2³²⌋ + x) >> shift.
func divisor(d int) [3]Arg {
	if d < 1 || d > math.MaxInt32 {
		panic(fmt.Errorf("kernels/cuda: division by %d", d))
	}
	mul, shift := magic(d)
	return [3]Arg{I32(d), I32(int(mul)), I32(shift)}
}

func magic(d int) (mul uint32, shift int) {
	shift = bits.Len(uint(d - 1))
	return uint32(((uint64(1)<<shift-uint64(d))<<32 + uint64(d) - 1) / uint64(d)), shift
}
