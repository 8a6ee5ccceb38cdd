package simt

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"onestep/kernels/cuda/ptx"
)

// TestControl follows branches, loops and ends that lanes take apart, and finds them together where they meet.
func TestControl(t *testing.T) {
	store := " st.global.u32 [d4], r3;"
	for _, o := range []outcome{
		{"nested branches", "and.b32 r10, r1, 1; and.b32 r11, r1, 2; setp.eq.u32 p1, r10, 0; setp.eq.u32 p2, r11, 0; mov.u32 r3, 0; @p1 bra A; add.u32 r3, r3, 1; @p2 bra B; add.u32 r3, r3, 2; bra C; B: add.u32 r3, r3, 4; bra C; A: @!p2 bra D; add.u32 r3, r3, 8; bra C; D: add.u32 r3, r3, 16; C:" + store,
			1, 64, func(i int) uint32 { return []uint32{8, 5, 16, 3}[i%4] }, 64},
		{"loops of as many rounds as the lane's number", "mov.u32 r3, 0; mov.u32 r10, 0; L: setp.ge.u32 p1, r10, r1; @p1 bra E; add.u32 r3, r3, r10; add.u32 r10, r10, 1; bra L; E:" + store,
			1, 64, func(i int) uint32 { return uint32(i * (i - 1) / 2) }, 64},
		{"loops in loops", "mov.u32 r3, 0; mov.u32 r10, 0; L: mov.u32 r11, 0; M: add.u32 r3, r3, 1; add.u32 r11, r11, 1; setp.le.u32 p1, r11, r10; @p1 bra M; add.u32 r10, r10, 1; and.b32 r12, r1, 7; setp.le.u32 p1, r10, r12; @p1 bra L;" + store,
			1, 64, func(i int) uint32 { k := i % 8; return uint32((k + 1) * (k + 2) / 2) }, 64},
		{"lanes that end early", "mov.u32 r3, 1; st.global.u32 [d4], r3; and.b32 r10, r1, 3; setp.eq.u32 p1, r10, 1; @p1 exit; setp.eq.u32 p1, r10, 2; @p1 ret; mov.u32 r3, 2;" + store,
			1, 64, func(i int) uint32 {
				if i%4 == 1 || i%4 == 2 {
					return 1
				}
				return 2
			}, 64},
		{"a barrier after an end", "mov.u32 r3, 7; st.global.u32 [d4], r3; setp.ge.u32 p1, r1, 50; @p1 exit; st.shared.u32 [r9], r1; bar.sync 0; sub.u32 r10, 49, r1; mad.lo.u32 r10, r10, 4, r8; ld.shared.u32 r3, [r10];" + store, 1, 96, func(i int) uint32 {
			if i >= 50 {
				return 7
			}
			return uint32(49 - i)
		}, 96},
		{"a table of labels", "T: .branchtargets A, B, C, A; and.b32 r10, r1, 3; mov.u32 r3, 0; brx.idx r10, T; A: add.u32 r3, r3, 1; B: add.u32 r3, r3, 10; C: add.u32 r3, r3, 100;" + store, 1, 64, func(i int) uint32 {
			return []uint32{111, 110, 100, 111}[i%4]
		}, 64},
		{"guards", "setp.lt.u32 p1, r1, 20; mov.u32 r3, 5; @p1 mov.u32 r3, 6; @!p1 add.u32 r3, r3, r1; @p1 bra A; add.u32 r3, r3, 1000; A:" + store, 1, 64, func(i int) uint32 {
			if i < 20 {
				return 6
			}
			return uint32(1005 + i)
		}, 64},
		{"a lane waits for another of its warp", "setp.eq.u32 p1, r1, 0; @p1 st.volatile.shared.u32 [r8], 0; bar.warp.sync -1; mov.u32 r3, 1; setp.eq.u32 p2, r1, 5; @p2 bra F; W: ld.volatile.shared.u32 r10, [r8]; setp.eq.u32 p3, r10, 0; @p3 bra W; bra E; F: st.volatile.shared.u32 [r8], 9; mov.u32 r10, 9; E: mov.u32 r3, r10;" + store,
			1, 32, func(int) uint32 { return 9 }, 32},
		{"predicates", "setp.lt.u32 p1, r1, 20; setp.gt.u32 p2, r1, 10; and.pred p3, p1, p2; or.pred p4, p1, p2; xor.pred p5, p1, p2; not.pred p6, p3; mov.pred p7, p6; selp.u32 r3, 1, 0, p3; selp.u32 r10, 2, 0, p4; add.u32 r3, r3, r10; selp.u32 r10, 4, 0, p5; add.u32 r3, r3, r10; selp.u32 r10, 8, 0, p7; add.u32 r3, r3, r10;" + store,
			1, 64, func(i int) uint32 {
				if i > 10 && i < 20 {
					return 1 + 2
				}
				return 2 + 4 + 8
			}, 64},
	} {
		o.check(t)
	}
}

