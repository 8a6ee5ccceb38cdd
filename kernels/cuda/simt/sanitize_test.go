package simt

import (
	"slices"
	"strings"
	"testing"

	"onestep/kernels/kernelstest"
)

// addresses begins every program: d1 = in, d2 = out, r1 = thread, r2 = block, d3 = in + 4·thread, d4 = out + 4·thread, r9 = shared + 4·thread.
const addresses = `.shared .align 16 .b8 S[4096];
ld.param.u64 d1, [in]; ld.param.u64 d2, [out]; mov.u32 r1, %tid.x; mov.u32 r2, %ctaid.x; mul.wide.u32 d5, r1, 4; add.u64 d3, d1, d5; add.u64 d4, d2, d5;
mov.u32 r8, S; shl.b32 r9, r1, 2; add.u32 r9, r8, r9;
`

// finding is a program that must be caught, and its corrected twin, which must not.
type finding struct {
	name        string
	message     string
	wrong       string
	right       string
	grid, block int
}

var findings = []finding{
	{"bounds", "out of bounds: 0 bytes after the end", "ld.global.u32 r3, [d1+16384];", "ld.global.u32 r3, [d1+16380];", 1, 32},
	{"bounds, vector", "out of bounds", "ld.global.v4.u32 {r3,r4,r5,r6}, [d1+16384];", "ld.global.v4.u32 {r3,r4,r5,r6}, [d1+16368];", 1, 32},
	{"bounds of shared memory", "shared address", "st.shared.u32 [r8+4096], r1;", "st.shared.u32 [r9], r1;", 1, 32},
	{"misaligned", "misaligned", "ld.global.u32 r3, [d1+2];", "ld.global.u16 r3, [d1+2];", 1, 32},
	{"misaligned vector", "misaligned", "ld.global.v2.u32 {r3,r4}, [d1+4];", "ld.global.v2.u32 {r3,r4}, [d1+8];", 1, 32},
	{"register without a value", "r3 has no value", "add.u32 r4, r3, 1;", "mov.u32 r3, 0; add.u32 r4, r3, 1;", 1, 32},
	{"register without a value in one lane", "r3 has no value", "setp.lt.u32 p1, r1, 31; @p1 mov.u32 r3, 0; add.u32 r4, r3, 1;",
		"setp.lt.u32 p1, r1, 31; @p1 mov.u32 r3, 0; @p1 add.u32 r4, r3, 1;", 1, 32},
	{"shared memory without a value", "nothing wrote it", "ld.shared.u32 r3, [r9];", "st.shared.u32 [r9], r1; ld.shared.u32 r3, [r9];", 1, 32},
	{"local memory without a value", "local bytes 8 to 12 are read", ".local .align 8 .b8 LO[16]; st.local.u32 [LO+4], r1; ld.local.u32 r3, [LO+8];",
		".local .align 8 .b8 LO[16]; st.local.u32 [LO+4], r1; ld.local.u64 d6, [LO];", 1, 32},
	{"half a word without a value", "nothing wrote it", "st.shared.u16 [r9], r1; ld.shared.u32 r3, [r9];",
		"st.shared.u16 [r9], r1; ld.shared.u16 r3, [r9];", 1, 32},
	{"barrier that half a warp misses", "divergent", "setp.lt.u32 p1, r1, 16; @p1 bar.sync 0; bar.sync 0;", "bar.sync 0; bar.sync 0;", 1, 64},
	{"barriers in both branches", "divergent", "setp.lt.u32 p1, r1, 16; @p1 bra A; bar.sync 0; bra B; A: bar.sync 0; B:",
		"setp.lt.u32 p1, r1, 32; @p1 bra A; bar.sync 0; bra B; A: bar.sync 0; B:", 1, 64},
	{"different barriers in both branches", "divergent", "setp.lt.u32 p1, r1, 16; @p1 bra A; barrier.sync 1; bra B; A: barrier.sync 2; B:",
		"setp.lt.u32 p1, r1, 16; @p1 bra A; barrier.sync 1; bra B; A: barrier.sync 1; B:", 1, 64},
	{"two barriers", "deadlock", "setp.lt.u32 p1, r1, 32; @p1 bra A; bar.sync 1; bra B; A: bar.sync 2; B:",
		"setp.lt.u32 p1, r1, 32; @p1 bra A; bar.sync 1, 32; bra B; A: bar.sync 2, 32; B:", 1, 64},
	{"members that do not come", "divergent", "setp.lt.u32 p1, r1, 16; @p1 shfl.sync.bfly.b32 r3, r1, 1, 31, -1; bar.warp.sync -1;",
		"setp.lt.u32 p1, r1, 16; @p1 shfl.sync.bfly.b32 r3, r1, 1, 31, 0xffff; bar.warp.sync -1;", 1, 32},
	{"lane that is no member", "not among the members", "shfl.sync.bfly.b32 r3, r1, 1, 31, 0xffff;", "shfl.sync.bfly.b32 r3, r1, 1, 31, -1;", 1, 32},
	{"shfl from outside", "does not take part", "setp.lt.u32 p1, r1, 16; @p1 shfl.sync.bfly.b32 r3, r1, 16, 31, 0xffff;",
		"setp.lt.u32 p1, r1, 16; @p1 shfl.sync.bfly.b32 r3, r1, 8, 31, 0xffff;", 1, 32},
	{"race of warps", "race", "st.shared.u32 [r9], 0; bar.sync 0; st.shared.u32 [r9], 5; xor.b32 r3, r9, 128; ld.shared.u32 r4, [r3];",
		"st.shared.u32 [r9], 0; bar.sync 0; st.shared.u32 [r9], r1; bar.sync 0; xor.b32 r3, r9, 128; ld.shared.u32 r4, [r3];", 1, 64},
	{"race within a warp", "", "st.shared.u32 [r9], r1; xor.b32 r3, r9, 4; ld.shared.u32 r4, [r3];",
		"st.shared.u32 [r9], r1; bar.warp.sync -1; xor.b32 r3, r9, 4; ld.shared.u32 r4, [r3];", 1, 32},
	{"overwritten too early", "race", "st.shared.u32 [r9], r1; bar.sync 0; xor.b32 r3, r9, 128; ld.shared.u32 r4, [r3]; st.shared.u32 [r9], r4;",
		"st.shared.u32 [r9], r1; bar.sync 0; xor.b32 r3, r9, 128; ld.shared.u32 r4, [r3]; bar.sync 0; st.shared.u32 [r9], r4;", 1, 64},
	{"a guess at what is swapped", "race", "atom.global.add.u32 r4, [d2], 1; ld.global.u32 r3, [d2];",
		"ld.global.u32 r3, [d2]; add.u32 r4, r3, 1; atom.global.cas.b32 r4, [d2], r3, r4;", 1, 64},
	{"three readers, one not waited for", "race",
		"st.shared.u32 [r9], r1; bar.sync 0; ld.shared.u32 r4, [r8]; setp.lt.u32 p1, r1, 32; @p1 bra A; bar.arrive 1, 64; setp.lt.u32 p2, r1, 64; @p2 bra B; bra C; A: bar.sync 1, 64; bra B; C: st.shared.u32 [r8], r1; B:",
		"st.shared.u32 [r9], r1; bar.sync 0; ld.shared.u32 r4, [r8]; bar.sync 0; setp.eq.u32 p1, r1, 64; @p1 st.shared.u32 [r8], r1;", 1, 96},
	{"race of blocks", "race", "st.global.u32 [d4], r2;", "mul.wide.u32 d6, r2, 128; add.u64 d4, d4, d6; st.global.u32 [d4], r2;", 4, 32},
	{"race of a block's warps on global memory", "race", "st.global.u32 [d4], r1; xor.b32 r3, r1, 32; mul.wide.u32 d6, r3, 4; add.u64 d6, d2, d6; ld.global.u32 r4, [d6];",
		"st.global.u32 [d4], r1; bar.sync 0; xor.b32 r3, r1, 32; mul.wide.u32 d6, r3, 4; add.u64 d6, d2, d6; ld.global.u32 r4, [d6];", 1, 64},
	{"sum without atomics", "race", "ld.global.u32 r3, [d2]; add.u32 r3, r3, 1; st.global.u32 [d2], r3;", "red.global.add.u32 [d2], 1;", 4, 32},
	{"copy that is not waited for", "asynchronous copy", "cp.async.ca.shared.global [r9], [d3], 4; cp.async.commit_group; ld.shared.u32 r3, [r9];",
		"cp.async.ca.shared.global [r9], [d3], 4; cp.async.commit_group; cp.async.wait_group 0; ld.shared.u32 r3, [r9];", 1, 32},
	{"copy waited for by its warp alone", "", // by the other warp it may not even have begun
		"cp.async.ca.shared.global [r9], [d3], 4; cp.async.wait_all; xor.b32 r3, r9, 128; setp.lt.u32 p1, r1, 32; @p1 ld.shared.u32 r4, [r3];",
		"cp.async.ca.shared.global [r9], [d3], 4; cp.async.wait_all; bar.sync 0; xor.b32 r3, r9, 128; setp.lt.u32 p1, r1, 32; @p1 ld.shared.u32 r4, [r3];", 1, 64},
	{"last group not waited for", "asynchronous copy",
		"cp.async.ca.shared.global [r9], [d3], 4; cp.async.commit_group; cp.async.ca.shared.global [r9+1024], [d3], 4; cp.async.commit_group; cp.async.wait_group 1; ld.shared.u32 r3, [r9+1024];",
		"cp.async.ca.shared.global [r9], [d3], 4; cp.async.commit_group; cp.async.ca.shared.global [r9+1024], [d3], 4; cp.async.commit_group; cp.async.wait_group 1; ld.shared.u32 r3, [r9];", 1, 32},
	{"copy whose mbarrier nobody asks", "asynchronous copy", lateCopy("bar.sync 0;"), lateCopy(lateWait), 1, 64},
	{"written after an mbarrier's arrival", "", // a race, or not even written yet
		lateCopy("st.shared.u32 [r9+1024], 3;" + lateWait + "ld.shared.u32 r5, [r9+1024]; xor.b32 r4, r9, 128; ld.shared.u32 r5, [r4+1024];"), lateCopy("cp.async.wait_all;" + lateWait), 1, 64},
	{"read-only load of what the launch wrote", "read-only", "st.global.u32 [d4], r1; ld.global.nc.u32 r3, [d4];",
		"st.global.u32 [d4], r1; ld.global.u32 r3, [d4]; ld.global.nc.u32 r4, [d3];", 1, 32},
	{"one of six readers not waited for", "race", readers("3", "160"), readers("9", "192"), 1, 192},
	{"a broadcast overwritten by one of its lanes", "race", "st.shared.u32 [r8], 0; bar.warp.sync -1; ld.shared.u32 r3, [r8]; setp.eq.u32 p1, r1, 31; @p1 st.shared.u32 [r8], 5;",
		"st.shared.u32 [r8], 0; bar.warp.sync -1; ld.shared.u32 r3, [r8]; bar.warp.sync -1; setp.eq.u32 p1, r1, 31; @p1 st.shared.u32 [r8], 5;", 1, 32},
	{"written after arriving", "race", arriver("bar.arrive 1, 64; st.shared.u32 [r9], 7;", "bar.sync 1, 64; ld.shared.u32 r4, [r9+128];"),
		arriver("st.shared.u32 [r9], 7; bar.arrive 1, 64;", "bar.sync 1, 64; ld.shared.u32 r4, [r9+128];"), 1, 64},
	{"read after arriving", "race", arriver("bar.arrive 1, 64; ld.shared.u32 r4, [r9+-128];", "st.shared.u32 [r9], 7; bar.sync 1, 64;"),
		arriver("bar.sync 1, 64; ld.shared.u32 r4, [r9+-128];", "st.shared.u32 [r9], 7; bar.arrive 1, 64;"), 1, 64},
	{"flag between blocks with a fence of one", "race", flag("fence.acq_rel.cta;", "fence.acq_rel.gpu;"), flag("fence.sc.sys;", "fence.acq_rel.gpu;"), 2, 1},
	{"flag between blocks with a fence of the other", "race", flag("fence.acq_rel.gpu;", "membar.cta;"), flag("fence.acq_rel.gpu;", "membar.gl;"), 2, 1},
	{"release of block scope", "race", strings.Replace(released, "release.gpu", "release.cta", 1), strings.Replace(released, "release.gpu", "release.sys", 1), 2, 1},
	{"acquire of block scope", "race", strings.Replace(released, "acquire.gpu", "acquire.cta", 1), strings.Replace(released, "acquire.gpu", "acquire.sys", 1), 2, 1},
	{"atomics of block scope", "race", "red.relaxed.cta.global.add.u32 [d2], 1;", "red.relaxed.gpu.global.add.u32 [d2], 1;", 4, 32},
	{"flag within a block", "race", blockFlag("", "fence.acq_rel.cta;"), blockFlag("fence.acq_rel.cta;", "fence.acq_rel.cta;"), 1, 64},
	{"flag without a fence", "race", flag("", "fence.acq_rel.gpu;"), flag("fence.acq_rel.gpu;", "fence.acq_rel.gpu;"), 2, 1},
	{"flag without a fence on the other side", "race", flag("fence.acq_rel.gpu;", ""), flag("membar.gl;", "membar.gl;"), 2, 1},
	{"release missing", "race", strings.Replace(released, "release", "relaxed", 1), released, 2, 1},
	{"acquire missing", "race", strings.Replace(released, "acquire", "relaxed", 1), released, 2, 1},
	{"ticket without order", "race", strings.Replace(ticket, "fence.acq_rel.gpu;", "", 1), ticket, 4, 64},
	{"ticket whose block does not wait", "race", strings.Replace(ticket, "bar.sync 0;", "", 1), ticket, 4, 64},
	{"lock that orders nothing", "race", strings.Replace(lock, "fence.acq_rel.gpu;", "", 2), lock, 4, 1},
	{"lock in shared memory that orders nothing", "race", strings.ReplaceAll(sharedLock, "membar.cta;", ""), sharedLock, 1, 64},
	{"half of another thread in a word", "race", ownHalf("xor.b32 r5, r4, 2;"), ownHalf("mov.b32 r5, r4;"), 1, 32},
	{"endless", "endless", "A: bra A;", "setp.eq.u32 p1, r1, 77; A: @p1 bra A;", 1, 32},
}

