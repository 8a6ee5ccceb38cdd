package simt

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"testing"
)

// TestMasks holds bmsk, szext and fns to definitions by single bits, over all places and lengths.
func TestMasks(t *testing.T) {
	var list [][3]uint64
	for _, x := range []uint64{0, 1, 0x80000000, 0xffffffff, 0x5a5a8421, 0x7fffffff} {
		for k := range uint64(40) {
			list = append(list, [3]uint64{x, k, (k*7 + x) % 40}, [3]uint64{k, (k*k + x) % 40, x}, [3]uint64{x, k, uint64(uint32(-k))})
		}
	}
	for _, mode := range []string{"clamp", "wrap"} {
		count := func(x uint64) int {
			if mode == "wrap" {
				return int(x % 32)
			}
			return int(min(x, 64))
		}
		form{"bmsk." + mode + ".b32 r0, r1, r2;", func(a, b, _ uint64) uint64 {
			return bitwise(32, func(i int) uint64 { return truth(i >= count(a) && i < count(a)+count(b)) })
		}}.check(t, list)
		for _, signed := range []bool{false, true} {
			form{fmt.Sprintf("szext.%s.%c32 r0, r1, r2;", mode, "us"[truth(signed)]), func(a, b, _ uint64) uint64 {
				n := count(b)
				return bitwise(32, func(i int) uint64 {
					switch {
					case i < n:
						return bit(a, i, 32)
					case signed:
						return bit(a, n-1, 32)
					}
					return 0
				})
			}}.check(t, list)
		}
	}
	form{"and.b32 r2, r2, 31; fns.b32 r0, r1, r2, r3;", func(a, b, c uint64) uint64 {
		base, offset := int(b%32), int(int32(c))
		if offset == 0 {
			if bit(a, base, 32) == 1 {
				return uint64(base)
			}
			return bitsMask(32)
		}
		var ones []int // from the base on, in the offset's direction
		for i := range 32 {
			if at := base + i; offset > 0 && bit(a, at, 32) == 1 {
				ones = append(ones, at)
			}
			if at := base - i; offset < 0 && at >= 0 && bit(a, at, 32) == 1 {
				ones = append(ones, at)
			}
		}
		if n := max(offset, -offset); n <= len(ones) {
			return uint64(ones[n-1])
		}
		return bitsMask(32)
	}}.check(t, list)
}

// TestDots holds dp4a and dp2a of all signs to exact integers.
func TestDots(t *testing.T) {
	part := func(x uint64, i, n int, signed bool) *big.Int { return number(x>>(i*n), n, signed) }
	dot := func(c uint64, n int, f func(i int) (a, b *big.Int)) uint64 {
		sum := new(big.Int).SetUint64(c)
		for i := range n {
			a, b := f(i)
			sum.Add(sum, a.Mul(a, b))
		}
		return low(sum, 32)
	}
	for _, sa := range []bool{false, true} {
		for _, sb := range []bool{false, true} {
			types := fmt.Sprintf("%c32.%c32 r0, r1, r2, r3;", "us"[truth(sa)], "us"[truth(sb)])
			form{"dp4a." + types, func(a, b, c uint64) uint64 {
				return dot(c, 4, func(i int) (*big.Int, *big.Int) { return part(a, i, 8, sa), part(b, i, 8, sb) })
			}}.check(t, integers(32))
			for half, mode := range []string{"lo", "hi"} {
				form{"dp2a." + mode + "." + types, func(a, b, c uint64) uint64 {
					return dot(c, 2, func(i int) (*big.Int, *big.Int) { return part(a, i, 16, sa), part(b, i+2*half, 8, sb) })
				}}.check(t, integers(32))
			}
		}
	}
}

// TestPacking takes registers apart and puts them together, the first part lowest.
func TestPacking(t *testing.T) {
	list := integers(64)
	for _, f := range []form{
		{"mov.b32 {h1, h2}, r1; mov.b32 r0, {h2, h1};", func(a, _, _ uint64) uint64 { return a>>16&0xffff | a&0xffff<<16 }},
		{"mov.b64 {r1, r2}, d1; mov.b64 d0, {r2, r1};", func(a, _, _ uint64) uint64 { return a>>32 | a<<32 }},
		{"mov.b64 {h1, h2, h3, h4}, d1; mov.b64 d0, {h4, h3, h1, h2};", func(a, _, _ uint64) uint64 {
			return a>>48 | a>>32&0xffff<<16 | a&0xffff<<32 | a>>16&0xffff<<48
		}},
		{"mov.b64 {_, r0}, d1;", func(a, _, _ uint64) uint64 { return a >> 32 }},
		{".reg .b8 c<5>; mov.b32 {c1, c2, c3, c4}, r1; mov.b32 r0, {c4, c1, c3, c2};", func(a, _, _ uint64) uint64 {
			return a>>24&255 | a&255<<8 | a>>16&255<<16 | a>>8&255<<24
		}},
		{"mov.f32 f4, r1; mov.b32 r0, f4;", func(a, _, _ uint64) uint64 { return a & bitsMask(32) }},
		{"mov.f64 e4, d1; mov.b64 d0, e4;", func(a, _, _ uint64) uint64 { return a }},
	} {
		f.check(t, list)
	}
}

