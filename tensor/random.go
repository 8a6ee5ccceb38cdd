package tensor

import (
	"fmt"
	"math"
	"math/bits"
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
// whose block j of four 32-bit words makes the elements 4j to 4j+3. Every float operation is a single correctly rounded IEEE one and no
// product is fused with a sum, so a device that does the same gets the same bits. Steps and samples are below 2⁴⁴.
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
	Augment               // augmentations
)

// Normal fills one sample's array with standard normal numbers. They come from 32 random bits each by the inverse of
// the normal distribution, Φ⁻¹, and are at most 6.34 in size.
func (r Random) Normal(dst []float32, stream Stream, step, sample uint64) {
	c := counter(stream, step, sample)
	for len(dst) >= 4 {
		w := philox(c, r.key())
		dst[0] = float32(normal(w[0]))
		dst[1] = float32(normal(w[1]))
		dst[2] = float32(normal(w[2]))
		dst[3] = float32(normal(w[3]))
		dst = dst[4:]
		c = c.next()
	}
	w := philox(c, r.key())
	for i := range dst {
		dst[i] = float32(normal(w[i]))
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

func (r Random) key() [2]uint32 { return [2]uint32{uint32(r.Seed), uint32(r.Seed >> 32)} }

// below maps 64 random bits to 0 … n−1: ⌊n·x/2⁶⁴⌋.
func below(n int, x uint64) int {
	hi, _ := bits.Mul64(uint64(n), x)
	return int(hi)
}

// words is a counter, or what Philox makes of it.
type words [4]uint32

func counter(stream Stream, step, sample uint64) words {
	if (step|sample)>>44 != 0 {
		panic(fmt.Errorf("tensor: random step %d, sample %d: want less than 2⁴⁴", step, sample))
	}
	return words{0, uint32(sample), uint32(step), uint32(stream) | uint32(step>>32)<<8 | uint32(sample>>32)<<20}
}

// next is the counter of the following four elements.
func (c words) next() words {
	if c[0]++; c[0] == 0 {
		panic(fmt.Errorf("tensor: more than 2³⁴ random numbers for one sample"))
	}
	return c
}

// philox is Philox4x32-10 [salmon11]: ten rounds of two 32×32-bit products, whose high halves are mixed with the other words and the key.
func philox(c words, k [2]uint32) words {
	for range 10 {
		a := uint64(0xD2511F53) * uint64(c[0])
		b := uint64(0xCD9E8D57) * uint64(c[2])
		c = words{uint32(b>>32) ^ c[1] ^ k[0], uint32(b), uint32(a>>32) ^ c[3] ^ k[1], uint32(a)}
		k[0] += 0x9E3779B9
		k[1] += 0xBB67AE85
	}
	return c
}

// normal is Φ⁻¹(½+q) with q = (w+½)·2⁻³² for w read as a signed number: exactly odd in q, for −q belongs to ^w. By the rational
// approximations of Acklam, with relative error below 1.2e-9; float32 resolves 6e-8.
func normal(w uint32) float64 {
	q := (float64(int32(w)) + 0.5) * 0x1p-32
	if q > 0.47575 || q < -0.47575 {
		return tail(q)
	}
	r := q * q
	num := muladd(muladd(muladd(muladd(muladd(
		-3.969683028665376e+01, r, 2.209460984245205e+02), r, -2.759285104469687e+02), r,
		1.383577518672690e+02), r, -3.066479806614716e+01), r, 2.506628277459239e+00)
	den := muladd(muladd(muladd(muladd(muladd(
		-5.447609879822406e+01, r, 1.615858368580409e+02), r, -1.556989798598866e+02), r,
		6.680131188771972e+01), r, -1.328068155288572e+01), r, 1)
	return q * num / den
}

// tail is Φ⁻¹(½+q) near the ends, a rational function of √(−2·ln p) with p = ½−|q|, which is exact.
func tail(q float64) float64 {
	s := math.Sqrt(-2 * logarithm(0.5-math.Abs(q)))
	num := muladd(muladd(muladd(muladd(muladd(
		-7.784894002430293e-03, s, -3.223964580411365e-01), s, -2.400758277161838e+00), s,
		-2.549732539343734e+00), s, 4.374664141464968e+00), s, 2.938163982698783e+00)
	den := muladd(muladd(muladd(muladd(
		7.784695709041462e-03, s, 3.224671290700398e-01), s, 2.445134137142996e+00), s,
		3.754408661907416e+00), s, 1)
	return math.Copysign(num/den, q)
}

// logarithm is ln x of a normal positive x, by the algorithm of FreeBSD's e_log.c, to one unit in the last place. The
// standard library's may differ between machines.
//
//	x = 2ᵏ·(1+f), √½ ≤ 1+f < √2,   s = f/(2+f),   ln x = k·ln 2 + f − f²/2 + s·(f²/2 + R(s²))
func logarithm(x float64) float64 {
	b := math.Float64bits(x)
	k := float64(int(b>>52) - 1022)
	m := math.Float64frombits(b&(1<<52-1) | 1022<<52) // [½,1)
	if m < math.Sqrt2/2 {
		m *= 2
		k--
	}
	f := m - 1
	s := f / (2 + f)
	z := s * s
	r := float64(z * muladd(muladd(muladd(muladd(muladd(muladd(
		1.479819860511658591e-01, z, 1.531383769920937332e-01), z, 1.818357216161805012e-01), z,
		2.222219843214978396e-01), z, 2.857142874366239149e-01), z, 3.999999999940941908e-01), z,
		6.666666666666735130e-01))
	h := float64(0.5 * f * f)
	lo := muladd(k, 1.90821492927058770002e-10, float64(s*(h+r)))
	return float64(k*6.93147180369123816490e-01) - ((h - lo) - f)
}

// muladd is a·b + c with both steps rounded: the conversion forbids the compiler to fuse them, which it does on arm64 and others,
// across assignments too. After a change look for FMADD in the output of GOARCH=arm64 go build -gcflags=-S.
func muladd(a, b, c float64) float64 { return float64(a*b) + c }
