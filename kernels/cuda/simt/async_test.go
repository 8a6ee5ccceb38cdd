package simt

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// outcome is a program with addresses' registers, and the numbers that it leaves at the beginning of out.
type outcome struct {
	name        string
	code        string
	grid, block int
	want        func(i int) uint32
	n           int
}

// check runs the program under some schedules.
func (o outcome) check(t *testing.T) {
	t.Run(o.name, func(t *testing.T) {
		for seed := range uint64(6) {
			f, out := trial(t, addresses+o.code, o.grid, o.block, 0, seed)
			if f != nil {
				t.Fatalf("seed %d: %v", seed, f)
			}
			for i := range o.n {
				if got := binary.LittleEndian.Uint32(out[4*i:]); got != o.want(i) {
					t.Fatalf("seed %d: number %d is %#x, want %#x", seed, i, got, o.want(i))
				}
			}
		}
	})
}

// fillIn writes 7·i + 1 to in, which cp.async then copies.
const fillIn = "mad.lo.u32 r10, r1, 7, 1; st.global.u32 [d3], r10; bar.sync 0; mul.wide.u32 d6, r1, 12; add.u64 d6, d3, d6; mul.lo.u32 r11, r1, 16; add.u32 r11, r8, r11;"

// TestCopies has every form of cp.async: its sizes, bytes that are zero, groups, and arrival at an mbarrier.
func TestCopies(t *testing.T) {
	source := func(i int) uint32 { return uint32(7*i + 1) }
	put := func(n int) string { // words 0 to n-1 of a thread's sixteen bytes of shared memory
		s := ""
		for i := range n {
			s += fmt.Sprintf("ld.shared.u32 r12, [r11+%d]; mad.wide.u32 d7, r1, %d, d2; st.global.u32 [d7+%d], r12;", 4*i, 4*n, 4*i)
		}
		return s
	}
	for _, size := range []int{4, 8, 16} {
		words := size / 4
		from := fmt.Sprintf("mad.wide.u32 d8, r1, %d, d1;", size)
		cache := ".ca"
		if size == 16 {
			cache = ".cg"
		}
		copyForm := func(rest string) string {
			return fillIn + from + fmt.Sprintf("cp.async%s.shared.global [r11], [d8], %d%s; cp.async.wait_all;", cache, size, rest) + put(words)
		}
		limit := 64 / words // threads whose source lies among the numbers of 64 threads
		outcome{fmt.Sprintf("%d bytes", size), copyForm(""), 1, 64, source, limit * words}.check(t)
		outcome{fmt.Sprintf("%d bytes, all given", size), copyForm(fmt.Sprintf(", %d", size)), 1, 64, source, limit * words}.check(t)
		outcome{fmt.Sprintf("%d bytes, none given", size), copyForm(", 0"), 1, 64, func(int) uint32 { return 0 }, limit * words}.check(t)
		outcome{fmt.Sprintf("%d bytes, three given", size), copyForm(", 3"), 1, 64, func(i int) uint32 {
			if i%words != 0 {
				return 0
			}
			return source(i) & 0xffffff
		}, limit * words}.check(t)
		outcome{fmt.Sprintf("%d bytes, odd threads ignored", size), "and.b32 r13, r1, 1; setp.eq.u32 p3, r13, 1;" + copyForm(", p3"), 1, 64, func(i int) uint32 {
			if i/words%2 == 1 {
				return 0
			}
			return source(i)
		}, limit * words}.check(t)
	}
	// Three groups; the last two may be under way when the first is read.
	three := ""
	for i := range 3 {
		three += fmt.Sprintf("cp.async.ca.shared.global [r11+%d], [d3], 4; cp.async.commit_group;", 4*i)
	}
	outcome{"groups", fillIn + three + "cp.async.wait_group 2; ld.shared.u32 r12, [r11]; cp.async.wait_group 1; ld.shared.u32 r13, [r11+4]; cp.async.commit_group; cp.async.wait_group 1; ld.shared.u32 r14, [r11+8];" +
		"add.u32 r12, r12, r13; add.u32 r12, r12, r14; st.global.u32 [d4], r12;", 1, 64, func(i int) uint32 { return 3 * source(i) }, 64}.check(t)
	// Every thread's copy, and its own arrival, complete the barrier; then others' words may be read.
	const wait = " W: mbarrier.test_wait.parity.shared.b64 p2, [r8+2048], 0; @!p2 bra W; xor.b32 r13, r9, 252; ld.shared.u32 r12, [r13]; st.global.u32 [d4], r12;"
	const first = "setp.eq.u32 p1, r1, 0; "
	reversed := func(i int) uint32 { return source(63 - i) }
	outcome{"noinc", fillIn + first + "@p1 mbarrier.init.shared.b64 [r8+2048], 64; bar.sync 0; cp.async.ca.shared.global [r9], [d3], 4; cp.async.mbarrier.arrive.noinc.shared.b64 [r8+2048];" + wait,
		1, 64, reversed, 64}.check(t)
	outcome{"mbarrier", fillIn + first + "@p1 mbarrier.init.shared.b64 [r8+2048], 64; bar.sync 0; cp.async.ca.shared.global [r9], [d3], 4; cp.async.mbarrier.arrive.shared.b64 [r8+2048];" +
		"mbarrier.arrive.shared.b64 _, [r8+2048];" + wait, 1, 64, reversed, 64}.check(t)
}

