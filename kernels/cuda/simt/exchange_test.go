package simt

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// random is a value for every lane.
func randomLanes(r *rand.Rand, cut uint32) (v [lanes]uint32) {
	for l := range v {
		v[l] = r.Uint32() & cut
	}
	return v
}

// TestShuffle holds shfl to segments of a warp: a lane reads another of its segment, or keeps its own value and says so.
func TestShuffle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, width := range []int{1, 2, 4, 8, 16, 32} {
		for mode, source := range map[string]func(lane, base, k int) int{
			"up": func(lane, base, k int) int { return lane - k }, "down": func(lane, base, k int) int { return lane + k },
			"bfly": func(lane, base, k int) int { return lane ^ k }, "idx": func(lane, base, k int) int { return base + k%width },
		} {
			value, by := randomLanes(r, 1<<32-1), randomLanes(r, 31)
			if mode == "bfly" { // lanes of a segment agree on which to read, as reductions do
				for l := range by {
					by[l] = by[l/width*width]
				}
			}
			c := (32 - width) << 8
			if mode != "up" {
				c |= 31
			}
			got := warpRun(t, fmt.Sprintf("shfl.sync.%s.b32 r3|p1, r1, r2, %d, -1; mov.b32 r1, r3; selp.u32 r2, 1, 0, p1;", mode, c), [][lanes]uint32{value, by}, 2)
			for l := range lanes {
				base := l / width * width
				from := source(l, base, int(by[l]))
				inside := (from >= base || mode == "bfly") && from < base+width // segments before a lane's own are in reach of bfly
				if !inside {
					from = l
				}
				if got[0][l] != value[from] || got[1][l] != uint32(truth(inside)) {
					t.Fatalf("shfl.%s by %d in segments of %d: lane %d has %#x, %d; want lane %d's %#x, %v", mode, by[l], width, l, got[0][l], got[1][l], from, value[from], inside)
				}
			}
		}
	}
	// A clamp within the segment: lanes up to the fifth of eight are in reach.
	value := randomLanes(r, 1<<32-1)
	got := warpRun(t, "shfl.sync.down.b32 r2|p1, r1, 2, 0x1805, -1; mov.b32 r1, r2; selp.u32 r2, 1, 0, p1;", [][lanes]uint32{value, {}}, 2)
	for l := range lanes {
		from, inside := l+2, l%8 <= 3
		if !inside {
			from = l
		}
		if got[0][l] != value[from] || got[1][l] != uint32(truth(inside)) {
			t.Fatalf("clamped: lane %d has %#x, %d", l, got[0][l], got[1][l])
		}
	}
}

