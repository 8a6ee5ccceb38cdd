package simt

import (
	"math/bits"

	"onestep/kernels/cuda/ptx"
)

func signed(t ptx.Type) bool {
	switch t {
	case ptx.S8, ptx.S16, ptx.S32, ptx.S64:
		return true
	}
	return false
}

// extend is x, of n bits, as a 64-bit number: with its sign if it has one.
func extend(x uint64, n int, sign bool) uint64 {
	if n >= 64 {
		return x
	}
	if sign {
		return uint64(int64(x<<(64-n)) >> (64 - n))
	}
	return x & bitsMask(n)
}

// integer decodes integer arithmetic. Values in registers are cut to their width.
func (d *decoder) integer(t ptx.Type) bool {
	n, s := t.Bits(), signed(t)
	cut := bitsMask(n)
	x := func(a uint64) uint64 { return extend(a, n, s) }
	in := d.in
	if in.Has("cc") || in.Op == "addc" || in.Op == "subc" || in.Op == "madc" {
		return d.carries(n, s)
	}
	switch in.Op {
	case "add":
		if in.Has("sat") {
			d.binary(func(a, b uint64) uint64 { return saturate(int64(x(a))+int64(x(b)), n) & cut })
		} else if n == 32 {
			d.binary(func(a, b uint64) uint64 { return uint64(uint32(a) + uint32(b)) })
		} else {
			d.binary(func(a, b uint64) uint64 { return (a + b) & cut })
		}
	case "sub":
		if in.Has("sat") {
			d.binary(func(a, b uint64) uint64 { return saturate(int64(x(a))-int64(x(b)), n) & cut })
		} else {
			d.binary(func(a, b uint64) uint64 { return (a - b) & cut })
		}
	case "mul", "mad":
		d.products(t)
	case "mul24", "mad24":
		d.products24(s)
	case "sad":
		d.ternary(func(a, b, c uint64) uint64 {
			p, q := x(a), x(b)
			if s && int64(p) < int64(q) || !s && p < q {
				p, q = q, p
			}
			return (p - q + c) & cut
		})
	case "div", "rem":
		rem := in.Op == "rem"
		d.binary(func(a, b uint64) uint64 { return divide(x(a), x(b), s, rem) & cut })
	case "abs":
		d.unary(func(a uint64) uint64 {
			if v := int64(x(a)); v < 0 {
				return uint64(-v) & cut
			}
			return a & cut
		})
	case "neg":
		d.unary(func(a uint64) uint64 { return -a & cut })
	case "min", "max":
		most := in.Op == "max"
		d.binary(func(a, b uint64) uint64 {
			less := x(a) < x(b)
			if s {
				less = int64(x(a)) < int64(x(b))
			}
			if less == most {
				return b & cut
			}
			return a & cut
		})
	default:
		return false
	}
	return true
}

func saturate(v int64, n int) uint64 {
	lo, hi := int64(-1)<<(n-1), int64(1)<<(n-1)-1
	return uint64(min(max(v, lo), hi))
}

// divide truncates toward zero. Division by zero has all bits set and, as a remainder, the dividend; PTX leaves both open.
func divide(a, b uint64, sign, rem bool) uint64 {
	switch {
	case b == 0 && rem:
		return a
	case b == 0:
		return ^uint64(0)
	case sign && int64(b) == -1: // the most negative number has no positive
		if rem {
			return 0
		}
		return -a
	case sign && rem:
		return uint64(int64(a) % int64(b))
	case sign:
		return uint64(int64(a) / int64(b))
	case rem:
		return a % b
	}
	return a / b
}

// products decodes mul and mad: low half, high half, or wide.
func (d *decoder) products(t ptx.Type) {
	n, s := t.Bits(), signed(t)
	cut := bitsMask(n)
	add := d.in.Op == "mad"
	var f func(a, b, c uint64) uint64
	switch {
	case d.in.Has("wide"):
		wide := bitsMask(2 * n)
		f = func(a, b, c uint64) uint64 { return (extend(a, n, s)*extend(b, n, s) + c) & wide }
	case d.in.Has("hi"):
		sat := d.in.Has("sat")
		f = func(a, b, c uint64) uint64 {
			h := high(a, b, n, s)
			if sat {
				return saturate(int64(extend(h, n, true))+int64(extend(c, n, true)), n) & cut
			}
			return (h + c) & cut
		}
	case n == 32:
		f = func(a, b, c uint64) uint64 { return uint64(uint32(a)*uint32(b) + uint32(c)) }
	default:
		f = func(a, b, c uint64) uint64 { return (a*b + c) & cut }
	}
	if add {
		d.ternary(f)
	} else {
		d.binary(func(a, b uint64) uint64 { return f(a, b, 0) })
	}
}

