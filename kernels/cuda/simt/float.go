package simt

import (
	"math"
	"math/big"

	"onestep/kernels/cuda/ptx"
)

// float decodes arithmetic on one of the floating-point types.
func (d *decoder) float(t ptx.Type) bool {
	switch t {
	case ptx.F32:
		return d.single()
	case ptx.F64:
		return d.double()
	case ptx.F16, ptx.BF16, ptx.F16x2, ptx.BF16x2:
		return d.half(t)
	}
	return false
}

// single decodes float32 arithmetic.
func (d *decoder) single() bool {
	in := d.in
	ftz, sat, mode := in.Has("ftz"), in.Has("sat"), d.rounding()
	plain := !ftz && !sat && mode == nearest
	// finish and begin are what .ftz and .sat do to results and inputs.
	begin := func(x uint64) float32 {
		if ftz {
			return flush32(toF32(x))
		}
		return toF32(x)
	}
	finish := func(x float32) uint64 {
		if sat {
			x = float32(clamp01(float64(x)))
		}
		if ftz {
			x = flush32(x)
		}
		return fromF32(x)
	}
	exact := func(op func(z *big.Float, a, b float32) *big.Float, quick func(a, b float32) float32) func(a, b uint64) uint64 {
		return func(a, b uint64) uint64 {
			x, y := begin(a), begin(b)
			r := quick(x, y)
			if mode != nearest && finite32(x) && finite32(y) && !(r == 0 && exactZero(x, y, in.Op)) {
				r = float32(formatF32.round(op(new(big.Float).SetPrec(2000), x, y), mode))
			} else if mode == down && r == 0 {
				switch in.Op {
				case "add":
					r = float32(zeroDown(float64(x), float64(y)))
				case "sub":
					r = float32(zeroDown(float64(x), -float64(y)))
				}
			}
			return finish(r)
		}
	}
	f := func(x float32) *big.Float { return new(big.Float).SetFloat64(float64(x)) }
	switch in.Op {
	case "add":
		if plain {
			d.binary(func(a, b uint64) uint64 { return fromF32(toF32(a) + toF32(b)) })
			return true
		}
		d.binary(exact(func(z *big.Float, a, b float32) *big.Float { return z.Add(f(a), f(b)) }, func(a, b float32) float32 { return a + b }))
	case "sub":
		if plain {
			d.binary(func(a, b uint64) uint64 { return fromF32(toF32(a) - toF32(b)) })
			return true
		}
		d.binary(exact(func(z *big.Float, a, b float32) *big.Float { return z.Sub(f(a), f(b)) }, func(a, b float32) float32 { return a - b }))
	case "mul":
		if plain {
			d.binary(func(a, b uint64) uint64 { return fromF32(toF32(a) * toF32(b)) })
			return true
		}
		d.binary(exact(func(z *big.Float, a, b float32) *big.Float { return z.Mul(f(a), f(b)) }, func(a, b float32) float32 { return a * b }))
	case "fma", "mad":
		if plain && !in.Has("relu") {
			d.fma32()
			return true
		}
		d.ternary(func(a, b, c uint64) uint64 {
			x, y, z := begin(a), begin(b), begin(c)
			r := fma32(x, y, z)
			if mode != nearest && finite32(x) && finite32(y) && finite32(z) {
				p := new(big.Float).SetPrec(2000).Mul(f(x), f(y))
				if p.Add(p, f(z)); p.Sign() != 0 {
					r = float32(formatF32.round(p, mode))
				} else if mode == down {
					r = float32(zeroDown(float64(x)*float64(y), float64(z)))
				}
			}
			return finish(r)
		})
	case "div":
		d.binary(func(a, b uint64) uint64 {
			x, y := begin(a), begin(b)
			r := float32(float64(x) / float64(y)) // 53 bits are enough for one rounding of a quotient
			if mode != nearest && finite32(x) && finite32(y) && y != 0 && x != 0 {
				r = float32(formatF32.round(new(big.Float).SetPrec(2000).Quo(f(x), f(y)), mode))
			}
			return finish(r)
		})
	case "rcp", "sqrt", "rsqrt", "ex2", "lg2", "sin", "cos", "tanh":
		g := approximation(in.Op)
		d.unary(func(a uint64) uint64 {
			x := begin(a)
			y := g(float64(x))
			if mode != nearest && finite32(x) && y == y && x != 0 {
				return finish(float32(directed(in.Op, x, mode)))
			}
			return finish(float32(y))
		})
	default:
		return d.singleSign(begin)
	}
	return true
}

