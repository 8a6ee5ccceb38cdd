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

// bitwise decodes logic, shifts and bit fields.
func (d *decoder) bitwise(t ptx.Type) bool {
	n := t.Bits()
	cut := bitsMask(n)
	s := signed(t)
	switch d.in.Op {
	case "and":
		d.binary(func(a, b uint64) uint64 { return a & b })
	case "or":
		d.binary(func(a, b uint64) uint64 { return a | b })
	case "xor":
		d.binary(func(a, b uint64) uint64 { return a ^ b })
	case "not":
		d.unary(func(a uint64) uint64 { return ^a & cut })
	case "cnot":
		d.unary(func(a uint64) uint64 {
			if a&cut == 0 {
				return 1
			}
			return 0
		})
	case "shl":
		d.binary(func(a, b uint64) uint64 { return a << min(uint64(uint32(b)), 64) & cut })
	case "shr":
		d.binary(func(a, b uint64) uint64 {
			k := min(uint64(uint32(b)), 64)
			if s {
				return uint64(int64(extend(a, n, true))>>min(k, 63)) & cut
			}
			return (a & cut) >> k
		})
	case "shf":
		d.funnel()
	case "popc":
		d.unary(func(a uint64) uint64 { return uint64(bits.OnesCount64(a & cut)) })
	case "clz":
		d.unary(func(a uint64) uint64 { return uint64(bits.LeadingZeros64(a&cut) - (64 - n)) })
	case "brev":
		d.unary(func(a uint64) uint64 { return bits.Reverse64(a&cut) >> (64 - n) })
	case "bfind":
		shift := d.in.Has("shiftamt")
		d.unary(func(a uint64) uint64 {
			v := extend(a, n, s)
			if s && int64(v) < 0 {
				v = ^v
			}
			v &= cut
			if v == 0 {
				return bitsMask(32)
			}
			k := bits.Len64(v) - 1
			if shift {
				k = n - 1 - k
			}
			return uint64(k)
		})
	case "fns":
		d.ternary(findNth)
	case "bfe":
		d.ternary(func(a, b, c uint64) uint64 { return extract(a, int(b&0xff), int(c&0xff), n, s) & cut })
	case "bfi":
		d.insert(n)
	case "bmsk":
		wrap := d.in.Has("wrap")
		d.binary(func(a, b uint64) uint64 {
			from, size := a&bitsMask(32), b&bitsMask(32)
			if wrap {
				from, size = from&31, size&31
			}
			if from >= 32 {
				return 0
			}
			return bitsMask(int(min(size, 32))) << from & bitsMask(32)
		})
	case "szext":
		wrap := d.in.Has("wrap")
		d.binary(func(a, b uint64) uint64 {
			k := b & bitsMask(32)
			if wrap {
				k &= 31
			}
			if k >= 32 {
				return a & cut
			}
			if k == 0 {
				return 0
			}
			return extend(a, int(k), s) & cut
		})
	case "prmt":
		d.permute()
	case "lop3":
		d.lop3()
	case "dp4a", "dp2a":
		d.dotProduct()
	default:
		return false
	}
	return true
}

// extract is bfe: length bits from a position, the sign being that of the field's top bit, or of the number if the field reaches beyond it.
func extract(a uint64, from, length, n int, s bool) uint64 {
	a = extend(a, n, s)
	if length == 0 {
		return 0
	}
	if from >= n {
		if s && int64(a) < 0 {
			return ^uint64(0)
		}
		return 0
	}
	if s {
		v := int64(a) >> from
		if from+length >= n {
			return uint64(v)
		}
		return extend(uint64(v), length, true)
	}
	return a >> from & bitsMask(length)
}

