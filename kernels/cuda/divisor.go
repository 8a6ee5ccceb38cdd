package cuda

import (
	"fmt"
	"math"
	"math/bits"

	"onestep/kernels/cuda/asm"
)

// divisors are numbers d > 0 as kernels divide numbers below 2³¹ by them, three parameters each: d, mul and shift, with
//
//	⌊x/d⌋ = (⌊x·mul/2³²⌋ + x) >> shift,   shift = ⌈log₂ d⌉,   mul = ⌈2³²·(2^shift − d)/d⌉
//
// (Granlund and Montgomery, Division by Invariant Integers using Multiplication, 1994).
func divisors(by ...int) (args []Arg) {
	for _, d := range by {
		if d < 1 || d > math.MaxInt32 {
			panic(fmt.Errorf("kernels/cuda: division by %d", d))
		}
		mul, shift := magic(d)
		args = append(args, I32(d), I32(int(mul)), I32(shift))
	}
	return args
}

func magic(d int) (mul uint32, shift int) {
	shift = bits.Len(uint(d - 1))
	return uint32(((uint64(1)<<shift-uint64(d))<<32 + uint64(d) - 1) / uint64(d)), shift
}

// divider is one of the [divisors] in a kernel.
type divider struct{ by, mul, shift asm.Reg }

func newDivider(k *asm.Kernel, name string) divider {
	return divider{k.I32(name), k.I32(name + "_mul"), k.I32(name + "_shift")}
}

// split is the quotient and the remainder.
func (d divider) split(x asm.Reg) (quotient, remainder asm.Reg) {
	q := d.quotient(x)
	return q, x.Sub(q.Mul(d.by))
}

func (d divider) quotient(x asm.Reg) asm.Reg {
	u := x.As(asm.U32)
	return u.MulHi(d.mul).Add(u).Shr(d.shift).As(asm.S32)
}
