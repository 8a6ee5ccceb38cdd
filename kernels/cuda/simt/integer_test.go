package simt

import (
	"fmt"
	"math/big"
	"math/bits"
	"strings"
	"testing"
)

// number is the n-bit integer x as an exact one.
func number(x uint64, n int, signed bool) *big.Int {
	z := new(big.Int).SetUint64(x & bitsMask(n))
	if signed && x>>(n-1)&1 != 0 {
		z.Sub(z, new(big.Int).Lsh(big.NewInt(1), uint(n)))
	}
	return z
}

// low is the n low bits of an exact integer, in two's complement.
func low(z *big.Int, n int) uint64 {
	m := new(big.Int).Lsh(big.NewInt(1), uint(n))
	return new(big.Int).Mod(z, m).Uint64()
}

// TestIntegerArithmetic holds every width and sign to exact integers.
func TestIntegerArithmetic(t *testing.T) {
	for _, kind := range []struct {
		n      int
		letter string
	}{{16, "h"}, {32, "r"}, {64, "d"}} {
		for _, s := range []bool{false, true} {
			n := kind.n
			typ := fmt.Sprintf("%c%d", "us"[truth(s)], n)
			v := func(x uint64) *big.Int { return number(x, n, s) }
			z := func() *big.Int { return new(big.Int) }
			forms := []form{
				{"add.T %0, %1, %2;", func(a, b, c uint64) uint64 { return low(z().Add(v(a), v(b)), n) }},
				{"sub.T %0, %1, %2;", func(a, b, c uint64) uint64 { return low(z().Sub(v(a), v(b)), n) }},
				{"mul.lo.T %0, %1, %2;", func(a, b, c uint64) uint64 { return low(z().Mul(v(a), v(b)), n) }},
				{"mul.hi.T %0, %1, %2;", func(a, b, c uint64) uint64 { return low(z().Rsh(z().Mul(v(a), v(b)), uint(n)), n) }},
				{"mad.lo.T %0, %1, %2, %3;", func(a, b, c uint64) uint64 { return low(z().Add(z().Mul(v(a), v(b)), v(c)), n) }},
				{"mad.hi.T %0, %1, %2, %3;", func(a, b, c uint64) uint64 {
					return low(z().Add(z().Rsh(z().Mul(v(a), v(b)), uint(n)), v(c)), n)
				}},
				{"sad.T %0, %1, %2, %3;", func(a, b, c uint64) uint64 { return low(z().Add(v(c), z().Abs(z().Sub(v(a), v(b)))), n) }},
				{"min.T %0, %1, %2;", func(a, b, c uint64) uint64 {
					if v(a).Cmp(v(b)) < 0 {
						return a
					}
					return b
				}},
				{"max.T %0, %1, %2;", func(a, b, c uint64) uint64 {
					if v(a).Cmp(v(b)) > 0 {
						return a
					}
					return b
				}},
				{"or.bN %2, %2, 1; div.T %0, %1, %2;", func(a, b, c uint64) uint64 { return low(z().Quo(v(a), v(b|1)), n) }},
				{"or.bN %2, %2, 1; rem.T %0, %1, %2;", func(a, b, c uint64) uint64 { return low(z().Rem(v(a), v(b|1)), n) }},
				{"shr.T %0, %1, r2;", func(a, b, c uint64) uint64 { return low(z().Rsh(v(a), uint(min(uint32(b), 200))), n) }},
				{"shl.bN %0, %1, r2;", func(a, b, c uint64) uint64 { return low(z().Lsh(v(a), uint(min(uint32(b), 200))), n) }},
			}
			if s {
				forms = append(forms,
					form{"neg.T %0, %1;", func(a, b, c uint64) uint64 { return low(z().Neg(v(a)), n) }},
					form{"abs.T %0, %1;", func(a, b, c uint64) uint64 { return low(z().Abs(v(a)), n) }})
			}
			if n < 64 {
				wide := map[int]string{16: "r", 32: "d"}[n]
				forms = append(forms,
					form{"mul.wide.T " + wide + "0, %1, %2;", func(a, b, c uint64) uint64 { return low(z().Mul(v(a), v(b)), 2*n) }},
					form{"mad.wide.T " + wide + "0, %1, %2, " + wide + "3;", func(a, b, c uint64) uint64 {
						return low(z().Add(z().Mul(v(a), v(b)), number(c, 2*n, s)), 2*n)
					}})
			}
			for _, f := range forms {
				f.code = strings.NewReplacer("%", kind.letter, "T", typ, "bN", fmt.Sprintf("b%d", n)).Replace(f.code)
				f.check(t, integers(n))
			}
		}
	}
}