// TestBarrierObjects follows an mbarrier through its phases.
func TestBarrierObjects(t *testing.T) {
	const init = "setp.eq.u32 p1, r1, 0; @p1 mbarrier.init.shared.b64 [r8], 64; bar.sync 0;"
	// Each phase, threads write, arrive with a token, wait for it, and read what another wrote.
	outcome{"tokens", init + `mov.u32 r10, 0; mov.u32 r14, 0;
P: add.u32 r11, r10, r1; st.shared.u32 [r9+512], r11; mbarrier.arrive.shared.b64 d6, [r8]; W: mbarrier.test_wait.shared.b64 p2, [r8], d6; @!p2 bra W;
xor.b32 r12, r9, 252; add.u32 r12, r12, 0; sub.u32 r13, r12, r8; add.u32 r13, r13, r8; ld.shared.u32 r13, [r13+512]; add.u32 r14, r14, r13;
mbarrier.arrive.shared.b64 d6, [r8]; V: mbarrier.test_wait.shared.b64 p2, [r8], d6; @!p2 bra V;
add.u32 r10, r10, 100; setp.lt.u32 p3, r10, 500; @p3 bra P; st.global.u32 [d4], r14;`, 1, 64, func(i int) uint32 { return uint32(5*(63-i) + 1000) }, 64}.check(t)
	// A drop makes later phases smaller; the pending count of a token is that before its arrival.
	outcome{"drop", "setp.ne.u32 p1, r1, 0; @p1 bra E; mbarrier.init.shared.b64 [r8], 4; mbarrier.arrive.noComplete.shared.b64 d10, [r8], 1; mbarrier.arrive.shared.b64 d6, [r8]; mbarrier.pending_count.b64 r3, d6; mbarrier.arrive_drop.shared.b64 d7, [r8]; mbarrier.pending_count.b64 r4, d7;" +
		"mbarrier.test_wait.shared.b64 p2, [r8], d6; selp.u32 r5, 1, 0, p2; mbarrier.arrive.shared.b64 d7, [r8]; mbarrier.test_wait.shared.b64 p2, [r8], d6; selp.u32 r6, 1, 0, p2; mbarrier.arrive.shared.b64 d7, [r8]; mbarrier.pending_count.b64 r7, d7;" +
		"mbarrier.arrive.noComplete.shared.b64 d10, [r8], 1; mbarrier.arrive.shared.b64 d10, [r8]; mbarrier.test_wait.shared.b64 p2, [r8], d7; selp.u32 r10, 1, 0, p2; mbarrier.inval.shared.b64 [r8];" +
		"st.global.v4.u32 [d2], {r3,r4,r5,r6}; st.global.v2.u32 [d2+16], {r7,r10}; E:", 1, 32, func(i int) uint32 { return []uint32{3, 2, 0, 1, 3, 1}[i] }, 6}.check(t)
}

