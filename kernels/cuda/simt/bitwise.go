package simt

import (
	"math/bits"

	"onestep/kernels/cuda/ptx"
)

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
