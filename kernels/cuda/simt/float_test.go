package simt

import (
	"fmt"
	"strings"
	"testing"
)

// operation is what an instruction computes of numbers; those that it does not use are ignored.
type operation struct {
	code  string // M stands for the modifiers, T for the type, and the rest for operands: "add.M.T %0, %1, %2;"
	modes []string
	exact func(a, b, c real, mode string) real
}

var allModes = []string{"rn", "rz", "rm", "rp"}

var operations = []operation{
	{"addM %0, %1, %2;", append([]string{""}, allModes...), func(a, b, c real, mode string) real { return plus(a, b, mode) }},
	{"subM %0, %1, %2;", append([]string{""}, allModes...), func(a, b, c real, mode string) real { return plus(a, b.negated(), mode) }},
	{"mulM %0, %1, %2;", append([]string{""}, allModes...), func(a, b, c real, mode string) real { return times(a, b) }},
	{"fmaM %0, %1, %2, %3;", allModes, func(a, b, c real, mode string) real { return plus(times(a, b), c, mode) }},
	{"madM %0, %1, %2, %3;", allModes, func(a, b, c real, mode string) real { return plus(times(a, b), c, mode) }},
}

var quotients = []operation{
	{"divM %0, %1, %2;", allModes, func(a, b, c real, mode string) real { return quotient(a, b) }},
	{"rcpM %0, %1;", allModes, func(a, b, c real, mode string) real { return quotient(real{r: power(0)}, a) }},
	{"sqrtM %0, %1;", allModes, func(a, b, c real, mode string) real { return root(a) }},
}

// check runs an operation on a format with all its modes, and with each of these modifiers.
func (o operation) check(t *testing.T, f layout, typ string, modifiers []string) {
	list := f.samples()
	if !strings.Contains(o.code, "%2") {
		list = firsts(list)
	}
	for _, mode := range o.modes {
		for _, m := range modifiers {
			text := m + "." + typ
			if mode != "" {
				text = "." + mode + text
			}
			code := strings.NewReplacer("M", text, "%", f.letter).Replace(o.code)
			form{code, func(a, b, c uint64) uint64 { return f.result(o.exact, a, b, c, mode, m) }}.check(t, list)
		}
	}
}

// result applies the modifiers .ftz, .sat and .relu to what an operation takes and gives.
func (f layout) result(exact func(a, b, c real, mode string) real, a, b, c uint64, mode, modifiers string) uint64 {
	if mode == "" {
		mode = "rn"
	}
	ftz := strings.Contains(modifiers, ".ftz")
	if ftz {
		a, b, c = f.flushed(a), f.flushed(b), f.flushed(c)
	}
	y := f.round(exact(f.value(a), f.value(b), f.value(c), mode), mode)
	v := f.value(y)
	switch {
	case strings.Contains(modifiers, ".sat") && (v.nan || v.neg), strings.Contains(modifiers, ".relu") && v.neg:
		y = 0
	case strings.Contains(modifiers, ".sat") && y > f.one():
		y = f.one()
	}
	if ftz {
		y = f.flushed(y)
	}
	return y
}

// TestSingle holds float32 arithmetic to rational numbers, in every rounding.
func TestSingle(t *testing.T) {
	for _, o := range operations {
		o.check(t, binary32, "f32", []string{"", ".ftz", ".sat", ".ftz.sat"})
	}
	for _, o := range quotients {
		o.check(t, binary32, "f32", []string{"", ".ftz"})
	}
}

// TestDouble is the same of float64.
func TestDouble(t *testing.T) {
	for _, o := range append(append([]operation(nil), operations...), quotients...) {
		o.check(t, binary64, "f64", []string{""})
	}
}

