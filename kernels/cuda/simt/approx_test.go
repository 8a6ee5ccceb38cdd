package simt

import (
	"math"
	"testing"
)

// TestApproximations holds approximate instructions to their documented bounds [ptx], and to their special values.
func TestApproximations(t *testing.T) {
	ulp := func(y float64) float64 { // of float32
		_, e := math.Frexp(y)
		return math.Ldexp(1, max(e, -125)-24)
	}
	relative := func(bound float64) func(x, y float64) float64 {
		return func(_, y float64) float64 { return math.Abs(y)*bound + 0x1p-150 } // and half of the last place of subnormal numbers
	}
	ulps := func(n float64) func(x, y float64) float64 {
		return func(_, y float64) float64 { return n * ulp(y) }
	}
	for _, c := range []struct {
		op    string
		exact func(x float64) float64
		bound func(x, y float64) float64 // of the error; negative: none is documented
	}{
		{"ex2.approx.f32", math.Exp2, ulps(2)},
		{"lg2.approx.f32", math.Log2, func(x, y float64) float64 {
			if x > 0.5 && x < 2 {
				return 0x1p-22
			}
			return math.Abs(y) * 0x1p-22
		}},
		{"rcp.approx.f32", func(x float64) float64 { return 1 / x }, ulps(1)},
		{"sqrt.approx.f32", math.Sqrt, relative(0x1p-23)},
		{"rsqrt.approx.f32", func(x float64) float64 { return 1 / math.Sqrt(x) }, relative(math.Exp2(-22.9))},
		{"tanh.approx.f32", math.Tanh, relative(0x1p-11)},
		{"sin.approx.f32", math.Sin, func(x, _ float64) float64 { return trigonometric(x) }},
		{"cos.approx.f32", math.Cos, func(x, _ float64) float64 { return trigonometric(x) }},
	} {
		list := firsts(append(binary32.samples(), binary32.integrals()...))
		for i := range 200 { // of moderate size
			list = append(list, [3]uint64{uint64(math.Float32bits(float32(i-100) * 0.37))})
		}
		for _, ftz := range []bool{false, true} {
			f := form{c.op + " r0, r1;", nil}
			if ftz {
				if c.op == "tanh.approx.f32" {
					continue
				}
				f.code = c.op[:len(c.op)-4] + ".ftz.f32 r0, r1;"
			}
			got := f.run(t, list)
			for i, s := range list {
				in, out := s[0], got[i]
				if ftz {
					in = binary32.flushed(in)
				}
				x, y := float64(math.Float32frombits(uint32(in))), float64(math.Float32frombits(uint32(out)))
				want := c.exact(x)
				if ftz && math.Abs(want) < 0x1p-126 {
					want = math.Copysign(0, want)
				}
				switch bound := c.bound(x, want); {
				case math.IsNaN(want):
					if out != nan32 {
						t.Errorf("%s of %v is %#x, want NaN", f.code, x, out)
					}
				case math.Abs(want) >= math.MaxFloat32*(1+0x1p-24):
					if !math.IsInf(y, int(math.Copysign(1, want))) {
						t.Errorf("%s of %v is %v, want infinity", f.code, x, y)
					}
				case want == 0:
					if y != 0 || math.Signbit(y) != math.Signbit(want) {
						t.Errorf("%s of %v is %v, want %v", f.code, x, y, want)
					}
				case bound >= 0 && !(math.Abs(y-want) <= bound):
					t.Errorf("%s of %v is %v, want %v within %v", f.code, x, y, want, bound)
				}
			}
		}
	}
}

// trigonometric is the bound of sin.approx and cos.approx at an angle.
func trigonometric(x float64) float64 {
	switch x = math.Abs(x); {
	case x <= 2*math.Pi:
		return math.Exp2(-20.5)
	case x <= 100*math.Pi:
		return math.Exp2(-14.7)
	}
	return -1
}

