package chip

import (
	"math"
	"testing"
)

// TestPredict has launches whose times follow by hand from the formula and the data sheet.
func TestPredict(t *testing.T) {
	const around = 1.5e-6 + 1200/1.41e9 // launch and ends
	for _, c := range []struct {
		name  string
		w     Work
		want  float64
		limit string
	}{
		// 10 rounds of one block, each 2²⁷ FLOPs at 2,048.85 a clock: 65,509 clocks of 0.9 speed; 9 ends between the rounds.
		{"tensor", Work{Grid: 1024, Warps: 8, Occupancy: Occupancy{Blocks: 1}, Matrix: 1 << 27}, around + (10*(1<<27)/2048.8573/0.9+9*1200)/1.41e9, "tensor"},
		// the same on 1,080 blocks costs nothing more, on 1,081 a round
		{"full rounds", Work{Grid: 1080, Warps: 8, Occupancy: Occupancy{Blocks: 1}, Matrix: 1 << 27}, around + (10*(1<<27)/2048.8573/0.9+9*1200)/1.41e9, "tensor"},
		{"tail", Work{Grid: 1081, Warps: 8, Occupancy: Occupancy{Blocks: 1}, Matrix: 1 << 27}, around + (11*(1<<27)/2048.8573/0.9+10*1200)/1.41e9, "tensor"},
		// two blocks at a time: 19 blocks in 10 rounds, with half of each end hidden
		{"two at a time", Work{Grid: 2048, Warps: 4, Occupancy: Occupancy{Blocks: 2}, Matrix: 1 << 26}, around + (19*(1<<26)/2048.8573/0.9+9*600)/1.41e9, "tensor"},
		// 2 GB at 0.85 of 2,039 GB/s
		{"DRAM", Work{Grid: 1 << 16, Warps: 8, Occupancy: Occupancy{Blocks: 8}, DRAM: 2e9}, around + 2e9/(0.85*2039e9), "DRAM"},
		// 108 blocks of 2²⁰ wavefronts, one a clock
		{"shared", Work{Grid: 108, Warps: 8, Occupancy: Occupancy{Blocks: 8}, Wavefronts: 1 << 20}, around + (1<<20)/0.9/1.41e9, "shared"},
		// one warp that makes 100,000 instructions, 2 clocks each, 1,000 barriers and 4,000 loads, four at a time
		{"latency", Work{Grid: 1, Warps: 1, Occupancy: Occupancy{Blocks: 1}, Issue: 1e5, Syncs: 1e3, Loads: 4e3}, around + (2e5+3e4+6e5)/1.41e9, "latency"},
		// the special units take 16 threads a clock: 2 clocks a warp
		{"special", Work{Grid: 108, Warps: 64, Occupancy: Occupancy{Blocks: 1}, Special: 1e6, Issue: 1e6}, around + 2e6/0.9/1.41e9, "special"},
		{"launch", Work{Grid: 1, Warps: 8, Occupancy: Occupancy{Blocks: 8}, FP32: 100}, around + 50/0.9/1.41e9, "launch"},
	} {
		got := A100.Predict(c.w)
		if math.Abs(got.Seconds/c.want-1) > 1e-6 || got.Limit != c.limit {
			t.Errorf("%s: %+v, want %g s by %s", c.name, got, c.want, c.limit)
		}
	}
	if a, h := A100.Predict(Work{Grid: 108 * 132, Warps: 8, Occupancy: Occupancy{Blocks: 8}, FP32: 1e5}), H100.Predict(Work{Grid: 108 * 132, Warps: 8, Occupancy: Occupancy{Blocks: 8}, FP32: 1e5}); h.Seconds > a.Seconds/2 {
		t.Errorf("twice the lanes: %g s, %g s", a.Seconds, h.Seconds)
	}
	if got, want := A100.PredictCopy(1e9).Seconds, 1.5e-6+1e9/(0.85*2039e9); math.Abs(got/want-1) > 1e-9 {
		t.Errorf("copy: %g s, want %g", got, want)
	}
}