// TestReconvergence: in order, lanes that come apart are together again where their ways meet, however they branch.
func TestReconvergence(t *testing.T) {
	for i, code := range []string{
		"and.b32 r10, r1, 1; setp.eq.u32 p1, r10, 0; mov.u32 r3, 0; @p1 bra A; add.u32 r3, r3, 1; bra B; A: add.u32 r3, r3, 2; B:",
		"mov.u32 r10, 0; L: setp.ge.u32 p1, r10, r1; @p1 bra E; add.u32 r10, r10, 1; bra L; E:",
		"T: .branchtargets A, B, C; rem.u32 r10, r1, 3; brx.idx r10, T; A: bra D; B: bra D; C: bra D; D:",
		"setp.ge.u32 p1, r1, 16; @p1 bra A; setp.ge.u32 p2, r1, 8; @p2 bra B; bra C; A: setp.ge.u32 p2, r1, 24; @p2 bra B; bra C; B: mov.u32 r10, 1; C:",
	} {
		f, out := trial(t, addresses+code+"activemask.b32 r3; st.global.u32 [d4], r3;", 1, 32, 0, 0)
		if f != nil {
			t.Error(f)
		} else if got := binary.LittleEndian.Uint32(out); got != 1<<32-1 {
			t.Errorf("program %d: lanes %#x are together", i, got)
		}
	}
}

// callers is a file with device functions: arguments and results in registers and memory, local variables, recursion.
const callers = `.version 7.0
.target sm_80
.address_size 64
.func (.reg .b32 y) twice(.reg .b32 x) { add.u32 y, x, x; ret; }
.func (.param .b32 y) factorial(.param .b32 x) {
	.reg .b32 r<4>; .reg .pred p; .param .b32 a; .param .b32 b;
	ld.param.b32 r0, [x];
	setp.lt.u32 p, r0, 2;
	mov.u32 r1, 1;
	@p bra DONE;
	sub.u32 r2, r0, 1;
	st.param.b32 [a], r2;
	call.uni (b), factorial, (a);
	ld.param.b32 r3, [b];
	mul.lo.u32 r1, r3, r0;
DONE:
	st.param.b32 [y], r1;
	ret;
}
.func (.param .align 16 .b8 y[16]) swap(.param .align 16 .b8 x[16]) {
	.reg .b64 d<2>;
	ld.param.v2.b64 {d0, d1}, [x];
	st.param.b64 [y+8], d0;
	st.param.b64 [y], d1;
	ret;
}
.func (.reg .b32 s) sum(.reg .b32 n) { // of 0 to n−1, through an array of its own
	.local .align 4 .b8 A[256]; .reg .b32 i, v; .reg .b64 base, at; .reg .pred p;
	mov.b64 base, A; cvta.local.u64 base, base;
	mov.u32 i, 0; mov.u32 s, 0;
F:	setp.ge.u32 p, i, n; @p bra G;
	mad.wide.u32 at, i, 4, base; st.u32 [at], i; add.u32 i, i, 1; bra F;
G:	setp.eq.u32 p, i, 0; @p bra H;
	sub.u32 i, i, 1; mad.wide.u32 at, i, 4, base; ld.u32 v, [at]; add.u32 s, s, v; bra G;
H:	ret;
}
.visible .entry k(.param .u64 in, .param .u64 out, .param .u32 n) {
	.reg .b32 r<12>; .reg .b64 d<8>; .reg .pred p<2>; .param .b32 a; .param .b32 b; .param .align 16 .b8 q[16]; .param .align 16 .b8 w[16];
	mov.u32 r0, %tid.x; ld.param.u64 d0, [out]; mad.wide.u32 d0, r0, 4, d0;
	call (r1), twice, (r0);
	and.b32 r2, r0, 7; st.param.b32 [a], r2;
	setp.ne.u32 p0, r2, 3; mov.u32 r3, 0;
	@p0 call (b), factorial, (a);
	@p0 ld.param.b32 r3, [b];
	cvt.u64.u32 d1, r0; mov.u64 d2, 5; st.param.v2.b64 [q], {d1, d2};
	call (w), swap, (q);
	ld.param.b64 d3, [w]; ld.param.b64 d4, [w+8]; cvt.u32.u64 r4, d3; cvt.u32.u64 r5, d4;
	call (r6), sum, (r0);
	add.u32 r7, r1, r3; mad.lo.u32 r7, r4, 1000000, r7; add.u32 r7, r7, r5; mad.lo.u32 r7, r6, 7, r7;
	st.global.u32 [d0], r7; ret;
}`