// TestApproximateQuotients: two units in the last place; of div.approx for divisors from 2⁻¹²⁶ to 2¹²⁶.
func TestApproximateQuotients(t *testing.T) {
	list := binary32.samples()
	for _, code := range []string{"div.approx.f32 r0, r1, r2;", "div.full.f32 r0, r1, r2;", "div.full.ftz.f32 r0, r1, r2;"} {
		for i, y := range (form{code, nil}).run(t, list) {
			a, b := list[i][0], list[i][1]
			if code == "div.full.ftz.f32 r0, r1, r2;" {
				a, b = binary32.flushed(a), binary32.flushed(b)
			}
			x := float64(math.Float32frombits(uint32(b)))
			if code == "div.approx.f32 r0, r1, r2;" && (math.Abs(x) < 0x1p-126 || math.Abs(x) > 0x1p126) {
				continue
			}
			want := binary32.round(quotient(binary32.value(a), binary32.value(b)), "rn")
			if code == "div.full.ftz.f32 r0, r1, r2;" {
				want = binary32.flushed(want)
			}
			if d := int64(y) - int64(want); d < -2 || d > 2 {
				t.Errorf("%s of %#x, %#x is %#x, want %#x", code, a, b, y, want)
			}
		}
	}
	for i, y := range (form{"rcp.approx.ftz.f64 d0, d1;", nil}).run(t, firsts(binary64.samples())) {
		a := firsts(binary64.samples())[i][0]
		x, z := math.Float64frombits(binary64.flushed(a)), math.Float64frombits(y)
		want := math.Float64frombits(binary64.flushed(math.Float64bits(1 / x)))
		if z != want && !(math.Abs(z-want) <= math.Abs(want)*0x1p-19) && !(z != z && want != want) || y<<32 != 0 && z == z {
			t.Errorf("rcp.approx.ftz.f64 of %v is %v, want %v in the upper half", x, z, want)
		}
	}
}

// TestApproximateHalves runs ex2 and tanh on all numbers of 16 bits.
func TestApproximateHalves(t *testing.T) {
	var list, pairs [][3]uint64
	for i := range uint64(1 << 16) {
		list = append(list, [3]uint64{i})
		if i%16 == 0 {
			pairs = append(pairs, [3]uint64{i | (i*7919+5)&0xffff<<16})
		}
	}
	value := func(x uint64) float64 {
		v := binary16.value(x & 0xffff)
		switch {
		case v.nan:
			return math.NaN()
		case v.inf:
			return math.Inf(1 - 2*int(truth(v.neg)))
		}
		f, _ := v.signed().Float64()
		return f
	}
	for op, c := range map[string]struct {
		exact           func(float64) float64
		relative, fixed float64
	}{"ex2": {math.Exp2, math.Exp2(-9.9), 0x1p-25}, "tanh": {math.Tanh, 0, math.Exp2(-10.987)}} {
		good := func(a, y uint64) bool {
			x, got := value(a), value(y)
			want := c.exact(x)
			switch {
			case want != want:
				return y == 0x7fff
			case want >= 65520:
				return math.IsInf(got, 1)
			}
			return math.Abs(got-want) <= math.Abs(want)*c.relative+c.fixed
		}
		some := list
		if testing.Short() {
			some = list[: 1<<16 : 1<<16][0x3800:0x4800]
		}
		for i, y := range (form{op + ".approx.f16 h0, h1;", nil}).run(t, some) {
			if !good(some[i][0], y) {
				t.Errorf("%s.approx.f16 of %#x is %#x", op, some[i][0], y)
			}
		}
		for i, y := range (form{op + ".approx.f16x2 r0, r1;", nil}).run(t, pairs) {
			if a := pairs[i][0]; !good(a&0xffff, y&0xffff) || !good(a>>16, y>>16) {
				t.Errorf("%s.approx.f16x2 of %#x is %#x", op, a, y)
			}
		}
	}
}
