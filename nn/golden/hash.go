package golden

import (
	"fmt"
	"math"
	"regexp"
	"strings"
)

// Family is one of the two families of hash tensors. They differ in the step at which the stream of a key starts, in a factor on the
// weights, and in the distribution of images.
type Family struct {
	Offset uint64  // of the element number
	Gain   float64 // of the variance of weights
	Unit   bool    // images are u in [0,1), not v·√3
}

// UNet is the family of README.md, Perceptual that of README-perceptual.md: LPIPS and Inception.
var (
	UNet       = Family{Offset: 1, Gain: 1}
	Perceptual = Family{Offset: 0, Gain: 2, Unit: true}
)

const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
	golden64  = 0x9E3779B97F4A7C15
)

// FNV is the 64-bit FNV-1a hash of a key.
func FNV(key string) uint64 {
	h := uint64(fnvOffset)
	for _, b := range []byte(key) {
		h = (h ^ uint64(b)) * fnvPrime
	}
	return h
}

// mix is the output function of SplitMix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// each calls f with the 24-bit number k of elements 0 … n−1.
func (h Family) each(key string, n int, f func(i int, k uint64)) {
	s := FNV(key) + h.Offset*golden64
	for i := range n {
		f(i, mix(s)>>40)
		s += golden64
	}
}

// V is v = k/2²³ − 1 of elements 0 … n−1, times a scale, rounded once.
func (h Family) V(key string, scale float64, n int) []float32 {
	x := make([]float32, n)
	h.each(key, n, func(i int, k uint64) { x[i] = float32((float64(k)/(1<<23) - 1) * scale) })
	return x
}

// Input is an image, a noise or a latent: of unit variance, or uniform in [0,1) in the perceptual family.
func (h Family) Input(key string, n int) []float32 {
	if !h.Unit {
		return h.V(key, math.Sqrt(3), n)
	}
	x := make([]float32, n)
	h.each(key, n, func(i int, k uint64) { x[i] = float32(float64(k) / (1 << 24)) })
	return x
}

// Indices are numbers in [0,n).
func (h Family) Indices(key string, count, n int) []int {
	x := make([]int, count)
	h.each(key, count, func(i int, k uint64) { x[i] = int(k * uint64(n) >> 24) })
	return x
}

// scale is the half-width of the weights' distribution, computed in the order of the family's text: it is rounded.
func (h Family) scale(fanIn int) float64 {
	if h.Gain == 1 {
		return math.Sqrt(3 / float64(fanIn))
	}
	return math.Sqrt(3) * math.Sqrt(h.Gain/float64(fanIn))
}

var normWeight = regexp.MustCompile(`norm[0-9]*\.weight$`)

// Weight is the tensor of a state dict with a key and a shape. The key chooses the rule, prefix and key together the stream.
// It panics for a resample filter, which is not hashed: it follows from the network's configuration.
func (h Family) Weight(prefix, key string, shape []int) []float32 {
	n, fanIn := 1, 1
	for i, d := range shape {
		n *= d
		if i > 0 {
			fanIn *= d
		}
	}
	x := make([]float32, n)
	affine := func(a, b float64) []float32 {
		h.each(prefix+key, n, func(i int, k uint64) {
			scaled := b * (float64(k)/(1<<23) - 1)
			x[i] = float32(a + float64(scaled)) // the conversion forbids fusing product and sum
		})
		return x
	}
	switch {
	case strings.HasSuffix(key, "resample_filter"):
		panic(fmt.Errorf("golden: %s is not a hash tensor", key))
	case strings.HasSuffix(key, "map_noise.freqs"), key == "freqs":
		return affine(0, 2)
	case strings.HasSuffix(key, "num_batches_tracked"):
		return x
	case len(shape) >= 2:
		return affine(0, h.scale(fanIn))
	case strings.HasSuffix(key, "running_var"), h.Unit && strings.HasSuffix(key, ".var"):
		h.each(prefix+key, n, func(i int, k uint64) { x[i] = float32(1 + float64(0.5*(float64(k)/(1<<24)))) })
		return x
	case normWeight.MatchString(key), h.Unit && strings.HasSuffix(key, ".weight"):
		return affine(1, 0.1)
	}
	return affine(0, 0.1) // biases, running means
}
