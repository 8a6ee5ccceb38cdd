package kernelstest

import (
	"sync"
	"time"

	"onestep/kernels"
)

var peakOf = struct {
	sync.Mutex
	flops map[peakKey]float64
}{flops: map[peakKey]float64{}}

type peakKey struct {
	isa     kernels.ISA
	threads int
}

// Peak is the rate, in GFLOP/s, of nothing but independent fused multiply-adds on all threads of d at its instruction
// level: no product can be faster. It is measured, best of several, at the first call for such a device.
func Peak(d *kernels.CPU) float64 {
	peakOf.Lock()
	defer peakOf.Unlock()
	k := peakKey{d.ISA(), d.Threads()}
	if peakOf.flops[k] == 0 {
		peakOf.flops[k] = measurePeak(d)
	}
	return peakOf.flops[k]
}

func measurePeak(d *kernels.CPU) float64 {
	const turns = 20_000 // about 30 µs a task
	tasks := 16 * d.Threads()
	best := 0.0
	for begun := time.Now(); time.Since(begun) < 300*time.Millisecond; { // longer than another process's burst
		start := time.Now()
		d.For(tasks, func(_, _ int) { fma(d.ISA(), turns) })
		flop := float64(tasks) * float64(turns*fmaTurn(d.ISA()))
		best = max(best, flop/float64(time.Since(start).Nanoseconds()))
	}
	return best
}

// CopyBandwidth is the rate, in GB/s read plus written, of copying buffers much larger than the caches on all threads of d.
func CopyBandwidth(d *kernels.CPU) float64 {
	const n = 1 << 24 // floats
	x, y := d.Alloc(kernels.F32, n), d.Alloc(kernels.F32, n)
	defer d.Free(x)
	defer d.Free(y)
	for i := range x.F32 { // memory that was never written is one page of zeros, which the cache holds
		x.F32[i], y.F32[i] = 1, 1
	}
	const chunk = 1 << 18
	best := 0.0
	for range 6 {
		start := time.Now()
		d.For(n/chunk, func(_, i int) { copy(y.F32[i*chunk:][:chunk], x.F32[i*chunk:][:chunk]) })
		best = max(best, 8*n/float64(time.Since(start).Nanoseconds()))
	}
	return best
}