// extreme is min or max: −0 is below +0, and a number is preferred to NaN unless NaN is to win.
func (f layout) extreme(a, b uint64, most, nan bool) uint64 {
	x, y := f.value(a), f.value(b)
	switch {
	case x.nan && y.nan, nan && (x.nan || y.nan):
		return f.nan
	case x.nan:
		return b
	case y.nan:
		return a
	}
	order := func(v uint64) int64 { // of numbers, as an integer
		if v&f.sign() != 0 {
			return -int64(v&(f.sign()-1)) - 1
		}
		return int64(v)
	}
	if order(a) < order(b) != most {
		return a
	}
	return b
}

// TestSigns holds min, max, abs, neg and copysign to their definitions.
func TestSigns(t *testing.T) {
	for _, c := range []struct {
		f      layout
		typ    string
		ftz    bool
		nan    bool
		copies bool
	}{{binary32, "f32", true, true, true}, {binary64, "f64", false, false, true}, {binary16, "f16", true, true, false}, {brain16, "bf16", false, true, false}} {
		f := c.f
		list := f.samples()
		check := func(code string, want func(a, b, c uint64) uint64) {
			form{strings.NewReplacer("T", c.typ, "%", f.letter).Replace(code), want}.check(t, list)
		}
		for _, ftz := range []string{"", ".ftz"} {
			in := func(x uint64) uint64 { return x }
			if ftz != "" {
				if in = f.flushed; !c.ftz {
					continue
				}
			}
			for _, nan := range []string{"", ".NaN"} {
				if nan != "" && !c.nan {
					continue
				}
				check("min"+ftz+nan+".T %0, %1, %2;", func(a, b, _ uint64) uint64 { return f.extreme(in(a), in(b), false, nan != "") })
				check("max"+ftz+nan+".T %0, %1, %2;", func(a, b, _ uint64) uint64 { return f.extreme(in(a), in(b), true, nan != "") })
			}
			check("abs"+ftz+".T %0, %1;", func(a, _, _ uint64) uint64 { return in(a) &^ f.sign() })
			check("neg"+ftz+".T %0, %1;", func(a, _, _ uint64) uint64 { return in(a) ^ f.sign() })
		}
		if c.copies {
			check("copysign.T %0, %1, %2;", func(a, b, _ uint64) uint64 { return a&f.sign() | b&^f.sign() })
		}
	}
}

// TestLater holds what targets after sm_80 have: min and max of absolute values with the product's sign, arithmetic of bf16, other roundings to tf32.
func TestLater(t *testing.T) {
	for _, c := range []struct {
		f   layout
		typ string
		ftz []string
	}{{binary32, "f32", []string{"", ".ftz"}}, {binary16, "f16", []string{"", ".ftz"}}, {brain16, "bf16", []string{""}}} {
		f := c.f
		for _, ftz := range c.ftz {
			for _, nan := range []string{"", ".NaN"} {
				for i, op := range []string{"min", "max"} {
					want := func(a, b, _ uint64) uint64 {
						sign := (a ^ b) & f.sign()
						if a, b = a&^f.sign(), b&^f.sign(); ftz != "" {
							a, b = f.flushed(a), f.flushed(b)
						}
						if y := f.extreme(a, b, i == 1, nan != ""); !f.value(y).nan {
							return y | sign
						}
						return f.nan
					}
					code := fmt.Sprintf("%s%s%s%s.xorsign.abs.%s %s0, %s1, %s2;", newer, op, ftz, nan, c.typ, f.letter, f.letter, f.letter)
					form{code, want}.check(t, f.samples())
				}
			}
		}
	}
	for _, o := range operations[:3] {
		o.code, o.modes = newer+o.code, []string{"", "rn"}
		o.check(t, brain16, "bf16", []string{""})
		o.checkPairs(t, brain16, "bf16x2", []string{""})
	}
	list := brain16.samples()
	for op := range relations {
		form{newer + "setp." + op + ".bf16 p1, h1, h2; selp.u32 r0, 1, 0, p1;", func(a, b, _ uint64) uint64 { return truth(brain16.relation(op, a, b)) }}.check(t, list)
		form{newer + "set." + op + ".bf16.bf16 h0, h1, h2;", func(a, b, _ uint64) uint64 { return 0x3f80 * truth(brain16.relation(op, a, b)) }}.check(t, list)
	}
	cut := layout{"r", 19, 10, 0x3ffff}
	for _, mode := range []string{"rn", "rz"} {
		for _, relu := range []string{"", ".relu"} {
			form{newer + "cvt." + mode + relu + ".tf32.f32 r0, r1;", func(a, _, _ uint64) uint64 {
				v := binary32.value(a)
				switch {
				case v.nan:
					return binary32.nan
				case relu != "" && v.neg:
					return 0
				}
				return cut.round(v, mode) << 13
			}}.check(t, between(binary32, cut))
		}
	}
}

