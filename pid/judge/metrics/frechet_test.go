package metrics_test

import (
	"math"
	"runtime"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"onestep/pid/judge/metrics"
	"onestep/tensor"
)

// vectors are n vectors of d features that depend on each other, not negative as pool3's are not, of very different sizes.
func vectors(n, d int, seed uint64, shift float64) metrics.Features {
	f := metrics.Features{N: n, D: d, X: make([]float32, n*d)}
	tensor.Random{Seed: seed}.Normal(f.X, tensor.Noise, 0, 0)
	for i := range n {
		row, common := f.X[i*d:(i+1)*d], f.X[i*d]
		for j := range row {
			scale := math.Pow(0.03, float64(j)/float64(d))
			row[j] = float32(scale * max(0, 0.3+shift+float64(row[j])+0.7*float64(common)))
		}
	}
	return f
}

func moments(t testing.TB, f metrics.Features) metrics.Gaussian {
	t.Helper()
	m := metrics.NewMoments(f.D)
	m.Add(f.X)
	g, err := m.Gaussian()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestFrechetError compares with the jackknife as it is defined, a decomposition for each vector left out, also for fewer vectors than features.
func TestFrechetError(t *testing.T) {
	for _, c := range []struct{ n, d, refN int }{{60, 12, 400}, {10, 12, 400}, {60, 12, 7}, {9, 1, 30}, {40, 2, 30}} {
		x, ref := vectors(c.n, c.d, 1, 0.2), moments(t, vectors(c.refN, c.d, 2, 0))
		values, mean := make([]float64, c.n), 0.0
		for i := range values {
			rest := append(append([]float32(nil), x.X[:i*c.d]...), x.X[(i+1)*c.d:]...)
			var err error
			if values[i], err = metrics.FrechetDistance(moments(t, metrics.Features{N: c.n - 1, D: c.d, X: rest}), ref); err != nil {
				t.Fatal(err)
			}
			mean += values[i] / float64(c.n)
		}
		var sum float64
		for _, v := range values {
			sum += (v - mean) * (v - mean)
		}
		n := float64(c.n)
		want := math.Sqrt((n - 1) / n * sum)
		distance, got, err := metrics.FrechetError(moments(t, x), c.n, x, ref)
		if err != nil || !(math.Abs(got-want) <= 1e-4*want) {
			t.Errorf("%v: standard error %.6g (%v), want %.6g", c, got, err, want)
		}
		if d, err := metrics.FrechetDistance(moments(t, x), ref); err != nil || d != distance {
			t.Errorf("%v: distance %v, without its error %v (%v)", c, distance, d, err)
		}
	}
}

// TestFrechetErrorCovers draws many samples, of fewer vectors than features and of many more, near to the reference and far: the squared standard error is
// about the variance of their distances, or more, and nine intervals of ten hold their mean.
func TestFrechetErrorCovers(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	for _, c := range []struct{ n, d, trials int }{{150, 200, 40}, {240, 24, 150}, {1000, 24, 150}} {
		for _, shift := range []float64{0, 0.6} {
			n, trials := c.n, c.trials
			ref := moments(t, vectors(4000, c.d, 99, 0))
			values, errors := make([]float64, trials), make([]float64, trials)
			var mean, variance, estimate float64
			for k := range trials {
				x := vectors(n, c.d, uint64(k), shift)
				var err error
				if values[k], errors[k], err = metrics.FrechetError(moments(t, x), n, x, ref); err != nil {
					t.Fatal(err)
				}
				mean += values[k] / float64(trials)
				estimate += errors[k] * errors[k] / float64(trials)
			}
			held := 0
			for k, v := range values {
				variance += (v - mean) * (v - mean) / float64(trials-1)
				if math.Abs(v-mean) <= 1.96*errors[k] {
					held++
				}
			}
			if share := float64(held) / float64(trials); !(share >= 0.9 && estimate > 0.75*variance && estimate < 3*variance) {
				t.Errorf("%d vectors of %d, shift %g: %.0f %% of intervals hold the mean %.4g; variance %.4g, estimated %.4g", n, c.d, shift, 100*share, mean, variance, estimate)
			}
		}
	}
}

// TestFrechetThreads has the same bits with any number of threads, in matrices that are large enough to be divided among them.
func TestFrechetThreads(t *testing.T) {
	const n, d = 300, 260
	x, ref := vectors(n, d, 1, 0.1), moments(t, vectors(n, d, 2, 0))
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	var first [2]float64
	for _, threads := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(threads)
		v, e, err := metrics.FrechetError(moments(t, x), n, x, ref)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]float64{v, e}; threads == 1 {
			first = got
		} else if got != first {
			t.Errorf("%d threads: %v, one: %v", threads, got, first)
		}
	}
}

func TestFrechetErrorRefuses(t *testing.T) {
	x := vectors(20, 4, 1, 0)
	g := moments(t, x)
	for name, f := range map[string]func() error{
		"features": func() error { _, _, err := metrics.FrechetError(g, 20, vectors(20, 5, 1, 0), g); return err },
		"one":      func() error { _, _, err := metrics.FrechetError(g, 20, vectors(1, 4, 1, 0), g); return err },
		"sizes":    func() error { _, err := metrics.FrechetDistance(g, moments(t, vectors(20, 5, 1, 0))); return err },
		"infinite": func() error {
			_, err := metrics.FrechetDistance(metrics.Gaussian{Mu: []float64{math.Inf(1)}, Sigma: mat.NewSymDense(1, nil)},
				metrics.Gaussian{Mu: []float64{0}, Sigma: mat.NewSymDense(1, nil)})
			return err
		},
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// BenchmarkFrechet2048 is the algebra of one FID with its standard error, which must stay below 30 seconds.
func BenchmarkFrechet2048(b *testing.B) {
	const d = 2048
	x, ref := moments(b, vectors(3000, d, 1, 0.1)), moments(b, vectors(3000, d, 2, 0))
	some := vectors(1024, d, 1, 0.1)
	for _, what := range []string{"distance", "error"} {
		b.Run("what="+what, func(b *testing.B) {
			for b.Loop() {
				start := time.Now()
				var err error
				if what == "distance" {
					_, err = metrics.FrechetDistance(x, ref)
				} else {
					_, _, err = metrics.FrechetError(x, 3000, some, ref)
				}
				if err != nil {
					b.Fatal(err)
				}
				if spent := time.Since(start); spent > 30*time.Second {
					b.Errorf("%v", spent)
				}
			}
		})
	}
}
