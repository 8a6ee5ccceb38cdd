package simt

import (
	"strings"
	"testing"
)

// bugs are mistakes of kernels in which others were found to make them: what a compiler makes of each, in its shortest form.
var bugs = []finding{
	{"one before the start of shared memory", "shared address -4", "ld.shared.u32 r3, [r8+-4];", "st.shared.u32 [r8], 1; ld.shared.u32 r3, [r8];", 1, 1},
	{"before the start, in 64 bits", "out of bounds", "cvt.u64.u32 d6, r8; ld.shared.u32 r3, [d6+-4];", "st.shared.u32 [r8], 1; cvt.u64.u32 d6, r8; ld.shared.u32 r3, [d6];", 1, 1},
	{"before the start of local memory", "local address -4", ".local .b8 LO[16]; mov.u64 d6, LO; st.local.u32 [d6+-4], r1;", ".local .b8 LO[16]; mov.u64 d6, LO; st.local.u32 [d6+12], r1;", 1, 32},
	{"before the start of constants", "constant address -4", ".const .b32 C[2] = {5, 6}; mov.u64 d6, C; ld.const.u32 r3, [d6+-4];",
		".const .b32 C[2] = {5, 6}; mov.u64 d6, C; ld.const.u32 r3, [d6+4];", 1, 32},
	{"before the null address", "near no allocation", "ld.global.u32 r4, [d1]; mov.u64 d6, 0; ld.global.u32 r3, [d6+-4];", "ld.global.u32 r3, [d1+4];", 1, 32},
	{"before the parameters", "parameter address", "mov.b64 d6, in; ld.param.u32 r3, [d6+-4];", "mov.b64 d6, in; ld.param.u32 r3, [d6+4];", 1, 32},
	{"into the next shared variable", "0 bytes after the end of S of 4096", ".shared .b32 T[4]; st.shared.u32 [r8+4096], r1;", ".shared .b32 T[4]; st.shared.u32 [r8+4092], r1;", 1, 1},
	{"across two shared variables", "out of bounds", ".shared .align 16 .b32 T[2]; .shared .b32 U[2]; mov.u32 r3, T; st.shared.v4.u32 [r3], {r1,r1,r1,r1};",
		".shared .align 16 .b32 T[2]; .shared .b32 U[2]; st.shared.v2.u32 [T], {r1,r1};", 1, 1},
	{"into the next constant", "0 bytes after the end of C of 8", ".const .b32 C[2] = {5, 6}; .const .b32 E[2] = {7, 8}; mov.u64 d6, C; ld.const.u32 r3, [d6+8];",
		".const .b32 C[2] = {5, 6}; .const .b32 E[2] = {7, 8}; ld.const.u32 r3, [C+4];", 1, 32},
	{"a plain load beside compare-and-swap", "race", "atom.global.cas.b32 r3, [d2], 0, 5; setp.eq.u32 p1, r1, 0; @p1 ld.global.u32 r4, [d2];",
		"ld.global.u32 r4, [d2]; A: mov.u32 r5, r4; add.u32 r6, r5, 1; atom.global.cas.b32 r4, [d2], r5, r6; setp.ne.u32 p1, r4, r5; @p1 bra A;", 2, 64},
	{"a barrier in a branch, and the end", "divergent", goingPast("20", "bar.sync 0;"), returning("20", "bar.sync 0;"), 1, 32},
	{"a barrier that a whole warp goes past", "divergent", goingPast("32", "bar.sync 0;"), returning("32", "bar.sync 0;"), 1, 64},
	{"a shuffle in a branch, and the end", "divergent", goingPast("20", "shfl.sync.bfly.b32 r3, r1, 1, 31, -1;"), returning("20", "shfl.sync.bfly.b32 r3, r1, 1, 31, -1;"), 1, 32},
	{"a warp's barrier in a branch, and the end", "divergent", goingPast("20", "bar.warp.sync -1;"), returning("20", "bar.warp.sync -1;"), 1, 32},
	{"a barrier in a branch, and a result of both sides", "divergent", "mov.u32 r3, 5; " + goingPast("20", "bar.sync 0; mov.u32 r4, 6;"), // as compilers join returns
		"mov.u32 r3, 5; setp.ge.u32 p1, r1, 20; @p1 bra E; bar.sync 0; mov.u32 r3, 6; E: st.global.u32 [d4], r3;", 1, 32},
	{"barriers in a loop whose trips differ", "divergent", "and.b32 r3, r1, 3; A: bar.sync 0; sub.u32 r3, r3, 1; setp.ge.s32 p1, r3, 0; @p1 bra A; st.global.u32 [d4], r1;",
		"mov.u32 r3, 3; A: bar.sync 0; sub.u32 r3, r3, 1; setp.ge.s32 p1, r3, 0; @p1 bra A; st.global.u32 [d4], r1;", 1, 64},
	{"an mbarrier that nothing initialised", "nothing wrote it", "mbarrier.arrive.shared.b64 d6, [r8];", "mbarrier.init.shared.b64 [r8], 1; mbarrier.arrive.shared.b64 d6, [r8];", 1, 1},
	{"an mbarrier that is not known to be initialised", "", "setp.eq.u32 p1, r1, 0; @p1 mbarrier.init.shared.b64 [r8], 64; mbarrier.arrive.shared.b64 d6, [r8];",
		"setp.eq.u32 p1, r1, 0; @p1 mbarrier.init.shared.b64 [r8], 64; bar.sync 0; mbarrier.arrive.shared.b64 d6, [r8];", 1, 64},
	{"lanes that trust lockstep", "trap", "st.shared.u32 [r9], 0; bar.warp.sync -1; st.volatile.shared.u32 [r9], 1; xor.b32 r3, r9, 4; ld.volatile.shared.u32 r4, [r3]; setp.eq.u32 p1, r4, 0; @p1 trap;",
		"st.shared.u32 [r9], 0; bar.warp.sync -1; st.volatile.shared.u32 [r9], 1; bar.warp.sync -1; xor.b32 r3, r9, 4; ld.volatile.shared.u32 r4, [r3]; setp.eq.u32 p1, r4, 0; @p1 trap;", 1, 32},
	{"a matrix instruction of half a warp", "divergent", "st.shared.u32 [r9], r1; bar.warp.sync -1; setp.ge.u32 p1, r1, 16; @p1 bra E; ldmatrix.sync.aligned.m8n8.x1.shared.b16 {r3}, [r8]; E:",
		"st.shared.u32 [r9], r1; bar.warp.sync -1; setp.ge.u32 p1, r1, 32; @p1 bra E; ldmatrix.sync.aligned.m8n8.x1.shared.b16 {r3}, [r8]; E:", 1, 32},
	{"an element of a compiler's stack frame", "local bytes 8 to 12 are read",
		".local .b8 __local_depot0[16]; mov.u64 d6, __local_depot0; st.local.u32 [d6], r1; mov.u64 d7, 8; add.u64 d8, d6, d7; ld.local.u32 r3, [d8];",
		".local .b8 __local_depot0[16]; mov.u64 d6, __local_depot0; st.local.u32 [d6], r1; mov.u64 d7, 8; add.u64 d8, d6, d7; ld.local.u32 r3, [d8]; and.b32 r3, r3, -8;", 1, 32},
}

