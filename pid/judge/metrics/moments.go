package metrics

import (
	"fmt"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// momentBlock is how many vectors are gathered before the matrix of products is visited.
const momentBlock = 64

// Moments gathers the mean and the covariance of feature vectors in float64, by the sums Σf and Σffᵀ that EDM's evaluation keeps. Every
// element is summed in the order of the vectors, so neither the sizes of batches nor the number of threads changes a bit.
type Moments struct {
	N, D     int
	sum      []float64   // (D)
	products []float64   // (D,D), upper triangle
	waiting  [][]float64 // vectors not yet in products
}

// NewMoments starts with no vectors of d features.
func NewMoments(d int) *Moments {
	return &Moments{D: d, sum: make([]float64, d), products: make([]float64, d*d)}
}

// Add counts vectors, (n,D) row-major. It panics if features is not a whole number of vectors.
func (m *Moments) Add(features []float32) {
	if len(features)%m.D != 0 {
		panic(fmt.Errorf("metrics: %d numbers are no vectors of %d features", len(features), m.D))
	}
	for ; len(features) > 0; features = features[m.D:] {
		f := make([]float64, m.D)
		for i := range f {
			f[i] = float64(features[i])
			m.sum[i] += f[i]
		}
		m.N++
		if m.waiting = append(m.waiting, f); len(m.waiting) == momentBlock {
			m.flush()
		}
	}
}

// flush adds the products of the waiting vectors, each row of the matrix by one goroutine.
func (m *Moments) flush() {
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < m.D; i += workers {
				row := blas64.Vector{N: m.D - i, Data: m.products[i*m.D+i : (i+1)*m.D], Inc: 1}
				for _, f := range m.waiting {
					blas64.Axpy(f[i], blas64.Vector{N: m.D - i, Data: f[i:], Inc: 1}, row)
				}
			}
		})
	}
	wg.Wait()
	m.waiting = m.waiting[:0]
}

// Gaussian is the mean and the covariance of the vectors so far:
//
//	μ = Σf/n,   Σ = (Σffᵀ − n·μμᵀ)/(n−1)
//
// It is an error to ask for it with less than two vectors.
func (m *Moments) Gaussian() (Gaussian, error) {
	if m.N < 2 {
		return Gaussian{}, fmt.Errorf("metrics: a covariance of %d images", m.N)
	}
	m.flush()
	g := Gaussian{Mu: make([]float64, m.D), Sigma: mat.NewSymDense(m.D, nil)}
	n := float64(m.N)
	for i, s := range m.sum {
		g.Mu[i] = s / n
	}
	for i := range m.D {
		for j := i; j < m.D; j++ {
			g.Sigma.SetSym(i, j, (m.products[i*m.D+j]-n*g.Mu[i]*g.Mu[j])/(n-1))
		}
	}
	return g, nil
}
