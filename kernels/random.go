package kernels

import (
	"fmt"
	"math"
)

// RandomCounter is the counter of the first four random numbers at an address, see [onestep/tensor.Random]:
//
//	(j, sample mod 2³², step mod 2³², stream + 2⁸·⌊step/2³²⌋ + 2²⁰·⌊sample/2³²⌋),   j = 0
//
// Block j, the counter with that first word, makes the elements 4j to 4j+3. It panics unless step and sample are below 2⁴⁴.
func RandomCounter(stream uint8, step, sample uint64) [4]uint32 {
	if (step|sample)>>44 != 0 {
		panic(fmt.Errorf("kernels: random step %d, sample %d: want less than 2⁴⁴", step, sample))
	}
	return [4]uint32{0, uint32(sample), uint32(step), uint32(stream) | uint32(step>>32)<<8 | uint32(sample>>32)<<20}
}

// RandomKey is the seed as a key of [Philox].
func RandomKey(seed uint64) [2]uint32 { return [2]uint32{uint32(seed), uint32(seed >> 32)} }

// Philox is Philox4x32-10 [salmon11]: ten rounds of two 32×32-bit products, whose high halves are mixed with the other words and the key.
func Philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		a := uint64(0xD2511F53) * uint64(c[0])
		b := uint64(0xCD9E8D57) * uint64(c[2])
		c = [4]uint32{uint32(b>>32) ^ c[1] ^ k[0], uint32(b), uint32(a>>32) ^ c[3] ^ k[1], uint32(a)}
		k[0] += 0x9E3779B9
		k[1] += 0xBB67AE85
	}
	return c
}

// InverseNormal is Φ⁻¹(½+q) with q = (w+½)·2⁻³² for w read as a signed number: exactly odd in q, for −q belongs to ^w, and at most 6.34
// in size. By the rational approximations of Acklam, with relative error below 1.2e-9; float32 resolves 6e-8.
//
// Every operation here and below is a single correctly rounded one of float64, and no product is fused with a sum, so a device that does
// the same gets the same bits.
func InverseNormal(w uint32) float64 {
	q := (float64(int32(w)) + 0.5) * 0x1p-32
	if q > 0.47575 || q < -0.47575 {
		return normalTail(q)
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

// normalTail is Φ⁻¹(½+q) near the ends, a rational function of √(−2·ln p) with p = ½−|q|, which is exact.
func normalTail(q float64) float64 {
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
