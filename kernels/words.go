package kernels

import "math"

// Buffers hold 32-bit words that most operations read as float32. Where a formula says so, two words are the bits of a 64-bit number, the
// low half first; such buffers begin at a multiple of 8 bytes.

// PutUint64 writes an integer into the first two words.
func PutUint64(dst []float32, v uint64) {
	dst[0], dst[1] = math.Float32frombits(uint32(v)), math.Float32frombits(uint32(v>>32))
}

// Uint64 reads what PutUint64 wrote.
func Uint64(src []float32) uint64 {
	return uint64(math.Float32bits(src[1]))<<32 | uint64(math.Float32bits(src[0]))
}

// PutFloat64 writes a float64 into the first two words.
func PutFloat64(dst []float32, v float64) { PutUint64(dst, math.Float64bits(v)) }

// Float64 reads what PutFloat64 wrote.
func Float64(src []float32) float64 { return math.Float64frombits(Uint64(src)) }