// goingPast: threads from a number on do not come to a statement but go on behind it; returning: they return instead, with a result of their own.
func goingPast(from, statement string) string {
	return "setp.ge.u32 p1, r1, " + from + "; @p1 bra E; " + statement + " E: st.global.u32 [d4], r1;"
}

func returning(from, statement string) string {
	return "setp.ge.u32 p1, r1, " + from + "; @p1 bra E; " + statement + " st.global.u32 [d4], r1; ret; E: st.global.u32 [d4], r1;"
}

// TestBytesOfAWord: what a warp does to a byte is not forgotten when another touches the byte beside it. The order in which they come does not matter.
func TestBytesOfAWord(t *testing.T) {
	do := func(first, second, third string) string {
		return addresses + "mov.u16 h1, 1; setp.eq.u32 p1, r1, 0; setp.eq.u32 p2, r1, 32; setp.eq.u32 p3, r1, 64; setp.lt.u32 p4, r1, 32; @p1 st.shared.u32 [r8], 0; bar.sync 0; @p1 " +
			first + " @p4 bra E; @p2 " + second + " bar.sync 1, 64; @p3 " + third + " E:"
	}
	for _, c := range [][4]string{
		{"st.shared.u8 [r8], h1;", "st.shared.u8 [r8+1], h1;", "ld.shared.u8 h2, [r8];", "ld.shared.u8 h2, [r8+1];"},
		{"st.shared.u8 [r8], h1;", "st.shared.u16 [r8+2], h1;", "st.shared.u8 [r8], h2;", "st.shared.u8 [r8+3], h1;"},
		{"ld.shared.u8 h2, [r8];", "st.shared.u8 [r8+1], h1;", "st.shared.u8 [r8], h1;", "st.shared.u8 [r8+1], h1;"},
	} {
		c[2] = "mov.u16 h2, 7; @p3 " + c[2]
		for seed := range uint64(24) {
			if f, _ := trial(t, do(c[0], c[1], c[2]), 1, 96, 0, seed); f == nil || !strings.Contains(f.Msg, "race") {
				t.Errorf("%s then %s then %s, seed %d: %v, want a race", c[0], c[1], c[2], seed, f)
			}
			if f, _ := trial(t, do(c[0], c[1], c[3]), 1, 96, 0, seed); f != nil {
				t.Errorf("%s then %s then %s, seed %d: %v", c[0], c[1], c[3], seed, f)
			}
		}
	}
}