// singleSign decodes what compares float32 numbers or changes their signs, and rounds nothing. begin is what .ftz does to inputs.
func (d *decoder) singleSign(begin func(uint64) float32) bool {
	in := d.in
	ftz := in.Has("ftz")
	switch in.Op {
	case "abs":
		d.unary(func(a uint64) uint64 { return fromBits32(a&0x7fffffff, ftz) })
	case "neg":
		d.unary(func(a uint64) uint64 { return fromBits32(a^0x80000000, ftz) })
	case "min", "max":
		f := extremum(in)
		d.binary(func(a, b uint64) uint64 { return fromF32(float32(f(float64(begin(a)), float64(begin(b))))) })
	case "copysign": // the sign of a on b
		d.binary(func(a, b uint64) uint64 { return b&0x7fffffff | a&0x80000000 })
	default:
		return false
	}
	return true
}

// zeroDown is the sum of two numbers that is zero, when rounding down: +0 only if both are.
func zeroDown(a, b float64) float64 {
	if math.Signbit(a) || math.Signbit(b) {
		return math.Copysign(0, -1)
	}
	return 0
}

func finite32(x float32) bool { return x-x == 0 }

// exactZero says whether a zero result is exact, so that rounding cannot change it.
func exactZero(x, y float32, op string) bool {
	switch op {
	case "add":
		return x == -y
	case "sub":
		return x == y
	}
	return x == 0 || y == 0
}

func fromBits32(x uint64, ftz bool) uint64 {
	if ftz {
		return uint64(math.Float32bits(flush32(toF32(x))))
	}
	return x & bitsMask(32)
}

// fma32 is the instruction of most inner loops.
func (d *decoder) fma32() {
	r, a, b, c := d.dst(0), d.src(1), d.src(2), d.src(3)
	d.out.run = func(w *warp, mask uint32) {
		x, y, z := a.get(w), b.get(w), c.get(w)
		out := w.reg(r)
		for i := range out {
			if mask>>i&1 != 0 {
				p := float64(toF32(x[i])) * float64(toF32(y[i]))
				s := p + float64(toF32(z[i]))
				v := float32(s)
				if bits := math.Float64bits(s); bits&(1<<29-1) == 1<<28 || v >= -0x1p-126 && v <= 0x1p-126 {
					v = float32(odd(p, float64(toF32(z[i]))))
				}
				out[i] = fromF32(v)
			}
		}
		w.defined[r] |= mask
	}
	d.discard(r)
}

// approximation is the exact function behind an instruction.
func approximation(op string) func(float64) float64 {
	switch op {
	case "rcp":
		return func(x float64) float64 { return 1 / x }
	case "sqrt":
		return math.Sqrt
	case "rsqrt":
		return func(x float64) float64 { return 1 / math.Sqrt(x) }
	case "ex2":
		return math.Exp2
	case "lg2":
		return math.Log2
	case "sin":
		return math.Sin
	case "cos":
		return math.Cos
	}
	return math.Tanh
}

// directed is rcp or sqrt of a float32 in a directed rounding mode.
func directed(op string, x float32, mode rounding) float64 {
	v := new(big.Float).SetPrec(400).SetFloat64(float64(x))
	if op == "rcp" {
		return formatF32.round(new(big.Float).SetPrec(400).Quo(big.NewFloat(1), v), mode)
	}
	return formatF32.round(new(big.Float).SetPrec(400).Sqrt(v), mode)
}

