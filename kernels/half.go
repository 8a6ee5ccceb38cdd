package kernels

import "math"

// F16Bits is an IEEE 754 binary16 number by its bits. It is stored, converted and never computed with.
type F16Bits uint16

// Float32 is the exact value of h.
func (h F16Bits) Float32() float32 {
	sign := uint32(h>>15) << 31
	exp := uint32(h>>10) & 31
	frac := uint32(h) & 1023
	switch exp {
	case 0: // zero and subnormals: frac · 2⁻²⁴
		f := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31: // infinities and NaN; a NaN becomes quiet, as VCVTPH2PS makes it
		if frac != 0 {
			frac |= 1 << 9
		}
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// ToF16 rounds x to the nearest binary16, ties to even; beyond ±65520 it is infinite.
func ToF16(x float32) F16Bits {
	b := math.Float32bits(x)
	sign := F16Bits(b>>16) & 0x8000
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // NaN: keep the top of the payload, set the quiet bit
		return sign | 0x7e00 | F16Bits(b>>13)&0x1ff
	case b >= 0x477ff000: // 65520 and above
		return sign | 0x7c00
	case b < 0x38800000: // below 2⁻¹⁴: subnormal, in units of 2⁻²⁴; adding ½ aligns and rounds it
		f := math.Float32frombits(b) + 0.5
		return sign | F16Bits(math.Float32bits(f)-0x3f000000)
	}
	b += 0xfff + b>>13&1 // round half to even at bit 13
	return sign | F16Bits((b-112<<23)>>13)
}

// Cast copies X to Y between element types; float32 to half rounds to nearest even.
var Cast = define(Op[CastArgs]{Name: "cast", Ref: cast, Half: true})

// CastArgs is output, input, size. X and Y may have any types.
type CastArgs struct {
	Y Buf `kernel:"out"` // (N)
	X Buf // (N)
	N int
}

func cast(c *CPU, a CastArgs) {
	c.Blocks(a.N, func(_, lo, hi int) {
		y, x := a.Y.Slice(lo, hi), a.X.Slice(lo, hi)
		switch {
		case x.Type == F32 && y.Type == F32:
			copy(y.F32, x.F32)
		case x.Type == F16 && y.Type == F16:
			copy(y.F16, x.F16)
		case x.Type == F16:
			for i, h := range x.F16 {
				y.F32[i] = h.Float32()
			}
		default:
			for i, v := range x.F32 {
				y.F16[i] = ToF16(v)
			}
		}
	})
}
