package simt

import (
	"math"

	"onestep/kernels/cuda/ptx"
)

// comparison is the relation of two values of a type.
func (d *decoder) comparison(t ptx.Type, op string) func(a, b uint64) bool {
	n, s := t.Bits(), signed(t)
	if t.Float() {
		g := floatOf(t)
		switch value := g; {
		case d.in.Has("ftz") && t == ptx.F32:
			g = func(x uint64) float64 { return float64(flush32(toF32(x))) }
		case d.in.Has("ftz"):
			g = func(x uint64) float64 { return value(flushHalf(x&0xffff, true)) }
		}
		nan := func(a, b float64) bool { return a != a || b != b }
		rel := map[string]func(a, b float64) bool{
			"eq": func(a, b float64) bool { return a == b }, "ne": func(a, b float64) bool { return a != b && !nan(a, b) },
			"lt": func(a, b float64) bool { return a < b }, "le": func(a, b float64) bool { return a <= b },
			"gt": func(a, b float64) bool { return a > b }, "ge": func(a, b float64) bool { return a >= b },
			"equ": func(a, b float64) bool { return a == b || nan(a, b) }, "neu": func(a, b float64) bool { return a != b },
			"ltu": func(a, b float64) bool { return !(a >= b) }, "leu": func(a, b float64) bool { return !(a > b) },
			"gtu": func(a, b float64) bool { return !(a <= b) }, "geu": func(a, b float64) bool { return !(a < b) },
			"num": func(a, b float64) bool { return !nan(a, b) }, "nan": nan,
		}[op]
		if rel == nil {
			d.unsupported("comparison %s", op)
		}
		return func(a, b uint64) bool { return rel(g(a), g(b)) }
	}
	x := func(a uint64) uint64 { return extend(a, n, s) }
	switch op {
	case "eq":
		return func(a, b uint64) bool { return x(a) == x(b) }
	case "ne":
		return func(a, b uint64) bool { return x(a) != x(b) }
	}
	less := func(a, b uint64) bool { return x(a) < x(b) }
	if s {
		less = func(a, b uint64) bool { return int64(x(a)) < int64(x(b)) }
	}
	switch op {
	case "lt", "lo":
		return less
	case "le", "ls":
		return func(a, b uint64) bool { return !less(b, a) }
	case "gt", "hi":
		return func(a, b uint64) bool { return less(b, a) }
	case "ge", "hs":
		return func(a, b uint64) bool { return !less(a, b) }
	}
	d.unsupported("comparison %s", op)
	return nil
}

// boolean is the combination of a comparison with a predicate, or nil.
func (d *decoder) boolean() func(r, p bool) bool {
	if len(d.in.Mods) > 1 {
		switch d.in.Mods[1] {
		case "and":
			return func(r, p bool) bool { return r && p }
		case "or":
			return func(r, p bool) bool { return r || p }
		case "xor":
			return func(r, p bool) bool { return r != p }
		}
	}
	return nil
}

// setp decodes comparisons into predicates.
func (d *decoder) setp(t ptx.Type) {
	in := d.in
	rel := d.comparison(scalarType(t), in.Mods[0])
	combine := d.boolean()
	p, q := -1, -1
	if o := in.Operands[0]; o.Kind == ptx.KindPair {
		p, q = d.register(o.Elems[0]), d.register(o.Elems[1])
	} else {
		p = d.dst(0)
	}
	a, b := d.src(1), d.src(2)
	c, negated := constant(1), false
	if combine != nil {
		c, negated = d.src(3), in.Operands[3].Negated
	}
	pairs := t == ptx.F16x2 || t == ptx.BF16x2
	d.out.run = func(w *warp, mask uint32) {
		x, y, z := a.get(w), b.get(w), c.get(w)
		for i := range lanes {
			if mask>>i&1 == 0 {
				continue
			}
			r := rel(x[i], y[i])
			other := !r
			if pairs {
				other = rel(x[i]>>16, y[i]>>16)
			}
			if combine != nil {
				k := z[i]&1 != 0 != negated
				r, other = combine(r, k), combine(other, k)
			}
			w.set(p, i, truth(r))
			w.set(q, i, truth(other))
		}
		w.define(p, mask)
		w.define(q, mask)
	}
}

