package metrics_test

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"onestep/pid/judge/metrics"
)

// TestMoments has three vectors, whose mean and covariance are whole numbers.
func TestMoments(t *testing.T) {
	m := metrics.NewMoments(2)
	if _, err := m.Gaussian(); err == nil {
		t.Error("a covariance of nothing")
	}
	m.Add([]float32{1, 2, 3, 2, 5, 8})
	g, err := m.Gaussian()
	if err != nil || m.N != 3 || !slices.Equal(g.Mu, []float64{3, 4}) || g.Sigma.At(0, 0) != 4 || g.Sigma.At(1, 1) != 12 || g.Sigma.At(1, 0) != 6 {
		t.Errorf("mean %v, covariance %v of %d vectors, %v", g.Mu, mat.Formatted(g.Sigma), m.N, err)
	}
	if same, err := metrics.FrechetDistance(g, g); err != nil || math.Abs(same) > 1e-12 {
		t.Errorf("distance to itself %g, %v", same, err)
	}
}

// TestFrechetDiagonal has Gaussians with commuting covariances, singular ones: |μ₁−μ₂|² + Σ (√λ₁ − √λ₂)².
func TestFrechetDiagonal(t *testing.T) {
	a := metrics.Gaussian{Mu: []float64{1, 2, 3}, Sigma: mat.NewSymDense(3, []float64{4, 0, 0, 0, 9, 0, 0, 0, 0})}
	b := metrics.Gaussian{Mu: []float64{1, 0, 3}, Sigma: mat.NewSymDense(3, []float64{1, 0, 0, 0, 0, 0, 0, 0, 25})}
	if got, err := metrics.FrechetDistance(a, b); err != nil || math.Abs(got-(4+1+9+25)) > 1e-12 {
		t.Errorf("distance %g, %v, want 39", got, err)
	}
}