// extremum is min or max of two numbers or, with .xorsign.abs, of their magnitudes with the sign of their product.
func extremum(in *ptx.Instruction) func(a, b float64) float64 {
	most, nan := in.Op == "max", in.Has("NaN")
	if !in.Has("xorsign") {
		return func(a, b float64) float64 { return minMax(a, b, most, nan) }
	}
	return func(a, b float64) float64 {
		y := minMax(math.Abs(a), math.Abs(b), most, nan)
		if math.Signbit(a) != math.Signbit(b) && y == y {
			return -y
		}
		return y
	}
}

// minMax has −0 below +0, and prefers a number to NaN unless NaN is to win.
func minMax(a, b float64, most, nan bool) float64 {
	switch {
	case a != a && b != b || nan && (a != a || b != b):
		return math.NaN()
	case a != a:
		return b
	case b != b:
		return a
	case most:
		return math.Max(a, b)
	}
	return math.Min(a, b)
}

// double decodes float64 arithmetic.
func (d *decoder) double() bool {
	in := d.in
	mode := d.rounding()
	f := func(x uint64) *big.Float { return new(big.Float).SetFloat64(toF64(x)) }
	finite := func(xs ...uint64) bool {
		for _, x := range xs {
			if v := toF64(x); v-v != 0 {
				return false
			}
		}
		return mode != nearest
	}
	round := func(z *big.Float, quick float64) uint64 {
		if z.Sign() == 0 {
			return fromF64(quick)
		}
		return fromF64(formatF64.round(z, mode))
	}
	big2000 := func() *big.Float { return new(big.Float).SetPrec(4500) }
	switch in.Op {
	case "add":
		d.binary(func(a, b uint64) uint64 {
			q := toF64(a) + toF64(b)
			if finite(a, b) {
				if q == 0 && mode == down {
					q = zeroDown(toF64(a), toF64(b))
				}
				return round(big2000().Add(f(a), f(b)), q)
			}
			return fromF64(q)
		})
	case "sub":
		d.binary(func(a, b uint64) uint64 {
			q := toF64(a) - toF64(b)
			if finite(a, b) {
				if q == 0 && mode == down {
					q = zeroDown(toF64(a), -toF64(b))
				}
				return round(big2000().Sub(f(a), f(b)), q)
			}
			return fromF64(q)
		})
	case "mul":
		d.binary(func(a, b uint64) uint64 {
			q := toF64(a) * toF64(b)
			if finite(a, b) {
				return round(big2000().Mul(f(a), f(b)), q)
			}
			return fromF64(q)
		})
	case "fma", "mad":
		d.ternary(func(a, b, c uint64) uint64 {
			return fromF64(fma64(toF64(a), toF64(b), toF64(c), mode))
		})
	case "div":
		d.binary(func(a, b uint64) uint64 {
			q := toF64(a) / toF64(b)
			if finite(a, b) && toF64(b) != 0 && toF64(a) != 0 {
				return round(new(big.Float).SetPrec(2000).Quo(f(a), f(b)), q)
			}
			return fromF64(q)
		})
	case "rcp", "sqrt", "rsqrt":
		g := approximation(in.Op)
		if in.Has("ftz") {
			d.unary(func(a uint64) uint64 { return upperHalf(g(toF64(upperHalf(toF64(a))))) })
			return true
		}
		d.unary(func(a uint64) uint64 {
			q := g(toF64(a))
			if finite(a) && q == q && toF64(a) != 0 && in.Op != "rsqrt" {
				z := new(big.Float).SetPrec(400)
				if in.Op == "rcp" {
					return round(z.Quo(big.NewFloat(1), f(a)), q)
				}
				return round(z.Sqrt(f(a)), q)
			}
			return fromF64(q)
		})
	case "abs":
		d.unary(func(a uint64) uint64 { return a &^ (1 << 63) })
	case "neg":
		d.unary(func(a uint64) uint64 { return a ^ 1<<63 })
	case "min", "max":
		most := in.Op == "max"
		d.binary(func(a, b uint64) uint64 { return fromF64(minMax(toF64(a), toF64(b), most, false)) })
	case "copysign":
		d.binary(func(a, b uint64) uint64 { return b&^(1<<63) | a&(1<<63) })
	default:
		return false
	}
	return true
}

