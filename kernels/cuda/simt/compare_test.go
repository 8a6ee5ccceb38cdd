package simt

import (
	"fmt"
	"strings"
	"testing"
)

// relations are the comparisons of numbers: what they say of less, equal and greater, and of NaN.
var relations = map[string]struct{ less, equal, greater, nan bool }{
	"eq": {equal: true}, "ne": {less: true, greater: true}, "lt": {less: true}, "le": {less: true, equal: true}, "gt": {greater: true}, "ge": {greater: true, equal: true},
	"equ": {equal: true, nan: true}, "neu": {less: true, greater: true, nan: true}, "ltu": {less: true, nan: true}, "leu": {less: true, equal: true, nan: true},
	"gtu": {greater: true, nan: true}, "geu": {greater: true, equal: true, nan: true}, "num": {less: true, equal: true, greater: true}, "nan": {nan: true},
}

func (f layout) relation(op string, a, b uint64) bool {
	r := relations[op]
	x, y := f.value(a), f.value(b)
	if x.nan || y.nan {
		return r.nan
	}
	order := func(v real) int { // of infinities among numbers
		switch {
		case !v.inf:
			return 0
		case v.neg:
			return -1
		}
		return 1
	}
	c := order(x) - order(y)
	if c == 0 && !x.inf {
		c = x.signed().Cmp(y.signed())
	}
	return c < 0 && r.less || c == 0 && r.equal || c > 0 && r.greater
}

// combinations are boolean operators of set and setp.
var combinations = map[string]func(a, b bool) bool{
	"and": func(a, b bool) bool { return a && b }, "or": func(a, b bool) bool { return a || b }, "xor": func(a, b bool) bool { return a != b },
}

// TestCompareFloats holds setp and set of all formats, with and without .ftz and a boolean operator, to rational numbers.
func TestCompareFloats(t *testing.T) {
	for _, c := range []struct {
		f   layout
		typ string
		ftz bool
		one map[string]uint64 // of the results of set
	}{
		{binary32, "f32", true, map[string]uint64{"u32": 0xffffffff, "f32": 0x3f800000, "f16": 0x3c00}},
		{binary64, "f64", false, map[string]uint64{"s32": 0xffffffff, "f32": 0x3f800000, "f16": 0x3c00}},
		{binary16, "f16", true, map[string]uint64{"u16": 0xffff, "s32": 0xffffffff, "f16": 0x3c00}},
	} {
		list := c.f.samples()
		for op := range relations {
			for _, ftz := range []string{"", ".ftz"} {
				rel := func(a, b uint64) bool { return c.f.relation(op, a, b) }
				if ftz != "" {
					rel = func(a, b uint64) bool { return c.f.relation(op, c.f.flushed(a), c.f.flushed(b)) }
					if !c.ftz {
						continue
					}
				}
				code := strings.NewReplacer("T", op+ftz+"."+c.typ, "C", op, "%", c.f.letter)
				form{code.Replace("setp.T p1, %1, %2; selp.u32 r0, 1, 0, p1;"), func(a, b, _ uint64) uint64 { return truth(rel(a, b)) }}.check(t, list)
				for result, one := range c.one {
					to := "r0"
					if one < 1<<16 {
						to = "h0"
					}
					form{fmt.Sprintf("set.%s%s.%s.%s %s, %s1, %s2;", op, ftz, result, c.typ, to, c.f.letter, c.f.letter), func(a, b, _ uint64) uint64 {
						return one * truth(rel(a, b))
					}}.check(t, list)
				}
				for name, combine := range combinations {
					given := func(z uint64) bool { return z&(1<<(c.f.width-2)) == 0 }
					text := fmt.Sprintf("and.bN %%3, %%3, %d; setp.eq.bN p2, %%3, 0; setp.%s.%s%s.%s p1, %%1, %%2, !p2; selp.u32 r0, 1, 0, p1;", 1<<(c.f.width-2), op, name, ftz, c.typ)
					text = strings.NewReplacer("%", c.f.letter, "bN", fmt.Sprintf("b%d", c.f.width)).Replace(text)
					form{text, func(a, b, z uint64) uint64 { return truth(combine(rel(a, b), !given(z))) }}.check(t, list)
				}
			}
		}
	}
}

