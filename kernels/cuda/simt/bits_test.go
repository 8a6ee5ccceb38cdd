package simt

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// bit is bit i of x, or zero beyond n.
func bit(x uint64, i, n int) uint64 {
	if i < 0 || i >= n {
		return 0
	}
	return x >> i & 1
}

// bitwise makes an n-bit number from its bits.
func bitwise(n int, f func(i int) uint64) uint64 {
	var y uint64
	for i := range n {
		y |= f(i) << i
	}
	return y
}

// highest is the place of the highest bit that differs from the sign, or −1.
func highest(x uint64, n int, signed bool) int {
	var sign uint64
	if signed {
		sign = bit(x, n-1, n)
	}
	for i := n - 1; i >= 0; i-- {
		if bit(x, i, n) != sign {
			return i
		}
	}
	return -1
}

// TestBits holds bit fields, counts and logic to definitions by single bits.
func TestBits(t *testing.T) {
	for _, kind := range []struct {
		n      int
		letter string
	}{{32, "r"}, {64, "d"}} {
		n := kind.n
		forms := []form{
			{"and.bN %0, %1, %2;", func(a, b, c uint64) uint64 {
				return bitwise(n, func(i int) uint64 { return bit(a, i, n) * bit(b, i, n) })
			}},
			{"or.bN %0, %1, %2;", func(a, b, c uint64) uint64 {
				return bitwise(n, func(i int) uint64 { return max(bit(a, i, n), bit(b, i, n)) })
			}},
			{"xor.bN %0, %1, %2;", func(a, b, c uint64) uint64 {
				return bitwise(n, func(i int) uint64 { return (bit(a, i, n) + bit(b, i, n)) % 2 })
			}},
			{"not.bN %0, %1;", func(a, b, c uint64) uint64 { return bitwise(n, func(i int) uint64 { return 1 - bit(a, i, n) }) }},
			{"cnot.bN %0, %1;", func(a, b, c uint64) uint64 { return truth(a == 0) }},
			{"brev.bN %0, %1;", func(a, b, c uint64) uint64 { return bitwise(n, func(i int) uint64 { return bit(a, n-1-i, n) }) }},
			{"popc.bN r0, %1;", func(a, b, c uint64) (k uint64) {
				for i := range n {
					k += bit(a, i, n)
				}
				return k
			}},
			{"clz.bN r0, %1;", func(a, b, c uint64) uint64 { return uint64(n - 1 - highest(a, n, false)) }},
			{"bfind.uN r0, %1;", func(a, b, c uint64) uint64 { return uint64(uint32(highest(a, n, false))) }},
			{"bfind.sN r0, %1;", func(a, b, c uint64) uint64 { return uint64(uint32(highest(a, n, true))) }},
			{"bfind.shiftamt.uN r0, %1;", func(a, b, c uint64) uint64 {
				if k := highest(a, n, false); k >= 0 {
					return uint64(n - 1 - k)
				}
				return bitsMask(32)
			}},
			{"bfind.shiftamt.sN r0, %1;", func(a, b, c uint64) uint64 {
				if k := highest(a, n, true); k >= 0 {
					return uint64(n - 1 - k)
				}
				return bitsMask(32)
			}},
			{"bfi.bN %0, %1, %2, r3, 9;", func(a, b, c uint64) uint64 {
				return bitwise(n, func(i int) uint64 {
					if k := i - int(c&255); k >= 0 && k < 9 {
						return bit(a, k, n)
					}
					return bit(b, i, n)
				})
			}},
			{"bfi.bN %0, %1, %2, 5, r3;", func(a, b, c uint64) uint64 {
				return bitwise(n, func(i int) uint64 {
					if k := i - 5; k >= 0 && k < int(c&255) {
						return bit(a, k, n)
					}
					return bit(b, i, n)
				})
			}},
		}
		for _, sign := range []bool{false, true} {
			extract := func(a, b, c uint64) uint64 {
				from, length := int(b&255), int(c&255)
				return bitwise(n, func(i int) uint64 {
					if i < length && from+i < n {
						return bit(a, from+i, n)
					}
					if sign && length > 0 {
						return bit(a, min(from+length, n)-1, n)
					}
					return 0
				})
			}
			forms = append(forms, form{fmt.Sprintf("bfe.%cN %%0, %%1, r2, r3;", "us"[truth(sign)]), extract})
		}
		for _, f := range forms {
			f.code = strings.NewReplacer("%", kind.letter, "bN", fmt.Sprintf("b%d", n), "uN", fmt.Sprintf("u%d", n), "sN", fmt.Sprintf("s%d", n)).Replace(f.code)
			f.check(t, integers(n))
			f.check(t, fields(n))
		}
	}
}

// fields are samples whose second and third numbers are small, as places and lengths are.
func fields(n int) [][3]uint64 {
	r := rand.New(rand.NewPCG(5, 6))
	var list [][3]uint64
	for range 300 {
		list = append(list, [3]uint64{r.Uint64() & bitsMask(n), uint64(r.IntN(n + 4)), uint64(r.IntN(n + 4))})
	}
	return list
}

