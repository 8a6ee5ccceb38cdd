package simt

import (
	"math/big"
	"math/rand/v2"
	"slices"
)

// layout is a binary floating-point format, for results that are computed with rational numbers.
type layout struct {
	letter          string // of registers
	width, fraction int    // bits
	nan             uint64 // that arithmetic makes
}

var (
	binary16 = layout{"h", 16, 10, 0x7fff}
	brain16  = layout{"h", 16, 7, 0x7fff}
	binary32 = layout{"r", 32, 23, 0x7fffffff}
	binary64 = layout{"d", 64, 52, 0x7fffffffffffffff}
)

// real is a number that a format may hold, or the exact result of an operation.
type real struct {
	nan, inf, neg bool
	r             *big.Rat // |x| if finite
}

func (f layout) bias() int    { return 1<<(f.width-f.fraction-2) - 1 }
func (f layout) inf() uint64  { return 1<<(f.width-1) - 1<<f.fraction }
func (f layout) sign() uint64 { return 1 << (f.width - 1) }
func (f layout) tiny() uint64 { return 1 << f.fraction } // the smallest normal number
func (f layout) one() uint64  { return uint64(f.bias()) << f.fraction }
func (f layout) mask() uint64 { return bitsMask(f.width) }
func power(e int) *big.Rat {
	p := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(max(e, -e))))
	if e < 0 {
		p.Inv(p)
	}
	return p
}

// value reads bits.
func (f layout) value(x uint64) real {
	v := real{neg: x&f.sign() != 0, r: new(big.Rat)}
	x &= f.sign() - 1
	e, m := int(x>>f.fraction), x&(1<<f.fraction-1)
	switch {
	case x > f.inf():
		return real{nan: true}
	case x == f.inf():
		v.inf = true
	case e == 0:
		v.r.Mul(new(big.Rat).SetInt(new(big.Int).SetUint64(m)), power(1-f.bias()-f.fraction))
	default:
		v.r.Mul(new(big.Rat).SetInt(new(big.Int).SetUint64(m|1<<f.fraction)), power(e-f.bias()-f.fraction))
	}
	return v
}

// round is the bits of a number; mode is rn, rz, rm, rp or rna.
func (f layout) round(v real, mode string) uint64 {
	sign := truth(v.neg) << (f.width - 1)
	switch {
	case v.nan:
		return f.nan
	case v.inf:
		return sign | f.inf()
	case v.r.Sign() == 0:
		return sign
	}
	e := v.r.Num().BitLen() - v.r.Denom().BitLen() // 2^(e−1) < |x| < 2^(e+1)
	if v.r.Cmp(power(e)) < 0 {
		e--
	}
	ulp := max(e, 1-f.bias()) - f.fraction
	q := new(big.Rat).Mul(v.r, power(-ulp))
	n, rest := new(big.Int).QuoRem(q.Num(), q.Denom(), new(big.Int))
	half := new(big.Int).Lsh(rest, 1).Cmp(q.Denom())
	up := false
	switch mode {
	case "rn":
		up = half > 0 || half == 0 && n.Bit(0) == 1
	case "rna":
		up = half >= 0
	case "rm":
		up = rest.Sign() != 0 && v.neg
	case "rp":
		up = rest.Sign() != 0 && !v.neg
	}
	if up {
		n.Add(n, big.NewInt(1))
	}
	x := n.Uint64() // with the exponent added, the hidden bit carries into it
	if e >= 1-f.bias() {
		x += uint64(e+f.bias()-1) << f.fraction
	}
	if e > f.bias() || x >= f.inf() { // too large
		x = f.inf()
		if mode == "rz" || mode == "rm" && !v.neg || mode == "rp" && v.neg {
			x--
		}
	}
	return sign | x
}

func (v real) signed() *big.Rat {
	if v.neg {
		return new(big.Rat).Neg(v.r)
	}
	return v.r
}

