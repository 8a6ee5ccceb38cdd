package tensor

import (
	"fmt"
	"math"
	"math/bits"

	"onestep/kernels"
)

// Random is a source of random numbers without a state: each draw is addressed, not the next one. The address is a stream, a step and
// a sample, and the numbers are a function of it and the seed alone, so that neither the order of draws nor a split of a
// batch, a resumed run or another device changes a bit. Two draws from the same address, of whatever kind, are the same random bits:
// give each purpose a stream.
//
// The generator is Philox4x32-10 [salmon11] with key = seed and the counter
//
//	(j, sample mod 2³², step mod 2³², stream + 2⁸·⌊step/2³²⌋ + 2²⁰·⌊sample/2³²⌋)
//
// whose block j of four 32-bit words makes the elements 4j to 4j+3. The arithmetic is that of [kernels.Normal], which has the same bits on
// every device. Steps and samples are below 2⁴⁴.
type Random struct{ Seed uint64 }

// Stream is the purpose of a draw: draws from different streams are independent.
type Stream uint8

// The streams. Their numbers are part of a run's results: append, never reorder.
const (
	Noise   Stream = iota // the noise that samples start from
	Levels                // noise levels
	Labels                // class labels
	Data                  // which images, in which order
	Init                  // weights
	Dropout               // masks
	Churn                 // noise added while sampling
	Augment               // augmentations: which ones, and angles
	Warp                  // their sizes and shifts
)

// Normal fills one sample's array with standard normal numbers. They come from 32 random bits each by the inverse of
// the normal distribution, Φ⁻¹, and are at most 6.34 in size.
func (r Random) Normal(dst []float32, stream Stream, step, sample uint64) {
	c := counter(stream, step, sample)
	for len(dst) >= 4 {
		w := philox(c, r.key())
		dst[0] = float32(kernels.InverseNormal(w[0]))
		dst[1] = float32(kernels.InverseNormal(w[1]))
		dst[2] = float32(kernels.InverseNormal(w[2]))
		dst[3] = float32(kernels.InverseNormal(w[3]))
		dst = dst[4:]
		c = c.next()
	}
	w := philox(c, r.key())
	for i := range dst {
		dst[i] = float32(kernels.InverseNormal(w[i]))
	}
}

// Uniform fills one sample's array with numbers from [0,1), multiples of 2⁻²⁴.
func (r Random) Uniform(dst []float32, stream Stream, step, sample uint64) {
	c := counter(stream, step, sample)
	for i := 0; i < len(dst); i += 4 {
		w := philox(c, r.key())
		for j := range min(4, len(dst)-i) {
			dst[i+j] = float32(w[j]>>8) * 0x1p-24
		}
		c = c.next()
	}
}

// Float64 is a number from [0,1), a multiple of 2⁻⁵³.
func (r Random) Float64(stream Stream, step, sample uint64) float64 {
	return float64(r.uint64(stream, step, sample)>>11) * 0x1p-53
}

// IntN is a number from 0 to n−1, each with probability 1/n to within 2⁻⁶⁴. It panics unless n > 0.
func (r Random) IntN(n int, stream Stream, step, sample uint64) int {
	if n <= 0 {
		panic(fmt.Errorf("tensor: IntN: n = %d", n))
	}
	return below(n, r.uint64(stream, step, sample))
}

// Perm is a random order of the numbers from 0 to n−1, by exchanges from the end (Fisher and Yates). Its address is sample 0 of the
// stream and step.
func (r Random) Perm(n int, stream Stream, step uint64) []int32 {
	if n < 0 || n > math.MaxInt32 {
		panic(fmt.Errorf("tensor: Perm: n = %d", n))
	}
	p := make([]int32, n)
	for i := range p {
		p[i] = int32(i)
	}
	c := counter(stream, step, 0)
	for i := n - 1; i > 0; i -= 2 { // two exchanges a block
		w := philox(c, r.key())
		j := below(i+1, uint64(w[1])<<32|uint64(w[0]))
		p[i], p[j] = p[j], p[i]
		if i > 1 {
			j = below(i, uint64(w[3])<<32|uint64(w[2]))
			p[i-1], p[j] = p[j], p[i-1]
		}
		c = c.next()
	}
	return p
}

func (r Random) uint64(stream Stream, step, sample uint64) uint64 {
	w := philox(counter(stream, step, sample), r.key())
	return uint64(w[1])<<32 | uint64(w[0])
}

func (r Random) key() [2]uint32 { return kernels.RandomKey(r.Seed) }

// below maps 64 random bits to 0 … n−1: ⌊n·x/2⁶⁴⌋.
func below(n int, x uint64) int {
	hi, _ := bits.Mul64(uint64(n), x)
	return int(hi)
}

// words is a counter, or what Philox makes of it.
type words [4]uint32

func counter(stream Stream, step, sample uint64) words {
	return kernels.RandomCounter(uint8(stream), step, sample)
}

func philox(c words, k [2]uint32) words { return kernels.Philox(c, k) }

// next is the counter of the following four elements.
func (c words) next() words {
	if c[0]++; c[0] == 0 {
		panic(fmt.Errorf("tensor: more than 2³⁴ random numbers for one sample"))
	}
	return c
}