// upperHalf is what rcp.approx.ftz.f64 and rsqrt.approx.ftz.f64 keep of a number: its upper 32 bits, and those of no subnormal one.
func upperHalf(x float64) uint64 {
	switch b := math.Float64bits(x); {
	case x != x:
		return fromF64(x)
	case b&(0x7ff<<52) == 0:
		return b & (1 << 63)
	default:
		return b &^ bitsMask(32)
	}
}

// half decodes 16-bit floating point, one number or two in a register.
func (d *decoder) half(t ptx.Type) bool {
	in := d.in
	brain := t == ptx.BF16 || t == ptx.BF16x2
	pairs := t == ptx.F16x2 || t == ptx.BF16x2
	ftz, sat, relu := in.Has("ftz"), in.Has("sat"), in.Has("relu")
	value := func(x uint64) float64 {
		if brain {
			return float64(bf16(flushBrain(x&0xffff, ftz)))
		}
		v := halves[uint16(x)]
		if ftz && x&0x7c00 == 0 {
			v = float32(math.Copysign(0, float64(v)))
		}
		return float64(v)
	}
	pack := func(x float64) uint64 {
		if sat {
			x = clamp01(x)
		}
		if relu && x <= 0 { // −0 too
			x = 0
		}
		if brain {
			return flushBrain(bf16Bits(x, nearest), ftz)
		}
		y := f16Bits(x, nearest)
		if ftz && y&0x7c00 == 0 {
			y &= 0x8000
		}
		return y
	}
	one := func(f func(a float64) float64) {
		g := func(a uint64) uint64 { return pack(f(value(a))) }
		if pairs {
			d.unary(func(a uint64) uint64 { return g(a) | g(a>>16)<<16 })
		} else {
			d.unary(g)
		}
	}
	two := func(f func(a, b float64) float64) {
		g := func(a, b uint64) uint64 { return pack(f(value(a), value(b))) }
		if pairs {
			d.binary(func(a, b uint64) uint64 { return g(a, b) | g(a>>16, b>>16)<<16 })
		} else {
			d.binary(g)
		}
	}
	each := func(f func(a uint64) uint64) {
		if pairs {
			d.unary(func(a uint64) uint64 { return f(a)&0xffff | f(a>>16)<<16&0xffff0000 })
		} else {
			d.unary(func(a uint64) uint64 { return f(a) & 0xffff })
		}
	}
	switch in.Op {
	case "add":
		two(odd)
	case "sub":
		two(func(a, b float64) float64 { return odd(a, -b) })
	case "mul":
		two(func(a, b float64) float64 { return a * b })
	case "fma":
		g := func(a, b, c uint64) uint64 { return pack(odd(value(a)*value(b), value(c))) }
		if pairs {
			d.ternary(func(a, b, c uint64) uint64 { return g(a, b, c) | g(a>>16, b>>16, c>>16)<<16 })
		} else {
			d.ternary(g)
		}
	case "neg":
		each(func(a uint64) uint64 { return flushHalf(a, ftz) ^ 0x8000 })
	case "abs":
		each(func(a uint64) uint64 { return flushHalf(a, ftz) & 0x7fff })
	case "min", "max":
		two(extremum(in))
	case "ex2", "tanh":
		one(approximation(in.Op))
	default:
		return false
	}
	return true
}

// flushBrain makes a subnormal bfloat16 zero if ftz is set.
func flushBrain(x uint64, ftz bool) uint64 {
	if ftz && x&0x7f80 == 0 {
		return x & 0x8000
	}
	return x
}

// flushHalf makes a subnormal float16 zero if ftz is set.
func flushHalf(x uint64, ftz bool) uint64 {
	if ftz && x&0x7c00 == 0 {
		return x & 0x8000
	}
	return x
}