// TestFunnels holds shf, whose counts wrap or clamp at 32, to the bits of the pair {b,a}.
func TestFunnels(t *testing.T) {
	for _, wrap := range []bool{false, true} {
		count := func(c uint64) int {
			if wrap {
				return int(c % 32)
			}
			return int(min(c, 32))
		}
		mode := map[bool]string{true: "wrap", false: "clamp"}[wrap]
		pair := func(a, b uint64, i int) uint64 {
			if i >= 32 {
				return bit(b, i-32, 32)
			}
			return bit(a, i, 32)
		}
		for _, list := range [][][3]uint64{integers(32), fields(32)} {
			form{"shf.l." + mode + ".b32 r0, r1, r2, r3;", func(a, b, c uint64) uint64 {
				return bitwise(32, func(i int) uint64 { return pair(a, b, i+32-count(c)) })
			}}.check(t, list)
			form{"shf.r." + mode + ".b32 r0, r1, r2, r3;", func(a, b, c uint64) uint64 {
				return bitwise(32, func(i int) uint64 { return pair(a, b, i+count(c)) })
			}}.check(t, list)
		}
	}
}

// TestTables runs lop3 with all 256 tables.
func TestTables(t *testing.T) {
	list := integers(32)[:64]
	for table := range 256 {
		form{fmt.Sprintf("lop3.b32 r0, r1, r2, r3, %d;", table), func(a, b, c uint64) uint64 {
			return bitwise(32, func(i int) uint64 { return uint64(table) >> (4*bit(a, i, 32) + 2*bit(b, i, 32) + bit(c, i, 32)) & 1 })
		}}.check(t, list)
	}
	form{"setp.lt.u32 p1, r3, 100; lop3.or.b32 r4|p2, r1, r2, r3, 0x80, p1; selp.u32 r0, 1, 0, p2;", func(a, b, c uint64) uint64 {
		return truth(a&b&c != 0 || c < 100)
	}}.check(t, integers(32))
	form{"setp.lt.u32 p1, r3, 100; lop3.and.b32 _|p2, r1, r2, r3, 0xfe, !p1; selp.u32 r0, 1, 0, p2;", func(a, b, c uint64) uint64 {
		return truth(a|b|c != 0 && c >= 100)
	}}.check(t, integers(32))
}

// TestPermute runs prmt in all modes: the bytes of a are numbered 0 to 3, those of b 4 to 7.
func TestPermute(t *testing.T) {
	at := func(a, b uint64, k uint64) uint64 { return (a | b<<32) >> (8 * (k % 8)) & 255 }
	join := func(a, b uint64, k [4]uint64) uint64 {
		return at(a, b, k[0]) | at(a, b, k[1])<<8 | at(a, b, k[2])<<16 | at(a, b, k[3])<<24
	}
	rows := map[string][4][4]uint64{ // the tables of the PTX ISA, byte 0 first, by the low two bits of c
		"f4e":  {{0, 1, 2, 3}, {1, 2, 3, 4}, {2, 3, 4, 5}, {3, 4, 5, 6}},
		"b4e":  {{0, 7, 6, 5}, {1, 0, 7, 6}, {2, 1, 0, 7}, {3, 2, 1, 0}},
		"rc8":  {{0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}},
		"ecl":  {{0, 1, 2, 3}, {1, 1, 2, 3}, {2, 2, 2, 3}, {3, 3, 3, 3}},
		"ecr":  {{0, 0, 0, 0}, {0, 1, 1, 1}, {0, 1, 2, 2}, {0, 1, 2, 3}},
		"rc16": {{0, 1, 0, 1}, {2, 3, 2, 3}, {0, 1, 0, 1}, {2, 3, 2, 3}},
	}
	for mode, table := range rows {
		form{"prmt.b32." + mode + " r0, r1, r2, r3;", func(a, b, c uint64) uint64 { return join(a, b, table[c%4]) }}.check(t, integers(32))
	}
	form{"prmt.b32 r0, r1, r2, r3;", func(a, b, c uint64) uint64 {
		var y uint64
		for i := range 4 {
			k := c >> (4 * i) & 15
			v := at(a, b, k)
			if k >= 8 {
				v = v >> 7 * 255
			}
			y |= v << (8 * i)
		}
		return y
	}}.check(t, integers(32))
}

// TestWide moves 128 bits through a register, whole and by halves.
func TestWide(t *testing.T) {
	form{".reg .b128 q<3>; mov.b128 q1, {d1, d2}; mov.b128 q2, q1; mov.b128 q1, {d3, d3}; mov.b128 {d4, d5}, q2; mov.b128 {d7, d6}, q1; sub.u64 d4, d4, d5; xor.b64 d0, d4, d6;", func(a, b, c uint64) uint64 {
		return a - b ^ c
	}}.check(t, integers(64))
}
