package pid

import "math"

// Levels is the grid of noise levels [karras22]:
//
//	t(i) = ( σ_max^(1/ρ) + i/(N−1)·( σ_min^(1/ρ) − σ_max^(1/ρ) ) )^ρ,   i = 0 … N−1
//
// from the most noise to the least.
type Levels struct {
	N                  int
	SigmaMin, SigmaMax float64
	Rho                float64
}

// EDMLevels are the levels of all EDM models, with n grid points.
func EDMLevels(n int) Levels { return Levels{N: n, SigmaMin: sigmaMin, SigmaMax: sigmaMax, Rho: 7} }

// At is t(i) in float64.
func (l Levels) At(i int) float64 {
	hi, lo := math.Pow(l.SigmaMax, 1/l.Rho), math.Pow(l.SigmaMin, 1/l.Rho)
	return math.Pow(hi+float64(i)/float64(l.N-1)*(lo-hi), l.Rho)
}

// Pair is the level of grid point i and its neighbour's: the next one or, at the last point, the one before.
//
// Deviation: the reference computes levels in float32, so its t(0) is 79.9999847; here they are float64 until they become coefficients.
// TestGoldenSchedules holds them within the reference's rounding.
func (l Levels) Pair(i int) (t, s float64) {
	j := i + 1
	if i == l.N-1 {
		j = i - 1
	}
	return l.At(i), l.At(j)
}

// Steps are the levels of an n-step sampler, followed by 0. A single step starts at σ_max.
func (l Levels) Steps(n int) []float64 {
	l.N = n
	ts := make([]float64, n+1)
	for i := range n {
		if ts[i] = l.SigmaMax; n > 1 {
			ts[i] = l.At(i)
		}
	}
	return ts
}