// flag: block 0 writes data and then a flag, for which block 1 waits before it reads the data.
func flag(before, after string) string {
	return `setp.ne.u32 p1, r2, 0; @p1 bra WAIT; st.global.u32 [d2], 7; ` + before + ` st.relaxed.gpu.global.u32 [d2+256], 1; bra END;
WAIT: ld.relaxed.gpu.global.u32 r3, [d2+256]; setp.eq.u32 p2, r3, 0; @p2 bra WAIT; ` + after + ` ld.global.u32 r4, [d2]; st.global.u32 [d2+512], r4; END:`
}

// blockFlag is the same between two warps of a block.
func blockFlag(before, after string) string {
	return strings.NewReplacer("setp.ne.u32 p1, r2, 0;", "shr.u32 r2, r1, 5; setp.ne.u32 p1, r2, 0;", ".gpu.", ".cta.", "st.global.u32 [d2], 7;", "bar.warp.sync -1; setp.eq.u32 p3, r1, 0; @p3 st.global.u32 [d2], 7;",
		"st.global.u32 [d2+512], r4;", "").Replace(flag(before, after))
}

// readers: six warps read a word, and all but one of them, and as many threads, come to the barrier after which the first warp writes it.
func readers(without, threads string) string {
	return "shr.u32 r2, r1, 5; setp.eq.u32 p1, r2, 0; setp.eq.u32 p2, r1, 0; @p2 st.shared.u32 [r8], 1; bar.sync 0; ld.shared.u32 r4, [r8]; setp.eq.u32 p3, r2, " + without +
		"; @p3 bra END; @p1 bra FIRST; bar.arrive 1, " + threads + "; bra END; FIRST: bar.sync 1, " + threads + "; @p2 st.shared.u32 [r8], 2; END:"
}