// TestCalls calls functions from lanes that have come apart.
func TestCalls(t *testing.T) {
	m, err := ptx.Parse("callers.ptx", callers)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(5) {
		mem := NewMemory()
		p, err := Compile(m, "k", mem)
		if err != nil {
			t.Fatal(err)
		}
		out := words(t, mem, make([]uint32, 64))
		o := Strict
		o.Seed = seed
		if err := p.Run(mem, Launch{Block: [3]int{64, 1, 1}, Params: params(0, out, 0)}, o); err != nil {
			t.Fatal(err)
		}
		raw := make([]byte, 256)
		if err := mem.Read(raw, out); err != nil {
			t.Fatal(err)
		}
		for i := range uint32(64) {
			factorial := uint32(1)
			for k := uint32(2); k <= i%8; k++ {
				factorial *= k
			}
			if i%8 == 3 {
				factorial = 0
			}
			want := 2*i + factorial + 5*1000000 + i + 7*(i*(i-1)/2)
			if got := binary.LittleEndian.Uint32(raw[4*i:]); got != want {
				t.Fatalf("seed %d: thread %d has %d, want %d", seed, i, got, want)
			}
		}
	}
}

// TestAddressSpaces loads and stores every width, with signs and vectors, in all spaces that can be written, by their names and through generic addresses.
func TestAddressSpaces(t *testing.T) {
	for _, s := range []struct{ name, declare, address, generic string }{
		{"global", "", "mov.u64 d20, d4;", ""},
		{"shared", ".shared .align 16 .b8 M[4096];", "mov.u32 r20, %tid.x; mad.lo.u32 r20, r20, 64, 0; mov.u32 r21, M; add.u32 r20, r20, r21; cvt.u64.u32 d20, r20;", "cvta.shared.u64 d20, d20;"},
		{"local", ".local .align 16 .b8 M[64];", "mov.u64 d20, M;", "cvta.local.u64 d20, d20;"},
	} {
		for _, generic := range []bool{false, true} {
			space, address := "."+s.name, s.address
			if generic {
				space, address = "", s.address+s.generic
			}
			if s.name == "global" {
				address = "ld.param.u64 d20, [in]; mad.wide.u32 d20, r30, 24, d20;" // the samples' own place, which is read before
			}
			for typ, k := range map[string]struct {
				n      int
				signed bool
			}{"u8": {8, false}, "s8": {8, true}, "b8": {8, false}, "u16": {16, false}, "s16": {16, true}, "u32": {32, false}, "s32": {32, true}, "b64": {64, false}, "s64": {64, true}} {
				one := fmt.Sprintf("st%s.%s [d20+8], %%1; ld%s.%s %%0, [d20+8];", space, typ, space, typ)
				letter := "r"
				if k.n == 64 {
					letter = "d"
				}
				form{s.declare + address + strings.ReplaceAll(one, "%", letter), func(a, _, _ uint64) uint64 {
					return extend(a, k.n, k.signed) & bitsMask(8*sizes[letter])
				}}.check(t, integers(64)[:64])
			}
			form{s.declare + address + fmt.Sprintf("st%s.v2.u32 [d20+8], {r1, r2}; ld%s.v2.u32 {r4, r5}, [d20+8]; sub.u32 r4, r4, r5; ld%s.u32 r5, [d20+12]; xor.b32 r0, r4, r5;", space, space, space), func(a, b, _ uint64) uint64 {
				return uint64(uint32(a) - uint32(b) ^ uint32(b))
			}}.check(t, integers(32)[:64])
			if s.name != "global" { // whose samples are 24 bytes apart
				form{s.declare + address + fmt.Sprintf("st%s.v4.u16 [d20], {h1, h2, h3, h2}; ld%s.v4.u8 {r4, r5, r6, r7}, [d20+4]; shl.b32 r7, r7, 24; mad.lo.u32 r7, r6, 65536, r7; mad.lo.u32 r7, r5, 256, r7; add.u32 r0, r7, r4;", space, space), func(_, b, c uint64) uint64 {
					return c&0xffff | b&0xffff<<16
				}}.check(t, integers(16)[:64])
				form{s.declare + address + fmt.Sprintf("st%s.v2.b64 [d20+16], {d1, d2}; ld%s.v4.b32 {r4, r5, r6, r7}, [d20+16]; mov.b64 d5, {r4, r7}; ld%s.b64 d6, [d20+24]; add.u64 d0, d5, d6;", space, space, space), func(a, b, _ uint64) uint64 {
					return (a&bitsMask(32) | b>>32<<32) + b
				}}.check(t, integers(64)[:64])
			}
		}
	}
}