// TestVotes holds vote, match, redux and activemask to plain loops over the lanes that take part: all, or those of a mask.
func TestVotes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, members := range []uint32{1<<32 - 1, 0x0000ffff, 0xff00ff00, 1 << 31, 0x5a5a1234} {
		for range 4 {
			cut := uint32(1)<<r.IntN(4) - 1 // often all agree
			value, high := randomLanes(r, cut), randomLanes(r, cut)
			value[7] ^= 0x80000000 * uint32(r.IntN(2))
			in := func(l int) bool { return members>>l&1 != 0 }
			want := map[string]func(lane int) uint32{}
			all, anyone := true, false
			var ballot, sum, and, or, xor uint32
			and = 1<<32 - 1
			umin, umax, smin, smax := uint32(1<<32-1), uint32(0), int32(1<<31-1), int32(-1<<31)
			for l := range lanes {
				if v := value[l]; in(l) {
					odd := v&1 != 0
					all, anyone = all && odd, anyone || odd
					ballot |= v & 1 << l
					sum, and, or, xor = sum+v, and&v, or|v, xor^v
					umin, umax, smin, smax = min(umin, v), max(umax, v), min(smin, int32(v)), max(smax, int32(v))
				}
			}
			same := func(of func(l int) uint64) func(l int) (m uint32) {
				return func(l int) (m uint32) {
					for k := range lanes {
						if in(k) && of(k) == of(l) {
							m |= 1 << k
						}
					}
					return m
				}
			}
			fixed := func(x uint32) func(int) uint32 { return func(int) uint32 { return x } }
			yes := func(b bool) func(int) uint32 { return fixed(uint32(truth(b))) }
			match32 := same(func(l int) uint64 { return uint64(value[l]) })
			match64 := same(func(l int) uint64 { return uint64(value[l]) | uint64(high[l])<<32 })
			whole := func(m func(int) uint32) func(int) uint32 {
				return func(l int) uint32 {
					if m(l) == members {
						return members
					}
					return 0
				}
			}
			want["setp.ne.u32 p1, r4, 0; vote.sync.all.pred p2, p1, r6; selp.u32 r1, 1, 0, p2;"] = yes(all)
			want["setp.ne.u32 p1, r4, 0; vote.sync.any.pred p2, p1, r6; selp.u32 r1, 1, 0, p2;"] = yes(anyone)
			want["setp.ne.u32 p1, r4, 0; vote.sync.any.pred p2, !p1, r6; selp.u32 r1, 1, 0, p2;"] = yes(!all)
			want["setp.ne.u32 p1, r4, 0; vote.sync.uni.pred p2, p1, r6; selp.u32 r1, 1, 0, p2;"] = yes(all || !anyone)
			want["setp.ne.u32 p1, r4, 0; vote.sync.ballot.b32 r1, p1, r6;"] = fixed(ballot)
			want["setp.ne.u32 p1, r4, 0; vote.sync.ballot.b32 r1, !p1, r6;"] = fixed(members &^ ballot)
			want["match.any.sync.b32 r1, r1, r6;"] = match32
			want["mov.b64 d1, {r1, r2}; match.any.sync.b64 r1, d1, r6;"] = match64
			want["match.all.sync.b32 r1, r1, r6;"] = whole(match32)
			want["match.all.sync.b32 r5|p1, r1, r6; selp.u32 r1, 1, 0, p1;"] = func(l int) uint32 { return uint32(truth(match32(l) == members)) }
			want["mov.b64 d1, {r1, r2}; match.all.sync.b64 r1, d1, r6;"] = whole(match64)
			want["redux.sync.add.u32 r1, r1, r6;"], want["redux.sync.add.s32 r1, r1, r6;"] = fixed(sum), fixed(sum)
			want["redux.sync.and.b32 r1, r1, r6;"], want["redux.sync.or.b32 r1, r1, r6;"], want["redux.sync.xor.b32 r1, r1, r6;"] = fixed(and), fixed(or), fixed(xor)
			want["redux.sync.min.u32 r1, r1, r6;"], want["redux.sync.max.u32 r1, r1, r6;"] = fixed(umin), fixed(umax)
			want["redux.sync.min.s32 r1, r1, r6;"], want["redux.sync.max.s32 r1, r1, r6;"] = fixed(uint32(smin)), fixed(uint32(smax))
			want["activemask.b32 r1;"] = fixed(members)
			for code, f := range want {
				// Lanes outside go around it, and keep r1.
				text := fmt.Sprintf("mov.u32 r6, %d; shr.u32 r5, r6, r0; and.b32 r5, r5, 1; setp.eq.u32 p7, r5, 0; and.b32 r4, r1, 1; @p7 bra E; %s E:", members, code)
				got := warpRun(t, text, [][lanes]uint32{value, high}, 1)
				for l := range lanes {
					if w := value[l]; in(l) {
						if w = f(l); got[0][l] != w {
							t.Fatalf("%s of lanes %#x: lane %d has %#x, want %#x", code, members, l, got[0][l], w)
						}
					} else if got[0][l] != w {
						t.Fatalf("%s of lanes %#x changed lane %d", code, members, l)
					}
				}
			}
		}
	}
	if got := warpRun(t, "setp.lt.u32 p1, r0, 5; @p1 activemask.b32 r1;", [][lanes]uint32{{}}, 1); got[0][3] != 31 || got[0][5] != 0 {
		t.Errorf("activemask under a guard is %#x", got[0][3])
	}
}
