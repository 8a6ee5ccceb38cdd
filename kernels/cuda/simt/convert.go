package simt

import (
	"math"
	"math/big"
	"strconv"

	"onestep/kernels/cuda/ptx"
)

// floatOf reads a register as a number of a floating-point type, widened exactly.
func floatOf(t ptx.Type) func(uint64) float64 {
	switch t {
	case ptx.F16:
		return func(x uint64) float64 { return float64(halves[uint16(x)]) }
	case ptx.BF16:
		return func(x uint64) float64 { return float64(bf16(x & 0xffff)) }
	case ptx.F32, ptx.TF32:
		return func(x uint64) float64 { return float64(toF32(x)) }
	}
	return toF64
}

// bitsOf rounds a float64 to a floating-point type.
func bitsOf(t ptx.Type, mode rounding) func(float64) uint64 {
	switch t {
	case ptx.F16:
		return func(x float64) uint64 { return f16Bits(x, mode) }
	case ptx.BF16:
		return func(x float64) uint64 { return bf16Bits(x, mode) }
	case ptx.F32:
		return func(x float64) uint64 { return fromF32(float32(formatF32.narrow(x, mode))) }
	}
	return fromF64
}

// convert decodes cvt.
func (d *decoder) convert() {
	in := d.in
	if in.Mods[0] == "pack" {
		d.packIntegers()
		return
	}
	if len(in.Types) != 2 {
		d.unsupported("a conversion of %d types", len(in.Types))
	}
	to, from := in.Types[0], in.Types[1]
	mode := d.rounding()
	ftz, sat, relu := in.Has("ftz"), in.Has("sat"), in.Has("relu")
	shape := func(x float64) float64 {
		if relu && !(x > 0) && x == x {
			x = 0
		}
		if sat && to.Float() {
			x = clamp01(x)
		}
		return x
	}
	switch {
	case to == ptx.F16x2 || to == ptx.BF16x2: // a goes to the upper half
		half := ptx.F16
		if to == ptx.BF16x2 {
			half = ptx.BF16
		}
		pack := bitsOf(half, mode)
		d.binary(func(a, b uint64) uint64 {
			return pack(shape(float64(toF32(a))))<<16 | pack(shape(float64(toF32(b))))
		})
	case to == ptx.TF32:
		half := uint64(0x1000) // rna: to the nearest, ties away from zero
		if in.Has("rz") {
			half = 0
		}
		even := in.Has("rn")
		d.unary(func(a uint64) uint64 {
			switch {
			case a&0x7f800000 == 0x7f800000 && a&0x7fffff != 0:
				return nan32
			case relu && a>>31 != 0:
				return 0
			case a&0x7f800000 == 0x7f800000:
				return a
			case even:
				return (a + 0xfff + a>>13&1) &^ 0x1fff
			}
			return (a + half) &^ 0x1fff
		})
	case to.Float() && from.Float():
		d.floatToFloat(to, from, mode, ftz, shape)
	case to.Float():
		n, s := from.Bits(), from.Signed()
		if to == ptx.F32 && n == 32 && mode == nearest && !sat && !ftz { // of most kernels
			if s {
				d.unary(func(a uint64) uint64 { return uint64(math.Float32bits(float32(int32(a)))) })
			} else {
				d.unary(func(a uint64) uint64 { return uint64(math.Float32bits(float32(uint32(a)))) })
			}
			return
		}
		d.unary(func(a uint64) uint64 { return intToFloat(extend(a, n, s), s, to, mode, shape) })
	case from.Float():
		value := floatOf(from)
		n, s := to.Bits(), to.Signed()
		width := d.width(d.dst(0))
		d.unary(func(a uint64) uint64 { // NaN is 0, or with 64 bits on either side only the top bit
			x := value(a)
			if ftz && from == ptx.F32 {
				x = float64(flush32(float32(x)))
			}
			if x != x && (from == ptx.F64 || n == 64) {
				return extend(1<<(n-1), n, s) & bitsMask(width)
			}
			return floatToInt(x, n, s, mode) & bitsMask(width)
		})
	default:
		d.intToInt(to, from, sat)
	}
}