// arriver: the second warp does one thing and the first another, each beginning with words of its own that have values.
func arriver(second, first string) string {
	return "st.shared.u32 [r9], r1; bar.sync 0; setp.lt.u32 p1, r1, 32; @p1 bra A; " + second + " bra END; A: " + first + " END:"
}

// lateCopy: threads copy, tell an mbarrier so, do something, and read what others copied.
func lateCopy(then string) string {
	return "setp.eq.u32 p1, r1, 0; @p1 mbarrier.init.shared.b64 [r8+2048], 64; bar.sync 0; cp.async.ca.shared.global [r9], [d3], 4; cp.async.mbarrier.arrive.noinc.shared.b64 [r8+2048];" +
		then + "xor.b32 r4, r9, 128; ld.shared.u32 r5, [r4];"
}

const lateWait = "W: mbarrier.test_wait.parity.shared.b64 p2, [r8+2048], 0; @!p2 bra W;"

const released = `setp.ne.u32 p1, r2, 0; @p1 bra WAIT; st.global.u32 [d2], 7; st.release.gpu.global.u32 [d2+256], 1; bra END;
WAIT: ld.acquire.gpu.global.u32 r3, [d2+256]; setp.eq.u32 p2, r3, 0; @p2 bra WAIT; ld.global.u32 r4, [d2]; st.global.u32 [d2+512], r4; END:`

