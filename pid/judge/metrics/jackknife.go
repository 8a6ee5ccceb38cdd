package metrics

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/lapack/gonum"
	"gonum.org/v1/gonum/mat"
)

// FrechetError is the Fréchet distance of a sample of n vectors to a reference, and the distance's standard error: how far it would lie from
// its mean over other samples of n. The reference is taken as fixed. The error is the jackknife's [efron81], which tends to be too large
// rather than too small, also where n is below the number of features. In trials of hundreds of vectors, fewer than features and more, near to the
// reference and far, 91 to 97 % of the intervals of ±1.96·se held that mean; of a few dozen vectors it may be three quarters.
//
//	se² = (n−1)²/n · Var_i F₍ᵢ₎,   F₍ᵢ₎ the distance without vector i
//
// The variance is that over some vectors of the sample, part of it that was picked without looking: of 1,000 it is right to a few percent.
//
// No F₍ᵢ₎ costs another decomposition. Without x, measured from the mean, the covariance is κ·(Σ − c·xxᵀ), κ = (n−1)/(n−2), c = n/(n−1)²; and
// since √λ = 1/π·∫ s^(−½)·λ/(λ+s) ds over s > 0, the trace of the root of M = LᵀΣL falls for y = Lᵀx by exactly
//
//	Tr M^½ − Tr (M − c·yyᵀ)^½ = −1/(2π)·∫ s^(−½)·ln(1 − c·yᵀ(M+s)⁻¹y) ds
//
// which is what d ln det(M − c·yyᵀ + s) gives by parts. With M = QTQᵀ, T tridiagonal, a vector costs one product with Q, and little for every s.
func FrechetError(sample Gaussian, n int, some Features, ref Gaussian) (distance, deviation float64, err error) {
	f, err := newFrechet(sample, ref)
	if err != nil {
		return 0, 0, err
	}
	if n < 3 || some.N < 2 || some.D != len(sample.Mu) || len(some.X) != some.N*some.D {
		return 0, 0, fmt.Errorf("metrics: jackknife by %d of %d vectors of %d features, the mean has %d", some.N, n, some.D, len(sample.Mu))
	}
	x := mat.NewDense(some.N, some.D, nil)
	for i := range some.N {
		for j, m := range sample.Mu {
			x.Set(i, j, float64(some.X[i*some.D+j])-m)
		}
	}
	c := float64(n) / (float64(n-1) * float64(n-1))
	kappa := float64(n-1) / float64(n-2)
	falls := f.falls(x, c)
	without := make([]float64, some.N) // F₍ᵢ₎, but for what is the same for all i
	var mean float64
	for i := range without {
		var square, shift float64
		for j, v := range x.RawRowView(i) {
			square += v * v
			d := sample.Mu[j] - ref.Mu[j] - v/float64(n-1)
			shift += d * d
		}
		without[i] = shift - kappa*c*square + 2*math.Sqrt(kappa)*falls[i]
		mean += without[i] / float64(some.N)
	}
	var variance float64
	for _, v := range without {
		variance += (v - mean) * (v - mean) / float64(some.N-1)
	}
	return f.distance(), float64(n-1) / math.Sqrt(float64(n)) * math.Sqrt(variance), nil
}

// Nodes of the integral over s = λ_max·e^u, in whose steps of 1 the trapezoidal rule is exact to e^(−2π²). Lower s would be lost in the
// rounding of T; what they would add is some thousandths where an eigenvalue is a hundred-millionth of the largest.
const (
	firstNode = -27 // 2e-12
	lastNode  = 20
)

// falls is by how much the trace of the root falls without each of the vectors x (n,D).
func (f *frechet) falls(x *mat.Dense, c float64) []float64 {
	n, _ := x.Dims()
	sums := make([]float64, n)
	if f.root == nil {
		return sums
	}
	y := f.turned(x)
	var top float64
	for _, v := range f.values {
		top = max(top, v)
	}
	if top == 0 {
		return sums
	}
	const some = 32 // vectors at a time
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for first := w * some; first < n; first += workers * some {
				part := y.Slice(0, len(f.diagonal), first, min(n, first+some)).(*mat.Dense)
				for node := firstNode; node <= lastNode; node++ {
					s := top * math.Exp(float64(node))
					for i, g := range f.inverse(part, s) {
						sums[first+i] -= math.Sqrt(s) * math.Log1p(-min(c*g, 1-1e-12)) / (2 * math.Pi)
					}
				}
			}
		})
	}
	wg.Wait()
	return sums
}

// turned is Qᵀ·Lᵀ·xᵀ, (rank,n).
func (f *frechet) turned(x *mat.Dense) *mat.Dense {
	var y mat.Dense
	y.Mul(f.root.T(), x.T())
	if rank, n := y.Dims(); rank > 1 {
		a, b := f.reflectors.RawMatrix(), y.RawMatrix()
		work := make([]float64, 64*(rank+n))
		gonum.Implementation{}.Dormqr(blas.Left, blas.Trans, rank-1, n, rank-1, a.Data[a.Stride:], a.Stride, f.tau, b.Data[b.Stride:], b.Stride, work, len(work))
	}
	return &y
}

// inverse is yᵀ(T+s)⁻¹y of every column y (rank,n): with T+s = LDLᵀ, L unit lower bidiagonal, and z = L⁻¹y it is Σ z²/D.
func (f *frechet) inverse(y *mat.Dense, s float64) []float64 {
	_, n := y.Dims()
	sums, z := make([]float64, n), make([]float64, n)
	pivot, l := 0.0, 0.0
	for i, t := range f.diagonal {
		p := t + s
		if i > 0 {
			l = f.next[i-1] / pivot
			p -= l * f.next[i-1]
		}
		pivot = max(p, s) // T has no eigenvalue below zero but by rounding
		for k, v := range y.RawRowView(i) {
			z[k] = v - l*z[k]
			sums[k] += z[k] * z[k] / pivot
		}
	}
	return sums
}
