package metrics

import (
	"fmt"
	"math"

	"onestep/tensor"
)

// KernelDistance is the unbiased squared maximum mean discrepancy of two sets under the kernel (u·v/D + 1)³ [binkowski18]: the mean over
// subsets of the given size, drawn by the seed without replacement, and its standard deviation over subsets. The usual numbers are 100
// subsets of 1000. It may be below zero.
func KernelDistance(d *tensor.Device, a, b Features, subsets, size int, seed uint64) (mean, deviation float64, err error) {
	size = min(size, a.N, b.N)
	if a.D != b.D || subsets < 1 || size < 2 {
		return 0, 0, fmt.Errorf("metrics: kernel distance of %d and %d vectors of %d and %d features, %d subsets", a.N, b.N, a.D, b.D, subsets)
	}
	defer tensor.Recover(&err)
	r := tensor.Random{Seed: seed}
	values := make([]float64, subsets)
	for s := range values {
		x := a.subset(r.Perm(a.N, tensor.Data, uint64(2*s))[:size])
		y := b.subset(r.Perm(b.N, tensor.Data, uint64(2*s+1))[:size])
		n := float64(size)
		values[s] = kernelSum(d, x, x, true)/(n*(n-1)) + kernelSum(d, y, y, true)/(n*(n-1)) - 2*kernelSum(d, x, y, false)/(n*n)
		mean += values[s] / float64(subsets)
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean) / float64(subsets)
	}
	return mean, math.Sqrt(deviation), nil
}

func (f Features) subset(rows []int32) Features {
	s := Features{N: len(rows), D: f.D}
	for _, i := range rows {
		s.X = append(s.X, f.X[int(i)*f.D:(int(i)+1)*f.D]...)
	}
	return s
}

// kernelSum is the sum of the kernel over all pairs, or over those of different numbers.
func kernelSum(d *tensor.Device, a, b Features, skipSame bool) (sum float64) {
	for i, p := range dots(d, a.X, b.X, a.N, b.N, a.D) {
		if skipSame && i/b.N == i%b.N {
			continue
		}
		k := float64(p)/float64(a.D) + 1
		sum += k * k * k
	}
	return sum
}