// TestHalves holds 16-bit arithmetic to rational numbers: alone, and in pairs, whose upper halves hold other samples.
func TestHalves(t *testing.T) {
	for _, c := range []struct {
		f         layout
		typ       string
		modifiers []string
		only      string
	}{
		{binary16, "f16", []string{"", ".ftz", ".sat", ".ftz.sat"}, ""},
		{binary16, "f16", []string{".relu", ".ftz.relu"}, "fma"},
		{brain16, "bf16", []string{"", ".relu"}, "fma"},
	} {
		for _, o := range operations[:4] {
			if !strings.HasPrefix(o.code, c.only) {
				continue
			}
			o.modes = o.modes[:1]
			o.check(t, c.f, c.typ, c.modifiers)
			o.checkPairs(t, c.f, c.typ+"x2", c.modifiers)
		}
	}
}

func (o operation) checkPairs(t *testing.T, f layout, typ string, modifiers []string) {
	list := f.samples()
	pairs := make([][3]uint64, len(list))
	for i, s := range list {
		other := list[(i*7+3)%len(list)]
		for k := range s {
			pairs[i][k] = s[k] | other[k]<<16
		}
	}
	for _, m := range modifiers {
		text := m + "." + typ
		if o.modes[0] != "" {
			text = "." + o.modes[0] + text
		}
		code := strings.NewReplacer("M", text, "%", "r").Replace(o.code)
		form{code, func(a, b, c uint64) uint64 {
			one := func(k int) uint64 { return f.result(o.exact, a>>k&0xffff, b>>k&0xffff, c>>k&0xffff, "rn", m) }
			return one(0) | one(16)<<16
		}}.check(t, pairs)
	}
}

// TestPairs holds min, max, abs and neg of pairs to those of halves.
func TestPairs(t *testing.T) {
	for _, c := range []struct {
		f   layout
		typ string
	}{{binary16, "f16x2"}, {brain16, "bf16x2"}} {
		list := c.f.samples()
		pairs := make([][3]uint64, len(list))
		for i, s := range list {
			other := list[(i*5+1)%len(list)]
			pairs[i] = [3]uint64{s[0] | other[0]<<16, s[1] | other[1]<<16, 0}
		}
		both := func(one func(a, b uint64) uint64) func(a, b, _ uint64) uint64 {
			return func(a, b, _ uint64) uint64 { return one(a&0xffff, b&0xffff) | one(a>>16, b>>16)<<16 }
		}
		for i, op := range []string{"min", "max"} {
			form{fmt.Sprintf("%s.%s r0, r1, r2;", op, c.typ), both(func(a, b uint64) uint64 { return c.f.extreme(a, b, i == 1, false) })}.check(t, pairs)
			form{fmt.Sprintf("%s.NaN.%s r0, r1, r2;", op, c.typ), both(func(a, b uint64) uint64 { return c.f.extreme(a, b, i == 1, true) })}.check(t, pairs)
		}
		form{"abs." + c.typ + " r0, r1;", both(func(a, _ uint64) uint64 { return a & 0x7fff })}.check(t, pairs)
		form{"neg." + c.typ + " r0, r1;", both(func(a, _ uint64) uint64 { return a ^ 0x8000 })}.check(t, pairs)
	}
}
