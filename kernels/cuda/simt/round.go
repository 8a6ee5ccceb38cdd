package simt

import (
	"math"
	"math/big"
)

// rounding is a rounding mode.
type rounding uint8

const (
	nearest rounding = iota // to even
	zero
	down
	up
)

func (d *decoder) rounding() rounding {
	switch {
	case d.in.Has("rz"), d.in.Has("rzi"):
		return zero
	case d.in.Has("rm"), d.in.Has("rmi"):
		return down
	case d.in.Has("rp"), d.in.Has("rpi"):
		return up
	}
	return nearest
}

// Canonical NaNs, by format.
const (
	nan32  = 0x7fffffff
	nan16  = 0x7fff
	nanB16 = 0x7fff
)

func toF32(x uint64) float32 { return math.Float32frombits(uint32(x)) }
func toF64(x uint64) float64 { return math.Float64frombits(x) }

func fromF32(x float32) uint64 {
	if x != x {
		return nan32
	}
	return uint64(math.Float32bits(x))
}

func fromF64(x float64) uint64 {
	if x != x {
		return 0x7fffffffffffffff
	}
	return math.Float64bits(x)
}

func flush32(x float32) float32 {
	if b := math.Float32bits(x); b&0x7f800000 == 0 {
		return math.Float32frombits(b & 0x80000000)
	}
	return x
}

func clamp01(x float64) float64 {
	if !(x > 0) { // NaN too
		return 0
	}
	return min(x, 1)
}

// odd is the sum of a and b in float64, rounded to odd: if it is inexact, of the two neighbours the one whose last bit is set, so that a
// second rounding to a narrower format is right.
func odd(a, b float64) float64 {
	s := a + b
	if math.IsInf(s, 0) || s != s {
		return s
	}
	v := s - a
	e := (a - (s - v)) + (b - v)
	if e == 0 || math.Float64bits(s)&1 == 1 {
		return s
	}
	if (e > 0) == (s > 0) {
		return math.Float64frombits(math.Float64bits(s) + 1)
	}
	return math.Float64frombits(math.Float64bits(s) - 1)
}

// fma32 is a·b + c with one rounding.
func fma32(a, b, c float32) float32 {
	p := float64(a) * float64(b) // exact
	s := p + float64(c)
	r := float32(s)
	// The sum's own rounding matters only if it left the number half way between two of the narrower format, or at or below the smallest normal number.
	if bits := math.Float64bits(s); bits&(1<<29-1) == 1<<28 || r >= -0x1p-126 && r <= 0x1p-126 {
		return float32(odd(p, float64(c)))
	}
	return r
}

// format is a binary floating-point format.
type format struct {
	precision  int // bits, the hidden one included
	emin, emax int // exponents of the smallest and largest normal numbers, as 1.f·2^e
}

var (
	formatF16 = format{11, -14, 15}
	formatF32 = format{24, -126, 127}
	formatF64 = format{53, -1022, 1023}
)

// round is an exact number in a format; the result is exact in float64. The sign of zero is that of negative.
func (f format) round(x *big.Float, mode rounding) float64 {
	if x.Sign() == 0 {
		if x.Signbit() {
			return math.Copysign(0, -1)
		}
		return 0
	}
	e := x.MantExp(nil) - 1 // of 1.f
	ulp := max(e, f.emin) - f.precision + 1
	scaled := new(big.Float).SetPrec(0).SetMantExp(x, -ulp) // in units of the last place
	n, _ := scaled.Int(nil)                                 // toward zero
	rest := new(big.Float).SetPrec(2000).Sub(scaled, new(big.Float).SetInt(n))
	away := false
	switch mode {
	case nearest:
		c := rest.Abs(rest).Cmp(big.NewFloat(0.5))
		away = c > 0 || c == 0 && n.Bit(0) == 1
	case down:
		away = rest.Sign() != 0 && x.Signbit()
	case up:
		away = rest.Sign() != 0 && !x.Signbit()
	}
	if away {
		if x.Signbit() {
			n.Sub(n, big.NewInt(1))
		} else {
			n.Add(n, big.NewInt(1))
		}
	}
	y, _ := new(big.Float).SetMantExp(new(big.Float).SetInt(n), ulp).Float64()
	if y == 0 && x.Signbit() {
		y = math.Copysign(0, -1)
	}
	if most := math.Ldexp(2-math.Ldexp(1, 1-f.precision), f.emax); math.Abs(y) > most {
		toInf := mode == nearest || mode == up && y > 0 || mode == down && y < 0
		if toInf {
			return math.Inf(int(math.Copysign(1, y)))
		}
		return math.Copysign(most, y)
	}
	return y
}