func scalarType(t ptx.Type) ptx.Type {
	switch t {
	case ptx.F16x2:
		return ptx.F16
	case ptx.BF16x2:
		return ptx.BF16
	}
	return t
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// set decodes comparisons into numbers: all ones or 1.0 for true.
func (d *decoder) set() {
	in := d.in
	to, t := in.Types[0], in.Types[1]
	rel := d.comparison(scalarType(t), in.Mods[0])
	combine := d.boolean()
	r, a, b := d.dst(0), d.src(1), d.src(2)
	c, negated := constant(1), false
	if combine != nil {
		c, negated = d.src(3), in.Operands[3].Negated
	}
	one := map[ptx.Type]uint64{ptx.F32: uint64(math.Float32bits(1)), ptx.F16: 0x3c00, ptx.F16x2: 0x3c00, ptx.BF16: 0x3f80, ptx.BF16x2: 0x3f80}[to]
	if one == 0 {
		one = bitsMask(min(to.Bits(), 32))
		if to.Bits() == 32 && (t == ptx.F16x2 || t == ptx.BF16x2) {
			one = 0xffff
		}
	}
	pairs := t == ptx.F16x2 || t == ptx.BF16x2
	d.out.run = func(w *warp, mask uint32) {
		x, y, z := a.get(w), b.get(w), c.get(w)
		lanesOf(mask, func(i int) {
			value := func(res bool) uint64 {
				if combine != nil {
					res = combine(res, z[i]&1 != 0 != negated)
				}
				if res {
					return one
				}
				return 0
			}
			v := value(rel(x[i], y[i]))
			if pairs {
				v |= value(rel(x[i]>>16, y[i]>>16)) << 16
			}
			w.set(r, i, v)
		})
		w.define(r, mask)
	}
}

// selp decodes d = p ? a : b, of which only the one that is chosen must have a value.
func (d *decoder) selp() {
	r := d.dst(0)
	reads := d.out.reads
	a, b := d.src(1), d.src(2)
	d.out.reads = reads
	p, negated := d.src(3), d.in.Operands[3].Negated
	d.out.run = func(w *warp, mask uint32) {
		x, y, z := a.get(w), b.get(w), p.get(w)
		for i := range lanes {
			if mask>>i&1 == 0 {
				continue
			}
			from, s := y, &b
			if z[i]&1 != 0 != negated {
				from, s = x, &a
			}
			if s.reg >= 0 && w.defined[s.reg]>>i&1 == 0 {
				w.uninitialised(s.reg, 1<<i)
			}
			w.set(r, i, from[i])
		}
		w.define(r, mask)
	}
}

// slct decodes d = c ≥ 0 ? a : b. With .ftz a subnormal c is zero, and so not below it.
func (d *decoder) slct() {
	float, ftz := d.in.Types[1] == ptx.F32, d.in.Has("ftz")
	d.ternary(func(a, b, c uint64) uint64 {
		if float && (toF32(c) >= 0 || ftz && flush32(toF32(c)) == 0) || !float && int32(c) >= 0 {
			return a
		}
		return b
	})
}

// testp decodes the tests of a floating-point number's kind. Zeros are normal numbers [ptx, "testp"].
func (d *decoder) testp(t ptx.Type) {
	value := floatOf(t)
	tiny := 0x1p-126
	if t == ptx.F64 {
		tiny = 0x1p-1022
	}
	test := d.in.Mods[0]
	d.unary(func(a uint64) uint64 {
		x := value(a)
		inf, nan := math.IsInf(x, 0), x != x
		switch test {
		case "finite":
			return truth(!inf && !nan)
		case "infinite":
			return truth(inf)
		case "number":
			return truth(!nan)
		case "notanumber":
			return truth(nan)
		case "normal":
			return truth(!inf && !nan && (x == 0 || math.Abs(x) >= tiny))
		}
		return truth(x != 0 && math.Abs(x) < tiny)
	})
}
