package cuda

import (
	"math"

	"onestep/kernels"
)

// productTile is one of the tiles that products are cut into (kernels/cuda/gen: tiles.go), which names the end of its kernels' entries.
type productTile struct {
	name            string
	m, n            int
	threads, shared int     // of a block; bytes
	speed           float64 // of the multiplications, estimated: the share of the peak that a multiprocessor full of blocks reaches
	resident        int     // blocks that fill it
}

// productKind is how a product is multiplied, which names the middle of its kernels' entries.
type productKind struct {
	name  string
	typ   kernels.DType // of the operands
	macs  float64       // multiply-adds of a multiprocessor in a clock: peak on sm_80
	tiles []productTile
}

func (k productKind) slice() int { return 64 / k.typ.Size() } // elements of k that are in shared memory at a time
func (k productKind) chunk() int { return 16 / k.typ.Size() } // elements that are copied at a time

var (
	productFloat32 = productKind{"f32", kernels.F32, 64, []productTile{
		{name: "128x128", m: 128, n: 128, threads: 256, shared: 4 * 256 * 64, speed: 0.85, resident: 1},
		{name: "64x64", m: 64, n: 64, threads: 64, shared: 3 * 128 * 64, speed: 0.7, resident: 4},
		{name: "128x32", m: 128, n: 32, threads: 64, shared: 3 * 160 * 64, speed: 0.7, resident: 4},
	}}
	productTF32 = productKind{"tf32", kernels.F32, 512, []productTile{
		{name: "128x128", m: 128, n: 128, threads: 128, shared: 4 * 256 * 64, speed: 0.7, resident: 2},
		{name: "64x64", m: 64, n: 64, threads: 128, shared: 4 * 128 * 64, speed: 0.4, resident: 4},
	}}
	productHalf = productKind{"f16_tc", kernels.F16, 1024, []productTile{
		{name: "256x128", m: 256, n: 128, threads: 256, shared: 4 * 384 * 64, speed: 0.85, resident: 1},
		{name: "128x128", m: 128, n: 128, threads: 128, shared: 4 * 256 * 64, speed: 0.8, resident: 2},
		{name: "256x64", m: 256, n: 64, threads: 128, shared: 4 * 320 * 64, speed: 0.75, resident: 2},
		{name: "64x64", m: 64, n: 64, threads: 128, shared: 4 * 128 * 64, speed: 0.45, resident: 4},
		{name: "128x16", m: 128, n: 16, threads: 128, shared: 4 * 144 * 64, speed: 0.28, resident: 4},
	}}
)

// productPlan is how a product is launched: so many blocks share the sum of a tile, each taking a run of slices.
type productPlan struct {
	tile        productTile
	splits, run int
}

// planProduct chooses the plan of the least predicted time for an m×n product of so many slices, on so many multiprocessors, among the tiles of
// those that the operation has a kernel for. vector says whether C's place allows stores of 16 bytes; direct, whether the kernel can store C itself or another must
// finish it anyway. The busiest multiprocessor sets the time: it makes its blocks' slices one after the other, and start and end of a block
// take some time too.
func planProduct(k productKind, has func(productTile) bool, m, n, slices, sms int, vector, direct bool) productPlan {
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
	for _, t := range k.tiles {
		if !has(t) {
			continue
		}
		tiles := ceil(m, t.m) * ceil(n, t.n)
		most := max(1, min(slices/minRun, ceil(4*sms, tiles), maxSplits))
		for splits := 1; splits <= most; splits++ {
			p := productPlan{tile: t, run: ceil(slices, splits)}
			p.splits = ceil(slices, p.run)
			alone := p.splits == 1 && direct
			if p.splits != splits {
				continue
			}
			slice := float64(t.m*t.n*k.slice()) / (k.macs * t.speed)
			blocks := float64(ceil(tiles*splits, sms))
			ends := blockClocks
			if alone && !vector {
				ends += elementClocks * float64(t.m*t.n/t.threads)
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