// narrow rounds a float64 to a format.
func (f format) narrow(x float64, mode rounding) float64 {
	if x != x || math.IsInf(x, 0) || x == 0 {
		return x
	}
	if f == formatF32 {
		if mode == nearest {
			return float64(float32(x))
		}
		b, sign, inexact := cut32(x)
		if inexact && away(mode, sign) {
			b++
		}
		return float64(math.Float32frombits(b | sign))
	}
	return f.round(new(big.Float).SetFloat64(x), mode)
}

// cut32 rounds to float32 toward zero: the bits without the sign, the sign, and whether something is lost.
func cut32(x float64) (b, sign uint32, inexact bool) {
	y := float32(x)
	b = math.Float32bits(y)
	sign = b & (1 << 31)
	b &^= 1 << 31
	if math.Abs(float64(y)) > math.Abs(x) {
		b--
	}
	return b, sign, float64(y) != x
}

// away says whether a directed rounding goes away from zero.
func away(mode rounding, sign uint32) bool {
	return mode == up && sign == 0 || mode == down && sign != 0
}

// f16Bits is a float64 rounded to binary16.
func f16Bits(x float64, mode rounding) uint64 {
	if x != x {
		return nan16
	}
	if mode == nearest {
		return uint64(halfNearest(x))
	}
	return exactHalf(formatF16.narrow(x, mode))
}

// halfNearest rounds to binary16, ties to even, once.
func halfNearest(x float64) uint16 {
	b := math.Float64bits(x)
	sign := uint16(b >> 48 & 0x8000)
	a := math.Abs(x)
	switch {
	case a >= 65520:
		return sign | 0x7c00
	case a < 0x1p-14: // subnormal: the sum with 2^(52−24) has the units of 2⁻²⁴ in its last bits
		return sign | uint16(math.Float64bits(a+0x1p28)-math.Float64bits(0x1p28))
	}
	b &= 1<<63 - 1
	b += 1<<41 - 1 + b>>42&1
	return sign | uint16(b>>42-(1023-15)<<10)
}

// exactHalf is the bits of a number that binary16 holds.
func exactHalf(x float64) uint64 { return uint64(halfNearest(x)) }

// halves are the values of all binary16 numbers.
var halves = func() *[1 << 16]float32 {
	t := new([1 << 16]float32)
	for i := range t {
		sign, e, f := 1.0, i>>10&31, float64(i&1023)
		if i>>15 != 0 {
			sign = -1
		}
		switch {
		case e == 0:
			t[i] = float32(math.Copysign(f*0x1p-24, sign))
		case e == 31 && f == 0:
			t[i] = float32(math.Inf(int(sign)))
		case e == 31:
			t[i] = float32(math.Copysign(math.NaN(), sign)) // a sign that .xorsign reads
		default:
			t[i] = float32(sign * math.Ldexp(1+f/1024, e-15))
		}
	}
	return t
}()

func bf16(x uint64) float32 { return math.Float32frombits(uint32(x) << 16) }

func bf16Bits(x float64, mode rounding) uint64 {
	if x != x {
		return nanB16
	}
	b, sign, inexact := cut32(x)
	switch {
	case mode == nearest: // what is lost is no tie
		if inexact {
			b |= 1
		}
		b += 0x7fff + b>>16&1
	case away(mode, sign) && (inexact || b&0xffff != 0):
		b += 1 << 16
	}
	return uint64(b|sign) >> 16
}
