package metrics

import (
	"fmt"
	"slices"

	"onestep/autograd"
	"onestep/tensor"
)

// Features are feature vectors, (N,D) row-major.
type Features struct {
	N, D int
	X    []float32
}

const distanceBlock = 2048 // rows and columns of distances at a time

// PrecisionRecall are [kynkaanniemi19] the share of samples that lie within the reference's manifold and the share of references within the
// samples', where a set's manifold is the union of balls around its points that reach to the point's k-th nearest neighbour, the border
// included. The usual k is 3. Products are taken on the device in float32, distances in float64:
//
//	D(u,v) = max(0, |u|² − 2u·v + |v|²)
func PrecisionRecall(d *tensor.Device, ref, sample Features, k int) (precision, recall float64, err error) {
	switch {
	case ref.D != sample.D:
		return 0, 0, fmt.Errorf("metrics: precision of %d features against %d", sample.D, ref.D)
	case k < 1 || ref.N <= k || sample.N <= k:
		return 0, 0, fmt.Errorf("metrics: precision with k = %d of %d samples against %d", k, sample.N, ref.N)
	}
	defer tensor.Recover(&err)
	refRadii, sampleRadii := radii(d, ref, k), radii(d, sample, k)
	inRef, inSample := make([]bool, sample.N), make([]bool, ref.N)
	distances(d, ref, sample, func(i, first int, row []float64) {
		for j, dist := range row {
			inRef[first+j] = inRef[first+j] || dist <= refRadii[i]
			inSample[i] = inSample[i] || dist <= sampleRadii[first+j]
		}
	})
	return share(inRef), share(inSample), nil
}

// radii is the squared distance of every point to its k-th nearest neighbour other than itself.
func radii(d *tensor.Device, f Features, k int) []float64 {
	nearest := make([][]float64, f.N) // the k+1 smallest so far, the point itself among them
	distances(d, f, f, func(i, _ int, row []float64) {
		slices.Sort(row)
		both := append(nearest[i], row[:min(len(row), k+1)]...)
		slices.Sort(both)
		nearest[i] = slices.Clone(both[:min(len(both), k+1)])
	})
	r := make([]float64, f.N)
	for i, ds := range nearest {
		r[i] = ds[k]
	}
	return r
}

// distances calls each with parts of the rows of the matrix of squared distances: D(a_i, b_first), D(a_i, b_first+1), …, which each may
// change.
func distances(d *tensor.Device, a, b Features, each func(i, first int, row []float64)) {
	na, nb := squares(a), squares(b)
	row := make([]float64, distanceBlock)
	for i0 := 0; i0 < a.N; i0 += distanceBlock {
		n := min(distanceBlock, a.N-i0)
		for j0 := 0; j0 < b.N; j0 += distanceBlock {
			m := min(distanceBlock, b.N-j0)
			products := dots(d, a.X[i0*a.D:(i0+n)*a.D], b.X[j0*b.D:(j0+m)*b.D], n, m, a.D)
			for i := range n {
				for j := range m {
					row[j] = max(0, na[i0+i]-2*float64(products[i*m+j])+nb[j0+j])
				}
				each(i0+i, j0, row[:m])
			}
		}
	}
}

// dots is the matrix of inner products, (n,m).
func dots(d *tensor.Device, a, b []float32, n, m, features int) (products []float32) {
	turned := make([]float32, len(b)) // (features,m)
	for j := range m {
		for c := range features {
			turned[c*m+j] = b[j*features+c]
		}
	}
	d.Scope(func() []*tensor.Tensor {
		x, w := autograd.Const(d.FromFloat32(a, n, features)), autograd.Const(d.FromFloat32(turned, features, m))
		products = autograd.Linear(x, w, nil).Value.Float32s()
		return nil
	})
	return products
}

func squares(f Features) []float64 {
	s := make([]float64, f.N)
	for i := range s {
		for _, v := range f.X[i*f.D : (i+1)*f.D] {
			s[i] += float64(v) * float64(v)
		}
	}
	return s
}

func share(in []bool) float64 {
	n := 0
	for _, b := range in {
		if b {
			n++
		}
	}
	return float64(n) / float64(len(in))
}
