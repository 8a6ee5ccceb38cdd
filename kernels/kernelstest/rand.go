package kernelstest

import (
	"math"
	"math/rand/v2"

	"onestep/kernels"
)

// Rand makes the arguments of one trial. The first trials take every Size as 1, as 7 and as its maximum; the rest draw. In the third trial and then in
// every third, sizes of 16 or more are multiples of 8, for implementations that take whole vectors.
type Rand struct {
	*rand.Rand
	trial int
	terms int
	slow  bool
}

// NewRand makes the numbers of one trial.
func NewRand(trial int) *Rand {
	return &Rand{Rand: rand.New(rand.NewPCG(uint64(trial), 0x6b65726e656c73)), trial: trial}
}

// Size is a length in [1,max]. On devices, which may be interpreters, large maxima are an eighth.
func (r *Rand) Size(max int) int {
	if r.slow && max > 4000 {
		max /= 8
	}
	n := 1 + r.IntN(max)
	switch r.trial {
	case 0:
		return 1
	case 1:
		return min(7, max)
	case 2:
		n = max
	}
	if max >= 16 && (r.trial == 2 || r.trial%3 == 0) {
		n = (n + 7) / 8 * 8
		if n > max {
			n -= 8
		}
	}
	return n
}

// Pick is one of the choices; the first trial takes the first.
func Pick[T any](r *Rand, choices ...T) T {
	if r.trial == 0 {
		return choices[0]
	}
	return choices[r.IntN(len(choices))]
}

// Bool is false in the first trial, then a coin.
func (r *Rand) Bool() bool { return Pick(r, false, true) }

// In is an input of n standard normal numbers.
func (r *Rand) In(n int) kernels.Buf {
	return r.fill(n, func() float32 { return float32(r.NormFloat64()) })
}

// Uniform is an input of n numbers in [lo,hi).
func (r *Rand) Uniform(n int, lo, hi float32) kernels.Buf {
	return r.fill(n, func() float32 { return lo + (hi-lo)*r.Float32() })
}

// Values is an input with the given contents.
func (r *Rand) Values(x ...float32) kernels.Buf { return kernels.HostF32(x) }

// Maybe is b, or in about half of the trials nothing.
func (r *Rand) Maybe(b kernels.Buf) kernels.Buf {
	if r.Bool() {
		return b
	}
	return kernels.Buf{}
}

// Out is an output of n elements. They start as NaN.
func (r *Rand) Out(n int) kernels.Buf {
	return r.fill(n, func() float32 { return unwritten })
}

// InOut is a buffer of n standard normal numbers to be updated.
func (r *Rand) InOut(n int) kernels.Buf { return r.In(n) }

// Sum tells that every output is a sum of so many products of inputs, each input in one factor. The bound on the error
// is then (2+√terms)·2⁻²⁴ times the operation applied to the inputs' absolute values.
func (r *Rand) Sum(terms int) { r.terms = terms }

func (r *Rand) fill(n int, f func() float32) kernels.Buf {
	x := make([]float32, n)
	for i := range x {
		x[i] = f()
	}
	return kernels.HostF32(x)
}

// unwritten and guard are NaNs that no arithmetic makes.
var (
	unwritten = math.Float32frombits(0x7fc0dead)
	guard     = math.Float32frombits(0x7fc0beef)
)

const (
	unwrittenHalf = kernels.F16Bits(0x7eab)
	guardHalf     = kernels.F16Bits(0x7ecd)
)