func plus(a, b real, mode string) real {
	switch {
	case a.nan || b.nan || a.inf && b.inf && a.neg != b.neg:
		return real{nan: true}
	case a.inf:
		return a
	case b.inf:
		return b
	}
	s := new(big.Rat).Add(a.signed(), b.signed())
	neg := s.Sign() < 0
	if s.Sign() == 0 { // −0 + −0, or x − x rounded down
		neg = a.neg && b.neg || a.neg != b.neg && mode == "rm"
	}
	return real{neg: neg, r: s.Abs(s)}
}

func (v real) negated() real {
	v.neg = !v.neg
	return v
}

func times(a, b real) real {
	neg := a.neg != b.neg
	zero := func(v real) bool { return !v.nan && !v.inf && v.r.Sign() == 0 }
	switch {
	case a.nan || b.nan || a.inf && zero(b) || b.inf && zero(a):
		return real{nan: true}
	case a.inf || b.inf:
		return real{inf: true, neg: neg}
	}
	return real{neg: neg, r: new(big.Rat).Mul(a.r, b.r)}
}

func quotient(a, b real) real {
	neg := a.neg != b.neg
	switch {
	case a.nan || b.nan || a.inf && b.inf:
		return real{nan: true}
	case a.inf:
		return real{inf: true, neg: neg}
	case b.inf:
		return real{neg: neg, r: new(big.Rat)}
	case b.r.Sign() == 0:
		return real{nan: a.r.Sign() == 0, inf: a.r.Sign() != 0, neg: neg}
	}
	return real{neg: neg, r: new(big.Rat).Quo(a.r, b.r)}
}

// root is √a; an irrational one is cut after some 200 bits and made a little larger, so that it rounds as the exact one does.
func root(a real) real {
	switch {
	case a.nan || a.neg && (a.inf || a.r.Sign() != 0):
		return real{nan: true}
	case a.inf || a.r.Sign() == 0:
		return a
	}
	const shift = 1400
	n := new(big.Int).Lsh(a.r.Num(), 2*shift)
	n.Quo(n, a.r.Denom()) // exact: denominators are powers of two below 2^1400
	s := new(big.Int).Sqrt(n)
	r := new(big.Rat).Mul(new(big.Rat).SetInt(s), power(-shift))
	if new(big.Int).Mul(s, s).Cmp(n) != 0 {
		r.Add(r, power(-shift-1))
	}
	return real{r: r}
}

// flushed is a number without subnormals.
func (f layout) flushed(x uint64) uint64 {
	if x&(f.sign()-1) < f.tiny() {
		return x & f.sign()
	}
	return x
}

// special are numbers at which arithmetic goes wrong.
func (f layout) special() []uint64 {
	list := []uint64{0, 1, f.tiny() - 1, f.tiny(), f.tiny() + 1, f.one(), f.one() + 1, f.one() - 1, f.one() + f.tiny()/2, f.one() + f.tiny(), f.inf() - 1, f.inf(), f.inf() + 1,
		f.one() - uint64(f.fraction)<<f.fraction, f.one() - uint64(f.fraction+1)<<f.fraction, f.one() + uint64(f.fraction)<<f.fraction, f.one()/2 + 1}
	for _, x := range []uint64{0, 1, f.tiny() - 1, f.tiny(), f.one(), f.one() + 1, f.inf() - 1, f.inf()} {
		list = append(list, x|f.sign())
	}
	return list
}

// samples are triples of special and of random numbers, many of them near each other.
func (f layout) samples() [][3]uint64 {
	special := f.special()
	list := samples(special, func(r *rand.Rand) uint64 {
		x := r.Uint64() & f.mask()
		if r.IntN(2) == 0 { // near one, with few bits
			return f.one() + uint64(r.IntN(9))<<(f.fraction-1) - 4<<(f.fraction-1) + x&7 ^ x&f.sign()
		}
		return x
	}, 400)
	return list
}

// firsts are the samples of which an instruction with one operand sees nothing new in others.
func firsts(list [][3]uint64) [][3]uint64 {
	seen := map[uint64]bool{}
	return slices.DeleteFunc(list, func(s [3]uint64) bool {
		was := seen[s[0]]
		seen[s[0]] = true
		return was
	})
}
