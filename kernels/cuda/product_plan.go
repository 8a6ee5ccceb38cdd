package cuda

import "math"

// productPlan is how a product is launched: so many blocks share the sum of a tile, each taking a run of slices.
type productPlan struct {
	tile        tile
	splits, run int
}

// planProduct chooses the plan of the least predicted time for an m×n product of so many slices, on so many multiprocessors, among some tiles.
// vector says whether C's place allows stores of 16 bytes; direct, whether the kernel can store C itself or another must finish it anyway. The
// busiest multiprocessor sets the time: it makes its blocks' slices one after the other, and start and end of a block take some time too.
func planProduct(tiles []tile, m, n, slices, sms int, vector, direct bool) productPlan {
	const (
		blockClocks   = 2000.0 // start and end of a block, half of it hidden behind others
		elementClocks = 30.0   // to store C element by element, of each that a thread stores
		reduceClocks  = 3300.0 // a launch and its ends (kernels/cuda/chip: Predict)
		reduceBytes   = 1230.0 // a clock, of the whole GPU: 85 % of its DRAM
		minRun        = 2      // slices that are worth a block
		idle          = 0.35   // how waits show where fewer blocks are there to hide them
	)
	var best productPlan
	least := 0.0
	for _, t := range tiles {
		blocksOfC := ceil(m, t.m) * ceil(n, t.n)
		most := max(1, min(slices/minRun, ceil(4*sms, blocksOfC), maxSplits))
		for splits := 1; splits <= most; splits++ {
			p := productPlan{tile: t, run: ceil(slices, splits)}
			p.splits = ceil(slices, p.run)
			alone := p.splits == 1 && direct
			if p.splits != splits {
				continue
			}
			slice := float64(t.m*t.n*t.slice()) / (t.macs() * t.speed)
			blocks := float64(ceil(blocksOfC*splits, sms))
			ends := blockClocks
			if alone && !vector {
				ends += elementClocks * float64(t.m*t.n/t.threads())
			}
			wait := math.Pow(max(1, float64(t.resident)/blocks), idle)
			clocks := blocks * (float64(p.run)*slice*wait + ends)
			if !alone {
				clocks += reduceClocks + float64(m*n*(4*splits+4))/reduceBytes
			}
			if least == 0 || clocks < least {
				best, least = p, clocks
			}
		}
	}
	return best
}

// maxSplits bounds the scratch memory of a split sum to so many times C.
const maxSplits = 64