// TestSaturating holds what clamps to the ends of its range, and the 24-bit products, to exact integers.
func TestSaturating(t *testing.T) {
	clamp := func(z *big.Int) uint64 {
		if lo := big.NewInt(-1 << 31); z.Cmp(lo) < 0 {
			z = lo
		} else if hi := big.NewInt(1<<31 - 1); z.Cmp(hi) > 0 {
			z = hi
		}
		return low(z, 32)
	}
	v := func(x uint64) *big.Int { return number(x, 32, true) }
	p24 := func(a, b uint64, s bool, shift uint) *big.Int {
		return new(big.Int).Rsh(new(big.Int).Mul(number(a, 24, s), number(b, 24, s)), shift)
	}
	add := func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
	for _, f := range []form{
		{"add.sat.s32 r0, r1, r2;", func(a, b, c uint64) uint64 { return clamp(add(v(a), v(b))) }},
		{"sub.sat.s32 r0, r1, r2;", func(a, b, c uint64) uint64 { return clamp(new(big.Int).Sub(v(a), v(b))) }},
		{"mad.hi.sat.s32 r0, r1, r2, r3;", func(a, b, c uint64) uint64 {
			return clamp(add(new(big.Int).Rsh(new(big.Int).Mul(v(a), v(b)), 32), v(c)))
		}},
		{"mul24.lo.u32 r0, r1, r2;", func(a, b, c uint64) uint64 { return low(p24(a, b, false, 0), 32) }},
		{"mul24.lo.s32 r0, r1, r2;", func(a, b, c uint64) uint64 { return low(p24(a, b, true, 0), 32) }},
		{"mul24.hi.u32 r0, r1, r2;", func(a, b, c uint64) uint64 { return low(p24(a, b, false, 16), 32) }},
		{"mul24.hi.s32 r0, r1, r2;", func(a, b, c uint64) uint64 { return low(p24(a, b, true, 16), 32) }},
		{"mad24.lo.s32 r0, r1, r2, r3;", func(a, b, c uint64) uint64 { return low(add(p24(a, b, true, 0), v(c)), 32) }},
		{"mad24.hi.sat.s32 r0, r1, r2, r3;", func(a, b, c uint64) uint64 { return clamp(add(p24(a, b, true, 16), v(c))) }},
	} {
		f.check(t, integers(32))
	}
}

// TestCarries adds, subtracts and multiplies numbers of 128 bits in pieces.
func TestCarries(t *testing.T) {
	for _, f := range []form{
		{"add.cc.u64 d4, d1, d2; addc.cc.u64 d5, d3, d1; addc.u64 d0, d2, d3;", func(a, b, c uint64) uint64 {
			_, k := bits.Add64(a, b, 0)
			_, k = bits.Add64(c, a, k)
			return b + c + k
		}},
		{"sub.cc.u64 d4, d1, d2; subc.cc.u64 d5, d3, d1; subc.u64 d0, d2, d3;", func(a, b, c uint64) uint64 {
			_, k := bits.Sub64(a, b, 0)
			_, k = bits.Sub64(c, a, k)
			return b - c - k
		}},
		{"mad.lo.cc.u64 d4, d1, d2, d3; madc.hi.u64 d0, d1, d2, d3;", func(a, b, c uint64) uint64 {
			h, l := bits.Mul64(a, b)
			_, k := bits.Add64(l, c, 0)
			return h + c + k
		}},
		{"add.cc.u32 r4, r1, r2; addc.u32 r0, r3, 0;", func(a, b, c uint64) uint64 { return (c + (a+b)>>32) & bitsMask(32) }},
		{"mad.lo.cc.u32 r4, r1, r2, r3; madc.hi.u32 r0, r1, r2, 0;", func(a, b, c uint64) uint64 { return (a*b + c) >> 32 }},
	} {
		n := 64
		if strings.Contains(f.code, "u32") {
			n = 32
		}
		f.check(t, integers(n))
	}
}
