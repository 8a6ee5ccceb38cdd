package metrics

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/gonum"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
)

// Gaussian is what is known of a set of features: their mean (D) and covariance (D,D).
type Gaussian struct {
	Mu    []float64
	Sigma *mat.SymDense
}

// FrechetDistance is that of two Gaussians [heusel17]:
//
//	|μ₁−μ₂|² + Tr( Σ₁ + Σ₂ − 2·(Σ₁Σ₂)^½ )
//
// With Σ₂ = LLᵀ, by a pivoted Cholesky factorisation that stops at Σ₂'s rank, the eigenvalues of Σ₁Σ₂ other than zero are those of the
// symmetric matrix LᵀΣ₁L, so the result is real for singular covariances too. It may be below zero by rounding.
func FrechetDistance(a, b Gaussian) (float64, error) {
	f, err := newFrechet(a, b)
	if err != nil {
		return 0, err
	}
	return f.distance(), nil
}

// frechet is the distance of two Gaussians taken apart.
type frechet struct {
	mean, trace float64   // |μ₁−μ₂|², Tr Σ₁ + Tr Σ₂
	values      []float64 // of LᵀΣ₁L, not below zero

	// LᵀΣ₁L = Q·T·Qᵀ, T tridiagonal
	root           *mat.Dense // L (D,rank); nil if the rank is 0
	diagonal, next []float64  // of T
	reflectors     *mat.Dense // what Q is the product of, as LAPACK keeps them: below the diagonal, with tau
	tau            []float64
}

func newFrechet(a, b Gaussian) (*frechet, error) {
	d := len(a.Mu)
	if len(b.Mu) != d || a.Sigma.SymmetricDim() != d || b.Sigma.SymmetricDim() != d {
		return nil, fmt.Errorf("metrics: Fréchet distance: means of %d and %d features, covariances of %d and %d",
			d, len(b.Mu), a.Sigma.SymmetricDim(), b.Sigma.SymmetricDim())
	}
	f := &frechet{trace: mat.Trace(a.Sigma) + mat.Trace(b.Sigma)}
	for i, m := range a.Mu {
		f.mean += (m - b.Mu[i]) * (m - b.Mu[i])
	}
	if total := f.mean + f.trace; math.IsNaN(total) || math.IsInf(total, 0) {
		return nil, fmt.Errorf("metrics: Fréchet distance: mean or covariance is not finite")
	}
	room := mat.NewDense(d, d, nil)
	if f.root = root(b.Sigma, room); f.root == nil {
		return f, nil
	}
	if f.tridiagonalise(a.Sigma, room); !f.eigenvalues() {
		return nil, fmt.Errorf("metrics: Fréchet distance: the eigenvalues do not converge")
	}
	return f, nil
}

func (f *frechet) distance() float64 { return f.mean + f.trace - 2*f.rootTrace() }

// rootTrace is Tr (Σ₁Σ₂)^½.
func (f *frechet) rootTrace() (sum float64) {
	for _, v := range f.values {
		sum += math.Sqrt(v)
	}
	return sum
}

// root is L (D,rank) with LLᵀ = s, or nil if s is zero. It leaves nothing of use in room (D,D).
func root(s *mat.SymDense, room *mat.Dense) *mat.Dense {
	room.Copy(s)
	d, data := s.SymmetricDim(), room.RawMatrix()
	pivots := make([]int, d)
	upper := blas64.Symmetric{Uplo: blas.Upper, N: d, Data: data.Data, Stride: data.Stride}
	_, rank, _ := lapack64.Pstrf(upper, pivots, -1, make([]float64, 2*d)) // PᵀsP = UᵀU up to the rank at working precision
	if rank == 0 {
		return nil
	}
	l := mat.NewDense(d, rank, nil) // P·Uᵀ, its first rank columns
	for j := range rank {
		for i := j; i < d; i++ {
			l.Set(pivots[i], j, room.At(j, i))
		}
	}
	return l
}

// tridiagonalise makes Q and T of LᵀΣL, the reflectors in room (D,D).
func (f *frechet) tridiagonalise(sigma *mat.SymDense, room *mat.Dense) {
	room.Copy(sigma) // products of symmetric matrices are slow
	var product mat.Dense
	product.Mul(room, f.root)
	_, n := f.root.Dims()
	inner := mat.NewDense(n, n, room.RawMatrix().Data[:n*n])
	inner.Mul(f.root.T(), &product)
	m := inner.RawMatrix()
	for i := range n {
		for j := range i {
			m.Data[i*n+j] = (m.Data[i*n+j] + m.Data[j*n+i]) / 2
		}
	}
	f.reflectors = inner
	f.diagonal, f.next, f.tau = make([]float64, n), make([]float64, n-1), make([]float64, n-1)
	work := make([]float64, 64*n)
	gonum.Implementation{}.Dsytrd(blas.Lower, n, m.Data, m.Stride, f.diagonal, f.next, f.tau, work, len(work))
}

// eigenvalues finds those of T.
func (f *frechet) eigenvalues() bool {
	f.values = append([]float64(nil), f.diagonal...)
	if !(gonum.Implementation{}.Dsterf(len(f.values), f.values, append([]float64(nil), f.next...))) {
		return false
	}
	for i, v := range f.values {
		f.values[i] = max(0, v)
	}
	return true
}