func (d *decoder) floatToFloat(to, from ptx.Type, mode rounding, ftz bool, shape func(float64) float64) {
	value, pack := floatOf(from), bitsOf(to, mode)
	integral := d.in.Has("rni") || d.in.Has("rzi") || d.in.Has("rmi") || d.in.Has("rpi")
	d.unary(func(a uint64) uint64 {
		x := value(a)
		if ftz && from == ptx.F32 {
			x = float64(flush32(float32(x)))
		}
		if integral {
			x = integer(x, mode)
		}
		y := pack(shape(x))
		if ftz && to == ptx.F32 {
			y = uint64(math.Float32bits(flush32(toF32(y))))
		}
		return y
	})
}

// integer rounds to a whole number.
func integer(x float64, mode rounding) float64 {
	switch mode {
	case zero:
		return math.Trunc(x)
	case down:
		return math.Floor(x)
	case up:
		return math.Ceil(x)
	}
	return math.RoundToEven(x)
}

// floatToInt rounds and saturates to n bits; NaN is 0.
func floatToInt(x float64, n int, sign bool, mode rounding) uint64 {
	if x != x {
		return 0
	}
	x = integer(x, mode)
	if sign {
		switch lo, hi := -math.Ldexp(1, n-1), math.Ldexp(1, n-1); {
		case x < lo:
			return uint64(int64(-1) << (n - 1))
		case x >= hi:
			return bitsMask(n - 1)
		}
		return uint64(int64(x))
	}
	switch {
	case x <= 0:
		return 0
	case x >= math.Ldexp(1, n):
		return bitsMask(n)
	}
	return uint64(x)
}

// intToFloat rounds an integer once.
func intToFloat(x uint64, sign bool, to ptx.Type, mode rounding, shape func(float64) float64) uint64 {
	y, z := float64(x), float32(x)
	if sign {
		y, z = float64(int64(x)), float32(int64(x))
	}
	if exact := int64(x) < 1<<53 && (sign && int64(x) > -1<<53 || int64(x) >= 0); exact {
		return bitsOf(to, mode)(shape(y))
	}
	if mode == nearest { // to a half, these are too large however they are rounded
		if to == ptx.F32 {
			y = float64(z)
		}
		return bitsOf(to, nearest)(shape(y))
	}
	n := new(big.Float).SetPrec(64).SetUint64(x)
	if sign {
		n.SetInt64(int64(x))
	}
	f := map[ptx.Type]format{ptx.F64: formatF64, ptx.F32: formatF32, ptx.F16: formatF16}[to]
	return bitsOf(to, nearest)(shape(f.round(n, mode)))
}

func (d *decoder) intToInt(to, from ptx.Type, sat bool) {
	n, s := from.Bits(), from.Signed()
	tn, ts := to.Bits(), to.Signed()
	width := d.width(d.dst(0))
	d.unary(func(a uint64) uint64 {
		x := extend(a, n, s)
		if sat {
			switch {
			case ts && s:
				x = uint64(min(max(int64(x), int64(-1)<<(tn-1)), int64(bitsMask(tn-1))))
			case ts:
				x = min(x, bitsMask(tn-1))
			case s && int64(x) < 0:
				x = 0
			default:
				x = min(x, bitsMask(tn))
			}
		}
		return extend(x, tn, ts) & bitsMask(width)
	})
}

// packIntegers decodes cvt.pack: a and b, kept within a narrow type, next to each other, b lowest, and above them what c has lowest.
func (d *decoder) packIntegers() {
	to := d.in.Mods[2]
	n, err := strconv.Atoi(to[1:])
	if err != nil {
		d.unsupported("packing %s", to)
	}
	least, most := int64(0), int64(bitsMask(n))
	if to[0] == 's' {
		least, most = -1<<(n-1), int64(bitsMask(n-1))
	}
	cut := func(x uint64) uint64 { return uint64(min(max(int64(int32(x)), least), most)) & bitsMask(n) }
	if len(d.in.Operands) == 3 {
		d.binary(func(a, b uint64) uint64 { return cut(a)<<n | cut(b) })
		return
	}
	d.ternary(func(a, b, c uint64) uint64 { return (c<<(2*n) | cut(a)<<n | cut(b)) & bitsMask(32) })
}
