package metrics

import (
	"fmt"
	"math"

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
// With Σ₁ = LLᵀ, by a pivoted Cholesky factorisation that stops at Σ₁'s rank, the eigenvalues of Σ₁Σ₂ other than zero are those of the
// symmetric matrix LᵀΣ₂L, so the result is real for singular covariances too. It may be below zero by rounding.
func FrechetDistance(a, b Gaussian) (float64, error) {
	d := len(a.Mu)
	if len(b.Mu) != d || a.Sigma.SymmetricDim() != d || b.Sigma.SymmetricDim() != d {
		return 0, fmt.Errorf("metrics: Fréchet distance: means of %d and %d features, covariances of %d and %d",
			d, len(b.Mu), a.Sigma.SymmetricDim(), b.Sigma.SymmetricDim())
	}
	var mean float64
	for i, m := range a.Mu {
		mean += (m - b.Mu[i]) * (m - b.Mu[i])
	}
	trace := mat.Trace(a.Sigma) + mat.Trace(b.Sigma)
	if total := mean + trace; math.IsNaN(total) || math.IsInf(total, 0) {
		return 0, fmt.Errorf("metrics: Fréchet distance: mean or covariance is not finite")
	}
	roots, err := traceRoot(a.Sigma, b.Sigma)
	return mean + trace - 2*roots, err
}

// traceRoot is Tr (AB)^½ of two positive semidefinite matrices.
func traceRoot(a, b *mat.SymDense) (float64, error) {
	d := a.SymmetricDim()
	var chol mat.PivotedCholesky
	chol.Factorize(a, -1) // PᵀAP = UᵀU up to the rank at working precision
	rank := chol.Rank()
	if rank == 0 {
		return 0, nil
	}
	var u mat.TriDense
	chol.UTo(&u)
	pivots := chol.ColumnPivots(nil)
	l := mat.NewDense(d, rank, nil) // P·Uᵀ, its first rank columns
	for j := range rank {
		for i := j; i < d; i++ {
			l.Set(pivots[i], j, u.At(j, i))
		}
	}
	var bl, inner mat.Dense
	bl.Mul(b, l)
	inner.Mul(l.T(), &bl)
	sym := mat.NewSymDense(rank, nil)
	for i := range rank {
		for j := i; j < rank; j++ {
			sym.SetSym(i, j, (inner.At(i, j)+inner.At(j, i))/2)
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(sym, false) {
		return 0, fmt.Errorf("metrics: Fréchet distance: the eigenvalues do not converge")
	}
	var sum float64
	for _, v := range eig.Values(nil) {
		sum += math.Sqrt(max(0, v))
	}
	return sum, nil
}