// TestSpaces asks where generic addresses point, and runs what has no effect but on speed.
func TestSpaces(t *testing.T) {
	outcome{"isspacep", `.shared .b32 X; .local .b32 Y; .const .b32 Z = 1; mov.u32 r10, X; cvt.u64.u32 d10, r10; cvta.shared.u64 d10, d10; mov.u64 d11, Y; cvta.local.u64 d11, d11; mov.u64 d12, Z; cvta.const.u64 d12, d12;
isspacep.shared p1, d10; isspacep.global p2, d10; isspacep.local p3, d11; isspacep.shared p4, d11; isspacep.const p5, d12; isspacep.global p6, d1; isspacep.local p7, d1;
selp.u32 r3, 1, 0, p1; @p2 add.u32 r3, r3, 2; @p3 add.u32 r3, r3, 4; @p4 add.u32 r3, r3, 8; @p5 add.u32 r3, r3, 16; @p6 add.u32 r3, r3, 32; @p7 add.u32 r3, r3, 64;
cvta.to.shared.u64 d10, d10; cvt.u32.u64 r11, d10; setp.eq.u32 p1, r10, r11; @p1 add.u32 r3, r3, 128; st.global.u32 [d4], r3;`, 1, 32, func(int) uint32 { return 1 + 4 + 16 + 32 + 128 }, 32}.check(t)
	outcome{"hints", `createpolicy.fractional.L2::evict_first.b64 d10, 0f3F800000; ldu.global.u32 r3, [d3]; ld.global.L2::cache_hint.u32 r4, [d3], d10; prefetch.global.L2 [d3]; prefetchu.L1 [d3]; pmevent 1; nanosleep.u32 10; add.u32 r3, r3, r4; add.u32 r3, r3, 3; st.global.cs.u32 [d4], r3;`,
		1, 32, func(int) uint32 { return 3 }, 32}.check(t)
	for _, op := range []string{"trap", "brkpt"} {
		f, _ := trial(t, addresses+"setp.eq.u32 p1, r1, 37; @p1 "+op+";", 1, 64, 0, 0)
		if f == nil || f.Thread != 37 || f.Msg != op {
			t.Errorf("%s: %v", op, f)
		}
	}
}

// TestSpecialRegisters holds what a thread knows of itself to its place in a grid of three dimensions.
func TestSpecialRegisters(t *testing.T) {
	mem := NewMemory()
	out := words(t, mem, make([]uint32, 2*3*2*70*20))
	names := []string{"tid.x", "tid.y", "tid.z", "ntid.x", "ntid.y", "ntid.z", "ctaid.x", "ctaid.y", "ctaid.z", "nctaid.x", "nctaid.y", "nctaid.z", "laneid", "lanemask_eq", "lanemask_lt", "lanemask_le", "lanemask_gt", "lanemask_ge"}
	code := "mov.u32 r1, %tid.x; mov.u32 r2, %tid.y; mov.u32 r3, %tid.z; mad.lo.u32 r1, r2, 7, r1; mad.lo.u32 r1, r3, 35, r1; mov.u32 r2, %ctaid.x; mov.u32 r3, %ctaid.y; mad.lo.u32 r2, r3, 2, r2; mov.u32 r3, %ctaid.z; mad.lo.u32 r2, r3, 6, r2; mad.lo.u32 r1, r2, 70, r1; ld.param.u64 d2, [out]; mad.wide.u32 d2, r1, 80, d2;"
	for i, n := range names {
		code += fmt.Sprintf("mov.u32 r4, %%%s; st.global.u32 [d2+%d], r4;", n, 4*i)
	}
	if err := program(t, mem, code).Run(mem, Launch{Grid: [3]int{2, 3, 2}, Block: [3]int{7, 5, 2}, Params: params(0, out, 0)}, Strict); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 4*2*3*2*70*20)
	if err := mem.Read(raw, out); err != nil {
		t.Fatal(err)
	}
	for block := range 12 {
		for thread := range 70 {
			lane := thread % 32
			eq := uint32(1) << lane
			want := []uint32{uint32(thread % 7), uint32(thread / 7 % 5), uint32(thread / 35), 7, 5, 2, uint32(block % 2), uint32(block / 2 % 3), uint32(block / 6), 2, 3, 2, uint32(lane), eq, eq - 1, eq | (eq - 1), ^(eq | (eq - 1)), ^(eq - 1)}
			for i, w := range want {
				if got := binary.LittleEndian.Uint32(raw[80*(70*block+thread)+4*i:]); got != w {
					t.Fatalf("block %d, thread %d: %s is %#x, want %#x", block, thread, names[i], got, w)
				}
			}
		}
	}
}