// high is the upper half of the product of two n-bit numbers.
func high(a, b uint64, n int, s bool) uint64 {
	a, b = extend(a, n, s), extend(b, n, s)
	if n < 64 {
		return a * b >> n
	}
	h, _ := bits.Mul64(a, b)
	if s { // correct the unsigned product for negative factors
		if int64(a) < 0 {
			h -= b
		}
		if int64(b) < 0 {
			h -= a
		}
	}
	return h
}

// products24 decodes mul24 and mad24: products of 24-bit numbers, of which bits 0 to 31 or 16 to 47 are kept.
func (d *decoder) products24(s bool) {
	shift := 0
	if d.in.Has("hi") {
		shift = 16
	}
	sat := d.in.Has("sat")
	f := func(a, b, c uint64) uint64 {
		p := extend(extend(a, 24, s)*extend(b, 24, s)>>shift, 32, s)
		if sat {
			return saturate(int64(p)+int64(extend(c, 32, true)), 32) & bitsMask(32)
		}
		return (p + c) & bitsMask(32)
	}
	if d.in.Op == "mad24" {
		d.ternary(f)
	} else {
		d.binary(func(a, b uint64) uint64 { return f(a, b, 0) })
	}
}

// carries decodes what reads or writes the condition code's carry. A subtraction is a + ¬b + 1, on hardware too: its carry is 0 if it borrows,
// which is seen where additions go on from subtractions, as in compilers' division of 128-bit numbers.
func (d *decoder) carries(n int, s bool) bool {
	in := d.in
	reads := in.Op == "addc" || in.Op == "subc" || in.Op == "madc"
	writes := in.Has("cc")
	cut := bitsMask(n)
	r, a, b := d.dst(0), d.src(1), d.src(2)
	c := constant(0)
	if in.Op == "mad" || in.Op == "madc" {
		c = d.src(3)
	}
	d.out.run = func(w *warp, mask uint32) {
		x, y, z := a.get(w), b.get(w), c.get(w)
		lanesOf(mask, func(i int) {
			var carry uint64
			if reads {
				carry = uint64(w.carry >> i & 1)
			}
			p, q := x[i]&cut, y[i]&cut
			switch in.Op {
			case "mad", "madc":
				if in.Has("hi") {
					p = high(p, q, n, s) & cut
				} else {
					p = p * q & cut
				}
				q = z[i] & cut
			case "sub":
				q, carry = ^q&cut, 1
			case "subc":
				q = ^q & cut
			}
			sum, out := bits.Add64(p, q, carry)
			if n < 64 {
				out = sum >> n & 1
			}
			w.set(r, i, sum&cut)
			if writes {
				w.carry = w.carry&^(1<<i) | uint32(out)<<i
			}
		})
		w.define(r, mask)
	}
	return true
}

// dotProduct is dp4a and dp2a: products of bytes, or of 16-bit halves with the low or high bytes, added to c.
func (d *decoder) dotProduct() {
	sa, sb := signed(d.in.Types[0]), signed(d.in.Types[1])
	four, upper := d.in.Op == "dp4a", d.in.Has("hi")
	d.ternary(func(a, b, c uint64) uint64 {
		sum := c
		if four {
			for i := range 4 {
				sum += extend(a>>(8*i), 8, sa) * extend(b>>(8*i), 8, sb)
			}
			return sum & bitsMask(32)
		}
		if upper {
			b >>= 16
		}
		for i := range 2 {
			sum += extend(a>>(16*i), 16, sa) * extend(b>>(8*i), 8, sb)
		}
		return sum & bitsMask(32)
	})
}
