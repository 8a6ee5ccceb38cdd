package simt

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
)

// kinds are the integer types by name: bits and sign.
var kinds = map[string]struct {
	n      int
	signed bool
	letter string // of a register that holds it
}{
	"s8": {8, true, "r"}, "u8": {8, false, "r"}, "s16": {16, true, "h"}, "u16": {16, false, "h"},
	"s32": {32, true, "r"}, "u32": {32, false, "r"}, "s64": {64, true, "d"}, "u64": {64, false, "d"},
}

// formats are the floating-point types of cvt.
var formats = map[string]layout{"f16": binary16, "f32": binary32, "f64": binary64}

// TestIntegerToFloat holds conversions from all integer types to rational numbers, in every rounding.
func TestIntegerToFloat(t *testing.T) {
	for from, k := range kinds {
		list := firsts(integers(k.n))
		for i := range 200 { // long ones near a tie
			x := bitsMask(k.n) >> (i % 7) &^ (1 << (i % 61))
			list = append(list, [3]uint64{x & bitsMask(k.n)}, [3]uint64{(x ^ 1<<(i%k.n)) & bitsMask(k.n)})
		}
		for to, f := range formats {
			for _, mode := range allModes {
				for _, sat := range []string{"", ".sat"} {
					form{fmt.Sprintf("cvt.%s%s.%s.%s %s0, %s1;", mode, sat, to, from, f.letter, k.letter), func(a, _, _ uint64) uint64 {
						z := number(a, k.n, k.signed)
						return f.result(func(_, _, _ real, _ string) real {
							return real{neg: z.Sign() < 0, r: new(big.Rat).SetInt(new(big.Int).Abs(z))}
						}, 0, 0, 0, mode, sat)
					}}.check(t, list)
				}
			}
		}
	}
}

// whole rounds a number to an integer.
func whole(v real, mode string) *big.Int {
	n, rest := new(big.Int).QuoRem(v.r.Num(), v.r.Denom(), new(big.Int))
	half := new(big.Int).Lsh(rest, 1).Cmp(v.r.Denom())
	if mode == "rni" && (half > 0 || half == 0 && n.Bit(0) == 1) || rest.Sign() != 0 && (mode == "rmi" && v.neg || mode == "rpi" && !v.neg) {
		n.Add(n, big.NewInt(1))
	}
	if v.neg {
		n.Neg(n)
	}
	return n
}

// integrals are samples near whole numbers and near the ends of integer types.
func (f layout) integrals() [][3]uint64 {
	list := firsts(f.samples())
	for e := range 66 {
		for _, m := range []int64{-3, -2, -1, 0, 1, 2, 3} {
			for _, half := range []int64{0, 1} { // ±2^e + m/2
				r := new(big.Rat).Add(power(e), big.NewRat(2*m+half, 2))
				v := real{neg: r.Sign() < 0 || m&1 != 0, r: new(big.Rat).Abs(r)}
				list = append(list, [3]uint64{f.round(v, "rn")}, [3]uint64{f.round(v, "rz")})
			}
		}
	}
	return firsts(list)
}

// TestFloatToInteger holds conversions to all integer types: rounded, kept within the type, and NaN by the rule of [ptx, "cvt"].
func TestFloatToInteger(t *testing.T) {
	for from, f := range formats {
		list := f.integrals()
		for to, k := range kinds {
			for _, mode := range []string{"rni", "rzi", "rmi", "rpi"} {
				for _, ftz := range []string{"", ".ftz"} {
					if ftz != "" && from != "f32" {
						continue
					}
					form{fmt.Sprintf("cvt.%s%s.%s.%s %s0, %s1;", mode, ftz, to, from, k.letter, f.letter), func(a, _, _ uint64) uint64 {
						if ftz != "" {
							a = f.flushed(a)
						}
						v := f.value(a)
						least, most := new(big.Int), new(big.Int).SetUint64(bitsMask(k.n))
						if k.signed {
							least, most = number(1<<(k.n-1), k.n, true), new(big.Int).SetUint64(bitsMask(k.n-1))
						}
						var z *big.Int
						switch {
						case v.nan && from != "f64" && k.n != 64:
							z = new(big.Int)
						case v.nan:
							z = number(1<<(k.n-1), k.n, k.signed)
						case v.inf && v.neg:
							z = least
						case v.inf:
							z = most
						default:
							if z = whole(v, mode); z.Cmp(least) < 0 {
								z = least
							} else if z.Cmp(most) > 0 {
								z = most
							}
						}
						return low(z, max(k.n, 8*sizes[k.letter])) // an 8-bit result is extended to its register
					}}.check(t, list)
				}
			}
		}
	}
}