// ticket: every block writes its part; the last to draw a ticket reads all parts.
const ticket = `mul.wide.u32 d6, r2, 256; add.u64 d7, d4, d6; st.global.u32 [d7], r2;
bar.sync 0; setp.ne.u32 p1, r1, 0; @p1 bra SKIP; fence.acq_rel.gpu; atom.global.add.u32 r3, [d2+4096], 1; fence.acq_rel.gpu; st.shared.u32 [r8], r3;
SKIP: bar.sync 0; ld.shared.u32 r3, [r8]; setp.ne.u32 p2, r3, 3; @p2 bra END;
ld.global.u32 r4, [d4]; ld.global.u32 r5, [d4+256]; ld.global.u32 r6, [d4+512]; ld.global.u32 r7, [d4+768]; add.u32 r4, r4, r5; add.u32 r4, r4, r6; add.u32 r4, r4, r7; st.global.u32 [d4+2048], r4; END:`

// ownHalf: every thread reads its half of a word and then writes one.
func ownHalf(to string) string {
	return `shl.b32 r4, r1, 1; add.u32 r4, r8, r4; cvt.u16.u32 h1, r1; st.shared.u16 [r4], h1; bar.sync 0; ld.shared.u16 h2, [r4]; add.u16 h2, h2, 1; ` +
		to + ` st.shared.u16 [r5], h2;`
}