// TestEndedBefore: lanes that end before a barrier have not gone past it by what they stored in an earlier round, when they were one group with those
// that wait now, however they parted since.
func TestEndedBefore(t *testing.T) {
	const begin = "mov.u32 r10, 0; L: setp.eq.u32 p1, r10, 1; setp.ge.u32 p2, r1, 16; and.pred p2, p1, p2; "
	const again = " st.shared.u32 [r9], r1; add.u32 r10, r10, 1; setp.lt.u32 p3, r10, 2; @p3 bra L;"
	for name, part := range map[string]string{
		"an end":                     "@p2 exit; bar.sync 0;",
		"a branch":                   "@!p2 bra GO; exit; GO: bar.sync 0;",
		"a table":                    "T: .branchtargets GO, OUT; selp.u32 r11, 1, 0, p2; brx.idx r11, T; OUT: exit; GO: bar.sync 0;",
		"the barrier's guard":        "@!p2 bar.sync 0; @p2 exit;",
		"the guard of a warp's sync": "@!p2 bar.warp.sync -1; @p2 exit;",
	} {
		for seed := range uint64(8) {
			if f, _ := trial(t, addresses+begin+part+again, 1, 32, 0, seed); f != nil {
				t.Errorf("%s, seed %d: %v", name, seed, f)
			}
		}
		past := strings.Replace(part, "exit;", "bra PAST;", 1) // and these have
		f, _ := trial(t, addresses+begin+past+again+" bra END; PAST: st.shared.u32 [r9], r1; END:", 1, 32, 0, 0)
		if f == nil || !strings.Contains(f.Msg, "divergent") {
			t.Errorf("%s, with stores behind the barrier: %v", name, f)
		}
	}
}
