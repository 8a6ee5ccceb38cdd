package chip

import "math"

// Work is what a launch asks of a GPU. The figures of a block are means over the grid.
type Work struct {
	Grid      int       // blocks
	Warps     int       // of a block
	Occupancy Occupancy // Blocks is 1 at least

	// Of a block: instructions of warps, all of them and by the unit that does them, and what the units move.
	Issue, Int, FP32, FP64, Special float64
	Matrix                          float64 // FLOPs of tensor cores
	MatrixPeak                      float64 // of the whole chip, FLOP/s; 0: TensorF16
	Wavefronts                      float64 // of shared memory, 128 bytes each
	Sectors                         float64 // of global memory, 32 bytes each, as threads ask for them
	Loads, Syncs                    float64 // instructions of warps: loads from global memory that are waited for; barriers, shuffles and the like

	DRAM float64 // bytes of the whole launch
}

// Prediction is a time and what sets it.
type Prediction struct {
	Seconds float64
	Limit   string // the name of a unit; "latency", "L2", "DRAM" or "launch"
}

// The assumptions of [Chip.Predict]. None was measured here.
const (
	launchSeconds  = 1.5e-6 // assumed: from the end of a kernel to the start of the next in a graph
	sustainedUnit  = 0.9    // assumed: the share of its peak that the busiest unit of a multiprocessor reaches while others take their turns
	sustainedDRAM  = 0.85   // assumed: the share of a memory's bandwidth that long copies reach
	sustainedL2    = 0.65   // assumed
	endClocks      = 1200.0 // assumed: from a block's start to its first numbers, and from its last ones to its end: twice the latency of memory
	issueClocks    = 2.0    // assumed: between two instructions of one warp, of which about half depend on the one before, 4 clocks earlier
	loadClocks     = 600.0  // assumed: the latency of global memory
	loadsAtOnce    = 4.0    // assumed: loads of a warp that are under way side by side
	syncClocks     = 30.0   // assumed: the latency of a barrier or shuffle
	issuePerClock  = 4.0    // warp schedulers of a multiprocessor [a100] [h100]
	specialLanes   = 16.0   // of ex2, rcp and conversions [guide]
	sectorsPerTick = 2.0    // from the L2 to a multiprocessor: 64 bytes a clock [a100]
)

// Predict is the least time that the chip's published rates allow, made longer by assumptions. With u the clocks that a block keeps the busiest
// unit of its multiprocessor busy, n = ⌈Grid/SMs⌉ blocks for the busiest multiprocessor in rounds of r = Occupancy.Blocks,
//
//	T = launch + ends + max( SM, L2, DRAM )
//	SM = max( n·u/0.9, ⌈n/r⌉·chain ) + ends·(⌈n/r⌉ − 1)/r
//	chain = 2·Issue/Warps + 30·Syncs/Warps + 600·Loads/(4·Warps)      one warp's way through its block, whatever else goes on
//
// An instruction of PTX counts as one of the machine; what a multiprocessor's first-level cache saves is not seen. The figures and where they come
// from stand above.
func (c Chip) Predict(w Work) Prediction {
	peak := w.MatrixPeak
	if peak == 0 {
		peak = c.TensorF16
	}
	units := []struct {
		name   string
		clocks float64
	}{
		{"tensor", w.Matrix / (peak / float64(c.SMs) / c.Clock)},
		{"issue", w.Issue / issuePerClock},
		{"fp32", w.FP32 * 32 / float64(c.FP32Lanes)},
		{"integer", w.Int * 32 / float64(c.IntLanes)},
		{"fp64", w.FP64 * 32 / float64(c.FP64Lanes)},
		{"special", w.Special * 32 / specialLanes},
		{"shared", w.Wavefronts},
		{"L1", w.Sectors / sectorsPerTick},
	}
	busiest := units[0]
	for _, u := range units {
		if u.clocks > busiest.clocks {
			busiest = u
		}
	}
	n := math.Ceil(float64(w.Grid) / float64(c.SMs))
	r := math.Min(n, float64(max(1, w.Occupancy.Blocks)))
	rounds, warps := math.Ceil(n/r), float64(w.Warps)
	chain := (issueClocks*w.Issue + syncClocks*w.Syncs + loadClocks/loadsAtOnce*w.Loads) / warps

	p := Prediction{n * busiest.clocks / sustainedUnit, busiest.name}
	longest := func(clocks float64, name string) {
		if clocks > p.Seconds {
			p = Prediction{clocks, name}
		}
	}
	longest(rounds*chain, "latency")
	p.Seconds += endClocks * (rounds - 1) / r
	longest(float64(w.Grid)*w.Sectors*32/(c.L2*sustainedL2)*c.Clock, "L2")
	longest(w.DRAM/(c.DRAM*sustainedDRAM)*c.Clock, "DRAM")
	p.Seconds /= c.Clock
	if around := launchSeconds + endClocks/c.Clock; p.Seconds < around {
		return Prediction{around + p.Seconds, "launch"}
	}
	p.Seconds += launchSeconds + endClocks/c.Clock
	return p
}

// PredictCopy is the time of a copy or fill that reads and writes so many bytes of the chip's memory.
func (c Chip) PredictCopy(bytes float64) Prediction {
	return Prediction{launchSeconds + bytes/(c.DRAM*sustainedDRAM), "DRAM"}
}