// TestComparePairs has both results of setp: of the two halves, or of the comparison and its opposite.
func TestComparePairs(t *testing.T) {
	list := binary16.samples()
	pairs := make([][3]uint64, len(list))
	for i, s := range list {
		other := list[(i*5+1)%len(list)]
		pairs[i] = [3]uint64{s[0] | other[0]<<16, s[1] | other[1]<<16, s[2]}
	}
	const both = "selp.u32 r3, 1, 0, p1; selp.u32 r4, 2, 0, p2; or.b32 r0, r3, r4;"
	for op := range relations {
		for _, ftz := range []string{"", ".ftz"} {
			rel := func(a, b uint64) bool {
				if ftz != "" {
					a, b = binary16.flushed(a), binary16.flushed(b)
				}
				return binary16.relation(op, a, b)
			}
			two := func(a, b, _ uint64) uint64 { return truth(rel(a&0xffff, b&0xffff)) | truth(rel(a>>16, b>>16))<<1 }
			form{"setp." + op + ftz + ".f16x2 p1|p2, r1, r2; " + both, two}.check(t, pairs)
			form{"set." + op + ftz + ".u32.f16x2 r0, r1, r2;", func(a, b, c uint64) uint64 {
				k := two(a, b, c)
				return 0xffff*(k&1) | 0xffff0000*(k>>1)
			}}.check(t, pairs)
			form{"set." + op + ftz + ".f16x2.f16x2 r0, r1, r2;", func(a, b, c uint64) uint64 {
				k := two(a, b, c)
				return 0x3c00*(k&1) | 0x3c000000*(k>>1)
			}}.check(t, pairs)
		}
		single := binary32.samples()
		for name, combine := range combinations {
			form{"setp.gt.u32 p3, r3, 0x3fffffff; setp." + op + "." + name + ".f32 p1|p2, r1, r2, p3; " + both, func(a, b, c uint64) uint64 {
				r, k := binary32.relation(op, a, b), c > 0x3fffffff
				return truth(combine(r, k)) | truth(combine(!r, k))<<1
			}}.check(t, single)
		}
	}
}

// TestSelections holds slct, selp and testp to their definitions.
func TestSelections(t *testing.T) {
	list := binary32.samples()
	choose := func(yes bool, a, b uint64) uint64 {
		if yes {
			return a
		}
		return b
	}
	for _, c := range []form{
		{"slct.b32.f32 r0, r1, r2, r3;", func(a, b, c uint64) uint64 { return choose(binary32.relation("ge", c, 0), a, b) }},
		{"slct.ftz.f32.f32 r0, r1, r2, r3;", func(a, b, c uint64) uint64 { return choose(binary32.relation("ge", binary32.flushed(c), 0), a, b) }},
		{"slct.u64.f32 d0, d1, d2, r3;", func(a, b, c uint64) uint64 { return choose(binary32.relation("ge", c, 0), a, b) }},
		{"slct.s32.s32 r0, r1, r2, r3;", func(a, b, c uint64) uint64 { return choose(int32(c) >= 0, a, b) }},
		{"slct.b16.s32 h0, h1, h2, r3;", func(a, b, c uint64) uint64 { return choose(int32(c) >= 0, a&0xffff, b&0xffff) }},
		{"setp.lt.s32 p1, r3, 0; selp.f32 r0, r1, r2, p1;", func(a, b, c uint64) uint64 { return choose(int32(c) < 0, a, b) }},
		{"setp.lt.s32 p1, r3, 0; selp.b64 d0, d1, 77, p1;", func(a, b, c uint64) uint64 { return choose(int32(c) < 0, a, 77) }},
	} {
		c.check(t, list)
	}
	for _, f := range []layout{binary32, binary64} {
		for test, want := range map[string]func(x uint64, v real) bool{
			"finite": func(_ uint64, v real) bool { return !v.nan && !v.inf }, "infinite": func(_ uint64, v real) bool { return v.inf },
			"number": func(_ uint64, v real) bool { return !v.nan }, "notanumber": func(_ uint64, v real) bool { return v.nan },
			"normal":    func(x uint64, v real) bool { return !v.nan && !v.inf && (v.r.Sign() == 0 || f.flushed(x) == x) },
			"subnormal": func(x uint64, v real) bool { return f.flushed(x) != x },
		} {
			form{fmt.Sprintf("testp.%s.f%d p1, %s1; selp.u32 r0, 1, 0, p1;", test, f.width, f.letter), func(a, _, _ uint64) uint64 {
				return truth(want(a, f.value(a)))
			}}.check(t, f.samples())
		}
	}
}