// TestBarriers has bar and barrier in all forms: of the block or part of it, with and without waiting, and with a vote.
func TestBarriers(t *testing.T) {
	vote := func(code string, want func(i int) uint32) {
		for _, spelling := range []string{"bar", "barrier"} {
			text := strings.ReplaceAll(code, "bar.", spelling+".")
			if spelling == "barrier" {
				text = strings.NewReplacer("popc.u32", "popc.aligned.u32", "and.pred", "and.aligned.pred", "or.pred", "or.aligned.pred").Replace(text)
			}
			outcome{spelling, "setp.lt.u32 p1, r1, 40; setp.lt.u32 p3, r1, 100;" + text + "st.global.u32 [d4], r3;", 1, 96, want, 96}.check(t)
		}
	}
	fixed := func(x uint32) func(int) uint32 { return func(int) uint32 { return x } }
	vote("bar.red.popc.u32 r3, 1, p1;", fixed(40))
	vote("bar.red.popc.u32 r3, 1, !p1;", fixed(56))
	vote("bar.red.and.pred p2, 2, p1; selp.u32 r3, 1, 0, p2;", fixed(0))
	vote("bar.red.and.pred p2, 2, p3; selp.u32 r3, 1, 0, p2;", fixed(1))
	vote("bar.red.or.pred p2, 2, 96, p1; selp.u32 r3, 1, 0, p2;", fixed(1))
	vote("bar.red.or.pred p2, 2, !p3; selp.u32 r3, 1, 0, p2;", fixed(0))
	// The first warp ends; a barrier of the block does not wait for it.
	outcome{"ended", "setp.lt.u32 p1, r1, 32; mov.u32 r3, 5; @p1 bra E; st.shared.u32 [r9], r1; bar.sync 0; xor.b32 r10, r1, 96; mad.lo.u32 r10, r10, 4, r8; ld.shared.u32 r3, [r10]; st.global.u32 [d4], r3; ret; E: st.global.u32 [d4], r3;", 1, 96, func(i int) uint32 {
		if i < 32 {
			return 5
		}
		return uint32(i ^ 96)
	}, 96}.check(t)
	// Producers and consumers, a pair of barriers for each of two buffers, twenty rounds.
	outcome{"producers", `setp.ge.u32 p1, r1, 32; mov.u32 r10, 0; mov.u32 r12, 0; @p1 bra C;
A: and.b32 r11, r10, 1; add.u32 r13, r11, 3; setp.ge.u32 p2, r10, 2; @p2 bar.sync r13, 64; mad.lo.u32 r14, r11, 128, r9; add.u32 r15, r10, r1; st.shared.u32 [r14], r15; add.u32 r13, r11, 1; bar.arrive r13, 64;
add.u32 r10, r10, 1; setp.lt.u32 p3, r10, 20; @p3 bra A; bra D;
C: and.b32 r11, r10, 1; add.u32 r13, r11, 1; bar.sync r13, 64; mad.lo.u32 r14, r11, 128, r9; ld.shared.u32 r15, [r14+-128]; add.u32 r12, r12, r15; add.u32 r13, r11, 3; setp.lt.u32 p2, r10, 18; @p2 bar.arrive r13, 64;
add.u32 r10, r10, 1; setp.lt.u32 p3, r10, 20; @p3 bra C;
D: st.global.u32 [d4], r12;`, 1, 64, func(i int) uint32 {
		if i < 32 {
			return 0
		}
		return uint32(20*(i-32) + 190)
	}, 64}.check(t)
	// bar.warp.sync orders lanes of a warp that stores and reads; others of other masks do so apart.
	outcome{"warp", "setp.lt.u32 p1, r1, 16; st.shared.u32 [r9], r1; @p1 bra A; bar.warp.sync 0xffff0000; bra B; A: bar.warp.sync 0x0000ffff; B: xor.b32 r10, r9, 60; ld.shared.u32 r3, [r10]; st.global.u32 [d4], r3;", 1, 32, func(i int) uint32 {
		return uint32(i ^ 15)
	}, 32}.check(t)
	// The same from several places of the program, which barrier.sync too allows without .aligned.
	outcome{"warp, in both branches", "setp.lt.u32 p1, r1, 16; st.shared.u32 [r9], r1; @p1 bra A; bar.warp.sync -1; bra B; A: mov.u32 r11, -1; bar.warp.sync r11; B: xor.b32 r10, r9, 124; ld.shared.u32 r3, [r10]; st.global.u32 [d4], r3;", 1, 32, func(i int) uint32 {
		return uint32(i ^ 31)
	}, 32}.check(t)
	outcome{"barrier.sync in both branches", "and.b32 r10, r1, 1; setp.eq.u32 p1, r10, 1; st.shared.u32 [r9], r1; @p1 bra A; barrier.sync 1; bra B; A: mov.u32 r11, 1; barrier.sync r11; B: xor.b32 r10, r1, 95; setp.ge.u32 p2, r10, 96; @p2 mov.u32 r10, 0; mad.lo.u32 r10, r10, 4, r8; ld.shared.u32 r3, [r10]; st.global.u32 [d4], r3;", 1, 96, func(i int) uint32 {
		if i^95 >= 96 {
			return 0
		}
		return uint32(i ^ 95)
	}, 96}.check(t)
}
