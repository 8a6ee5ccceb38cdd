package simt

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// places are where an atomic may work: how its address becomes d20 or r21, the operand, and whether float32 sums keep subnormal numbers there.
var atomicPlaces = []struct {
	space, setup, address string
	keeps                 bool
}{
	{".global", "", "[d31]", false},
	{"", "", "[d31]", false},
	{".shared", "", "[r21]", true},
	{"", "cvt.u64.u32 d20, r21; cvta.shared.u64 d20, d20;", "[d20]", true},
}

// atomics are all operations and types: the new value from the old one, b and c.
func atomics() map[string]func(old, b, c uint64, keeps bool) uint64 {
	m := map[string]func(old, b, c uint64, keeps bool) uint64{
		"inc.u32": func(old, b, c uint64, _ bool) uint64 {
			if old >= b {
				return 0
			}
			return old + 1
		},
		"dec.u32": func(old, b, c uint64, _ bool) uint64 {
			if old == 0 || old > b {
				return b
			}
			return old - 1
		},
		"add.f32": func(old, b, c uint64, keeps bool) uint64 {
			modifiers := ".ftz"
			if keeps {
				modifiers = ""
			}
			return binary32.result(func(a, b, _ real, _ string) real { return plus(a, b, "rn") }, old, b, 0, "rn", modifiers)
		},
		"add.f64": func(old, b, c uint64, _ bool) uint64 {
			return binary64.round(plus(binary64.value(old), binary64.value(b), "rn"), "rn")
		},
		"add.noftz.f16": func(old, b, c uint64, _ bool) uint64 {
			return binary16.round(plus(binary16.value(old), binary16.value(b), "rn"), "rn")
		},
		"add.noftz.f16x2": func(old, b, c uint64, _ bool) uint64 {
			lo := binary16.round(plus(binary16.value(old&0xffff), binary16.value(b&0xffff), "rn"), "rn")
			return lo | binary16.round(plus(binary16.value(old>>16), binary16.value(b>>16), "rn"), "rn")<<16
		},
	}
	for _, n := range []int{32, 64} {
		bits := fmt.Sprintf("b%d", n)
		m["and."+bits] = func(old, b, c uint64, _ bool) uint64 { return old & b }
		m["or."+bits] = func(old, b, c uint64, _ bool) uint64 { return old | b }
		m["xor."+bits] = func(old, b, c uint64, _ bool) uint64 { return old ^ b }
		m["exch."+bits] = func(old, b, c uint64, _ bool) uint64 { return b }
		for s := range 2 {
			signed := s == 1
			less := func(a, b uint64) bool { return number(a, n, signed).Cmp(number(b, n, signed)) < 0 }
			typ := fmt.Sprintf("%c%d", "us"[s], n)
			if typ != "s64" { // which PTX has only by the name of u64
				m["add."+typ] = func(old, b, c uint64, _ bool) uint64 { return (old + b) & bitsMask(n) }
			}
			m["min."+typ] = func(old, b, c uint64, _ bool) uint64 {
				if less(b, old) {
					return b
				}
				return old
			}
			m["max."+typ] = func(old, b, c uint64, _ bool) uint64 {
				if less(old, b) {
					return b
				}
				return old
			}
		}
	}
	for _, n := range []int{16, 32, 64} {
		m[fmt.Sprintf("cas.b%d", n)] = func(old, b, c uint64, _ bool) uint64 {
			if old == b {
				return c
			}
			return old
		}
	}
	return m
}

// TestAtomics holds atom and red of every operation and type, in global and shared memory and through generic addresses, to what they leave and return.
func TestAtomics(t *testing.T) {
	for op, f := range atomics() {
		typ := op[strings.LastIndex(op, ".")+1:]
		n := map[string]int{"f16": 16, "f16x2": 32, "f32": 32, "f64": 64}[typ]
		list := map[string][][3]uint64{"f16": binary16.samples(), "f32": binary32.samples(), "f64": binary64.samples()}[typ]
		if n == 0 {
			fmt.Sscanf(typ[1:], "%d", &n)
		}
		if list == nil {
			list = integers(n)
		}
		if typ == "f16x2" {
			list = binary16.samples()
			for i, s := range list {
				other := list[(i*7+3)%len(list)]
				list[i] = [3]uint64{s[0] | other[0]<<16&bitsMask(32), s[1] | other[1]<<16&bitsMask(32), 0}
			}
		}
		list = slices.Clone(list)
		for i := 0; i < len(list); i += 2 { // for cas
			if strings.HasPrefix(op, "cas") {
				list[i][1] = list[i][0]
			}
		}
		letter := map[int]string{16: "h", 32: "r", 64: "d"}[n]
		for _, p := range atomicPlaces {
			head := ".shared .align 8 .b8 S[256]; mov.u32 r20, %tid.x; mov.u32 r21, S; mad.lo.u32 r21, r20, 8, r21;" + p.setup
			memory := strings.NewReplacer("A", p.address, "SP", p.space, "%", letter, "B", fmt.Sprintf("b%d", n))
			args := "%2"
			if strings.HasPrefix(op, "cas") {
				args = "%2, %3"
			}
			set, get := memory.Replace("stSP.B A, %1; "), memory.Replace("ldSP.B %0, A; ")
			form{head + set + memory.Replace("atomSP."+op+" %0, A, "+args+";"), func(a, b, c uint64) uint64 { return a }}.check(t, list[:64])
			left := func(a, b, c uint64) uint64 { return f(a, b, c, p.keeps) }
			form{head + set + memory.Replace("atomSP."+op+" _, A, "+args+";") + get, left}.check(t, list)
			if !strings.HasPrefix(op, "cas") && !strings.HasPrefix(op, "exch") {
				form{head + set + memory.Replace("redSP."+op+" A, "+args+";") + get, left}.check(t, list)
			}
		}
	}
}

// TestAtomicOrder: what threads of several blocks get from one word are the values of a chain, under any schedule.
func TestAtomicOrder(t *testing.T) {
	for seed := range uint64(4) {
		f, out := trial(t, addresses+"mad.lo.u32 r3, r2, 64, r1; mul.wide.u32 d6, r3, 4; add.u64 d6, d2, d6; atom.global.add.u32 r4, [d1], 1; st.global.u32 [d6+1024], r4;"+
			"atom.global.exch.b32 r5, [d1+64], r3; st.global.u32 [d6+4096], r5; atom.global.inc.u32 r6, [d1+128], 9; st.global.u32 [d6+8192], r6;", 4, 64, 0, seed)
		if f != nil {
			t.Fatal(f)
		}
		tickets, before, wrapped := map[uint32]int{}, map[uint32]int{}, map[uint32]int{}
		for i := range 256 {
			tickets[binary.LittleEndian.Uint32(out[1024+4*i:])]++
			before[binary.LittleEndian.Uint32(out[4096+4*i:])]++
			wrapped[binary.LittleEndian.Uint32(out[8192+4*i:])]++
		}
		for i := range uint32(256) {
			if tickets[i] != 1 || before[i] > 1 && i != 0 {
				t.Errorf("seed %d: %d was drawn %d times, replaced %d times", seed, i, tickets[i], before[i])
			}
		}
		for i := range uint32(10) {
			if wrapped[i] < 25 || wrapped[i] > 26 {
				t.Errorf("seed %d: %d of a counter to 9 was drawn %d times", seed, i, wrapped[i])
			}
		}
	}
}
