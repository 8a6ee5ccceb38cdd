package cuda

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestDivisor(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for trial := range 200_000 {
		d, x := 1+trial%1000, int(r.Int32())
		if trial >= 100_000 {
			d = 1 + int(r.Int32())>>r.IntN(31)
		}
		mul, shift := magic(d)
		for _, x := range []int{x, x / d * d, max(0, x/d*d-1), math.MaxInt32} {
			if got := int(uint32(uint64(uint32(x))*uint64(mul)>>32)+uint32(x)) >> shift; got != x/d {
				t.Fatalf("%d / %d: %d", x, d, got)
			}
		}
	}
}