const lock = `TRY: atom.global.cas.b32 r3, [d2], 0, 1; setp.ne.u32 p1, r3, 0; @p1 bra TRY; fence.acq_rel.gpu;
ld.global.u32 r4, [d2+256]; add.u32 r4, r4, 1; st.global.u32 [d2+256], r4; fence.acq_rel.gpu; atom.global.exch.b32 r5, [d2], 0;`

// sharedLock: each warp's first thread counts in shared memory, under a lock there.
const sharedLock = `and.b32 r3, r1, 31; setp.ne.u32 p2, r1, 0; @!p2 st.shared.v2.u32 [r8], {0,0}; bar.sync 0; setp.ne.u32 p1, r3, 0; @p1 bra END;
TRY: atom.shared.cas.b32 r3, [r8], 0, 1; setp.ne.u32 p1, r3, 0; @p1 bra TRY; membar.cta;
ld.shared.u32 r4, [r8+4]; add.u32 r4, r4, 1; st.shared.u32 [r8+4], r4; membar.cta; atom.shared.exch.b32 r5, [r8], 0; END:`

// TestFindings: what is wrong is caught under some schedule of few, and what is right passes under all: of 24 schedules, or without ONESTEP_TESTS=all of
// 24 until it is caught, and of 8.
func TestFindings(t *testing.T) {
	for _, c := range slices.Concat(findings, bugs) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			caught := false
			for seed := range uint64(24) {
				if caught && !kernelstest.All() {
					if seed >= 8 {
						break
					}
				} else if f, _ := trial(t, addresses+c.wrong, c.grid, c.block, 0, seed); f != nil {
					caught = true
					if !strings.Contains(f.Msg, c.message) {
						t.Errorf("seed %d: %v, want %q", seed, f, c.message)
					}
					if f.Kernel != "k" || f.Line == 0 {
						t.Errorf("%v does not name kernel and line", f)
					}
				}
				if g, _ := trial(t, addresses+c.right, c.grid, c.block, 0, seed); g != nil {
					t.Fatalf("seed %d: the corrected program: %v", seed, g)
				}
			}
			if !caught {
				t.Error("not caught")
			}
		})
	}
}

