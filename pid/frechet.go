package pid

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Stats are the mean and covariance of feature vectors, gathered in float64 one vector at a time.
type Stats struct {
	N     int
	Mean  []float64 // (D)
	scale []float64 // (D,D) upper triangle of Σ (f−mean)(f−mean)ᵀ
	delta []float64
}

// Add counts one feature vector (Welford's update, which needs no second pass and does not cancel).
func (s *Stats) Add(f []float32) {
	d := len(f)
	if s.N == 0 {
		s.Mean, s.scale, s.delta = make([]float64, d), make([]float64, d*d), make([]float64, d)
	}
	s.N++
	for i, v := range f {
		s.delta[i] = float64(v) - s.Mean[i]
		s.Mean[i] += s.delta[i] / float64(s.N)
	}
	w := float64(s.N-1) / float64(s.N)
	for i, a := range s.delta {
		row := s.scale[i*d : (i+1)*d]
		for j := i; j < d; j++ {
			row[j] += w * a * s.delta[j]
		}
	}
}

// Covariance divides by N−1.
func (s *Stats) Covariance() *mat.SymDense {
	d := len(s.Mean)
	c := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			c.SetSym(i, j, s.scale[i*d+j]/float64(max(1, s.N-1)))
		}
	}
	return c
}

// FrechetDistance is that of two Gaussians [heusel17]:
//
//	|μ₁−μ₂|² + Tr( S₁ + S₂ − 2·(S₁^½·S₂·S₁^½)^½ )
//
// The root is taken through symmetric eigenvalues, so the result is real for singular covariances too.
func FrechetDistance(mu1 []float64, s1 *mat.SymDense, mu2 []float64, s2 *mat.SymDense) (float64, error) {
	d := len(mu1)
	if len(mu2) != d || s1.SymmetricDim() != d || s2.SymmetricDim() != d {
		return 0, fmt.Errorf("pid: Fréchet distance: means of %d and %d features, covariances of %d and %d", d, len(mu2), s1.SymmetricDim(), s2.SymmetricDim())
	}
	var mean float64
	for i, m := range mu1 {
		mean += (m - mu2[i]) * (m - mu2[i])
	}
	var eig mat.EigenSym
	if !eig.Factorize(s1, true) {
		return 0, fmt.Errorf("pid: Fréchet distance: no eigenvalues of the first covariance: it is not finite")
	}
	// root = S₁^½ = V·√Λ·Vᵀ
	var v, scaled, root, inner, product mat.Dense
	eig.VectorsTo(&v)
	scaled.CloneFrom(&v)
	for j, l := range eig.Values(nil) {
		for i := range d {
			scaled.Set(i, j, v.At(i, j)*math.Sqrt(max(0, l)))
		}
	}
	root.Mul(&scaled, v.T())
	product.Mul(&root, s2)
	inner.Mul(&product, &root)
	sym := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			sym.SetSym(i, j, (inner.At(i, j)+inner.At(j, i))/2)
		}
	}
	if !eig.Factorize(sym, false) {
		return 0, fmt.Errorf("pid: Fréchet distance: no eigenvalues of the second covariance: it is not finite")
	}
	trace := mat.Trace(s1) + mat.Trace(s2)
	for _, l := range eig.Values(nil) {
		trace -= 2 * math.Sqrt(max(0, l))
	}
	return mean + trace, nil
}
