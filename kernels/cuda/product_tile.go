package cuda

import "onestep/kernels"

// arithmetic is how a product is multiplied.
type arithmetic uint8

const (
	ffma   arithmetic = iota // float32, one product at a time
	tf32                     // tensor cores on float32 rounded to TF32
	tensor                   // tensor cores on halves
)

// String is the part of a kernel's name that says how it multiplies.
func (a arithmetic) String() string { return [...]string{"f32", "tf32", "f16_tc"}[a] }

// typ is the operands' type.
func (a arithmetic) typ() kernels.DType {
	return [...]kernels.DType{kernels.F32, kernels.F32, kernels.F16}[a]
}

// macs is the multiply-adds of a multiprocessor in a clock: peak on sm_80.
func (a arithmetic) macs() float64 { return [...]float64{64, 512, 1024}[a] }

// Of an operand, slices of 64 bytes of k are in shared memory at a time, which are copied in chunks of 16 bytes.
func (a arithmetic) slice() int { return 64 / a.typ().Size() } // elements
func (a arithmetic) chunk() int { return 16 / a.typ().Size() } // elements

// tile is how a product is cut. A block makes m×n of C from slices of A and B, of which a ring of stages is in shared memory; every warp makes
// wm×wn of it.
type tile struct {
	arithmetic
	name         string // the end of the kernels' names
	m, n, wm, wn int
	stages       int
	blocks       int // resident on a multiprocessor, that the assembler is to keep registers for; 0: as it likes

	speed    float64 // of the multiplications, estimated: the share of the peak that a multiprocessor full of blocks reaches
	resident int     // blocks that fill it
}

func (t tile) threads() int    { return t.m / t.wm * (t.n / t.wn) * 32 }
func (t tile) stageBytes() int { return (t.m + t.n) * 64 }
func (t tile) shared() int     { return t.stages * t.stageBytes() } // bytes

// The tiles that products are cut into. Where nothing else is said they hold their two blocks, or one of 256 threads, on a multiprocessor.
var (
	f32Large = tile{name: "128x128", arithmetic: ffma, m: 128, n: 128, wm: 32, wn: 64, stages: 4, speed: 0.85, resident: 1}
	// Left alone, ptxas aims at five blocks and spills.
	f32Small  = tile{name: "64x64", arithmetic: ffma, m: 64, n: 64, wm: 32, wn: 64, stages: 3, blocks: 4, speed: 0.7, resident: 4}
	f32Thin   = tile{name: "128x32", arithmetic: ffma, m: 128, n: 32, wm: 64, wn: 32, stages: 3, speed: 0.7, resident: 4} // for few channels
	tf32Large = tile{name: "128x128", arithmetic: tf32, m: 128, n: 128, wm: 64, wn: 64, stages: 4, speed: 0.7, resident: 2}
	tf32Small = tile{name: "64x64", arithmetic: tf32, m: 64, n: 64, wm: 32, wn: 32, stages: 4, blocks: 4, speed: 0.4, resident: 4}
	// One block: fewest bytes from the second-level cache.
	f16Wide   = tile{name: "256x128", arithmetic: tensor, m: 256, n: 128, wm: 64, wn: 64, stages: 4, speed: 0.85, resident: 1}
	f16Large  = tile{name: "128x128", arithmetic: tensor, m: 128, n: 128, wm: 64, wn: 64, stages: 4, speed: 0.8, resident: 2}
	f16Narrow = tile{name: "256x64", arithmetic: tensor, m: 256, n: 64, wm: 64, wn: 64, stages: 4, speed: 0.75, resident: 2}
	f16Small  = tile{name: "64x64", arithmetic: tensor, m: 64, n: 64, wm: 32, wn: 32, stages: 4, speed: 0.45, resident: 4}
	f16Thin   = tile{name: "128x16", arithmetic: tensor, m: 128, n: 16, wm: 32, wn: 16, stages: 4, speed: 0.28, resident: 4} // for a few channels

	allTiles = []tile{f32Large, f32Small, f32Thin, tf32Large, tf32Small, f16Wide, f16Large, f16Narrow, f16Small, f16Thin}
)