// TestFloatToFloat holds conversions between formats, and those to whole numbers of the same format.
func TestFloatToFloat(t *testing.T) {
	narrowing := strings.Fields("f16.f32 f16.f64 f32.f64")
	widening := strings.Fields("f32.f16 f64.f16 f64.f32")
	for _, pair := range append(narrowing, widening...) {
		to, from, _ := strings.Cut(pair, ".")
		modes := []string{""}
		if formats[to].width < formats[from].width {
			modes = allModes
		}
		for _, mode := range modes {
			for _, m := range []string{"", ".ftz", ".sat", ".ftz.sat"} {
				if strings.Contains(m, "ftz") && to != "f32" && from != "f32" {
					continue
				}
				convertForm(mode, m, to, from, formats[to], formats[from]).check(t, between(formats[from], formats[to]))
			}
		}
	}
	for typ, f := range formats {
		for _, mode := range []string{"rni", "rzi", "rmi", "rpi"} {
			form{fmt.Sprintf("cvt.%s.%s.%s %s0, %s1;", mode, typ, typ, f.letter, f.letter), func(a, _, _ uint64) uint64 {
				v := f.value(a)
				if !v.nan && !v.inf {
					v.r = new(big.Rat).Abs(new(big.Rat).SetInt(whole(v, mode)))
				}
				return f.round(v, "rn")
			}}.check(t, f.integrals())
		}
	}
}

// convertForm is one conversion; .ftz flushes what is float32.
func convertForm(mode, modifiers, to, from string, f, g layout) form {
	dot := ""
	if mode != "" {
		dot = "." + mode
	}
	return form{fmt.Sprintf("cvt%s%s.%s.%s %s0, %s1;", dot, modifiers, to, from, f.letter, g.letter), func(a, _, _ uint64) uint64 {
		return f.convert(g, a, mode, modifiers)
	}}
}

func (f layout) convert(from layout, a uint64, mode, modifiers string) uint64 {
	ftz := strings.Contains(modifiers, ".ftz")
	if ftz && from.width == 32 {
		a = from.flushed(a)
	}
	if !ftz || f.width != 32 {
		modifiers = strings.Replace(modifiers, ".ftz", "", 1)
	}
	return f.result(func(_, _, _ real, _ string) real { return from.value(a) }, 0, 0, 0, mode, modifiers)
}

// between are samples of a format that lie near the numbers of another, and half way between them.
func between(f, other layout) [][3]uint64 {
	list := firsts(f.samples())
	for _, s := range firsts(other.samples()) {
		v, next := other.value(s[0]), other.value(s[0]+1)
		if v.nan || v.inf || next.nan || next.inf {
			continue
		}
		mid := real{neg: v.neg, r: new(big.Rat).Quo(new(big.Rat).Add(v.r, next.r), big.NewRat(2, 1))}
		for _, x := range []real{v, mid} {
			b := f.round(x, "rn")
			list = append(list, [3]uint64{b}, [3]uint64{b + 1}, [3]uint64{b ^ 1})
		}
	}
	return firsts(list)
}

// TestBrain holds the conversions to bf16, tf32 and pairs, which have .relu.
func TestBrain(t *testing.T) {
	tensor32 := layout{"r", 32, 23, 0x7fffffff}
	cut := layout{"r", 19, 10, 0x3ffff} // tf32 without the 13 bits that are zero
	for _, mode := range []string{"rn", "rz"} {
		for _, relu := range []string{"", ".relu"} {
			for typ, f := range map[string]layout{"f16": binary16, "bf16": brain16} {
				list := between(binary32, f)
				convertForm(mode, relu, typ, "f32", f, binary32).check(t, list)
				for i := range list {
					list[i][1] = list[(i*7+3)%len(list)][0]
				}
				form{fmt.Sprintf("cvt.%s%s.%sx2.f32 r0, r1, r2;", mode, relu, typ), func(a, b, _ uint64) uint64 {
					return f.convert(binary32, a, mode, relu)<<16 | f.convert(binary32, b, mode, relu)
				}}.check(t, list)
			}
		}
	}
	form{"cvt.f32.bf16 r0, h1;", func(a, _, _ uint64) uint64 { return binary32.convert(brain16, a, "rn", "") }}.check(t, firsts(brain16.samples()))
	form{"cvt.rna.tf32.f32 r0, r1;", func(a, _, _ uint64) uint64 {
		if v := tensor32.value(a); !v.nan {
			return cut.round(v, "rna") << 13
		}
		return tensor32.nan
	}}.check(t, between(tensor32, cut))
}

// TestIntegerPacking holds cvt.pack to bits of integers that are kept within a type.
func TestIntegerPacking(t *testing.T) {
	for typ, n := range map[string]int{"u16": 16, "s16": 16, "u8": 8, "s8": 8, "u4": 4, "s4": 4, "u2": 2, "s2": 2} {
		kept := func(x uint64) uint64 {
			z := number(x, 32, true)
			least, most := new(big.Int), number(bitsMask(n), n, false)
			if typ[0] == 's' {
				least, most = number(1<<(n-1), n, true), number(bitsMask(n-1), n, true)
			}
			switch {
			case z.Cmp(least) < 0:
				z = least
			case z.Cmp(most) > 0:
				z = most
			}
			return low(z, n)
		}
		code := fmt.Sprintf("cvt.pack.sat.%s.s32.b32 r0, r1, r2, r3;", typ)
		if n == 16 {
			code = fmt.Sprintf("cvt.pack.sat.%s.s32 r0, r1, r2;", typ)
		}
		form{code, func(a, b, c uint64) uint64 {
			return bitwise(32, func(i int) uint64 {
				switch {
				case i < n:
					return bit(kept(b), i, n)
				case i < 2*n:
					return bit(kept(a), i-n, n)
				}
				return bit(c, i-2*n, 32)
			})
		}}.check(t, integers(32))
	}
}