func (d *decoder) insert(n int) {
	r, a, b, c, l := d.dst(0), d.src(1), d.src(2), d.src(3), d.src(4)
	cut := bitsMask(n)
	d.out.run = func(w *warp, mask uint32) {
		x, y, z, k := a.get(w), b.get(w), c.get(w), l.get(w)
		lanesOf(mask, func(i int) {
			from, length := int(z[i]&0xff), int(k[i]&0xff)
			field := uint64(0)
			if from < n {
				field = bitsMask(min(length, n-from)) << from
			}
			w.set(r, i, (x[i]<<min(from, 63)&field|y[i]&^field)&cut)
		})
		w.define(r, mask)
	}
}

// findNth is fns: the position of the offset-th set bit of mask a, counted from base b; all ones if there is none.
func findNth(a, b, c uint64) uint64 {
	m, base, offset := uint32(a), int(b&31), int(int32(c))
	step, count := 1, offset
	if offset < 0 {
		step, count = -1, -offset
	}
	if offset == 0 {
		if m>>base&1 != 0 {
			return uint64(base)
		}
		return bitsMask(32)
	}
	for i := base; i >= 0 && i < 32; i += step {
		if m>>i&1 != 0 {
			if count--; count == 0 {
				return uint64(i)
			}
		}
	}
	return bitsMask(32)
}

func (d *decoder) funnel() {
	left, wrap := d.in.Has("l"), d.in.Has("wrap")
	d.ternary(func(a, b, c uint64) uint64 {
		k := c & bitsMask(32)
		if wrap {
			k &= 31
		} else {
			k = min(k, 32)
		}
		both := b<<32 | a&bitsMask(32)
		if left {
			return both << k >> 32
		}
		return both >> k & bitsMask(32)
	})
}

// permute is prmt: bytes of {b,a} chosen by c, in its default form or one of the six modes.
func (d *decoder) permute() {
	mode := ""
	for _, m := range []string{"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"} {
		if d.in.Has(m) {
			mode = m
		}
	}
	d.ternary(func(a, b, c uint64) uint64 {
		both := b<<32 | a&bitsMask(32)
		var y uint64
		for i := range uint64(4) {
			k := c & 3
			var at uint64
			switch mode {
			case "":
				at = c >> (4 * i) & 15
			case "f4e":
				at = k + i
			case "b4e":
				at = (k - i) & 7
			case "rc8":
				at = k
			case "ecl":
				at = max(k, i)
			case "ecr":
				at = min(k, i)
			case "rc16":
				at = c&1*2 + i&1
			}
			v := both >> (8 * (at & 7)) & 0xff
			if mode == "" && at&8 != 0 { // the byte's sign, eight times
				v = uint64(uint8(int8(v) >> 7))
			}
			y |= v << (8 * i)
		}
		return y
	})
}

// lop3 is any function of three bits, given by its table. With .and or .or a predicate says whether the result is not zero, combined with another.
func (d *decoder) lop3() {
	in := d.in
	table := in.Operands[4].Imm
	logic := func(a, b, c uint64) uint64 {
		var y uint64
		for i := range 8 {
			if table>>i&1 == 0 {
				continue
			}
			p, q, r := a, b, c
			if i&4 == 0 {
				p = ^p
			}
			if i&2 == 0 {
				q = ^q
			}
			if i&1 == 0 {
				r = ^r
			}
			y |= p & q & r
		}
		return y & bitsMask(32)
	}
	if len(in.Operands) == 5 {
		d.ternary(logic)
		return
	}
	r, p := d.register(in.Operands[0].Elems[0]), d.register(in.Operands[0].Elems[1])
	a, b, c, q := d.src(1), d.src(2), d.src(3), d.src(5)
	and, negated := in.Has("and"), in.Operands[5].Negated
	d.out.run = func(w *warp, mask uint32) {
		x, y, z, v := a.get(w), b.get(w), c.get(w), q.get(w)
		lanesOf(mask, func(i int) {
			res, given := logic(x[i], y[i], z[i]), v[i]&1 != 0 != negated
			yes := res != 0 || given
			if and {
				yes = res != 0 && given
			}
			w.set(r, i, res)
			w.set(p, i, truth(yes))
		})
		w.define(r, mask)
		w.define(p, mask)
	}
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