// TestGeneric reads constants, a parameter, shared and global memory through generic addresses.
func TestGeneric(t *testing.T) {
	f, out := trial(t, addresses+`.const .align 4 .b32 C[2] = {5, 6}; mov.u64 d6, C; cvta.const.u64 d6, d6; ld.u32 r3, [d6+4];
mov.b64 d7, n; cvta.param.u64 d7, d7; ld.u32 r4, [d7]; st.shared.u32 [r9], 9; cvt.u64.u32 d8, r9; cvta.shared.u64 d8, d8; ld.u32 r5, [d8];
add.u32 r3, r3, r4; add.u32 r3, r3, r5; st.u32 [d4], r3;`, 1, 32, 0, 0)
	if f != nil {
		t.Fatal(f)
	}
	if got := int(out[0]) | int(out[1])<<8; got != 6+4096+9 {
		t.Errorf("the sum is %d", got)
	}
}

// TestUnwaited: the end of a thread whose copies are under way is an error where that is asked for, and none elsewhere.
func TestUnwaited(t *testing.T) {
	const start = addresses + "cp.async.ca.shared.global [r9], [d3], 4; cp.async.commit_group; cp.async.commit_group;"
	for wait, want := range map[string]bool{"": true, "cp.async.wait_group 2;": true, "cp.async.wait_group 1;": false, "cp.async.wait_all;": false} {
		mem := NewMemory()
		in, out := words(t, mem, make([]uint32, 64)), words(t, mem, make([]uint32, 64))
		p := program(t, mem, start+wait)
		for _, unwaited := range []bool{false, true} {
			o := Strict
			o.Unwaited = unwaited
			err := p.Run(mem, Launch{Grid: [3]int{1, 1, 1}, Block: [3]int{32, 1, 1}, Params: params(in, out, 64)}, o)
			if got := err != nil; got != (want && unwaited) {
				t.Errorf("%q, %v: %v", wait, unwaited, err)
			}
		}
	}
}
