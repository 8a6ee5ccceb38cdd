package metrics_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"onestep/pid/judge/metrics"
	"onestep/tensor"
)

// TestRefuses: what cannot be measured is refused, and the least that can be is not.
func TestRefuses(t *testing.T) {
	d := tensor.CPU(1)
	kid := func(a, b metrics.Features, subsets, size int) func() error {
		return func() error { _, _, err := metrics.KernelDistance(d, a, b, subsets, size, 1); return err }
	}
	pr := func(a, b metrics.Features, k int) func() error {
		return func() error { _, _, err := metrics.PrecisionRecall(d, a, b, k); return err }
	}
	is := func(numbers, classes, size int) func() error {
		return func() error { _, err := metrics.InceptionScore(make([]float32, numbers), classes, size); return err }
	}
	jackknife := func(n, some int) func() error {
		return func() error {
			x := vectors(20, 3, 1, 0)
			_, _, err := metrics.FrechetError(moments(t, x), n, metrics.Features{N: some, D: 3, X: x.X[:3*some]}, moments(t, vectors(20, 3, 2, 0)))
			return err
		}
	}
	few := func(n int) metrics.Features { return vectors(n, 4, 1, 0) }
	for _, c := range []struct {
		says string
		f    func() error
	}{
		{"kernel distance", kid(few(3), vectors(3, 5, 1, 0), 1, 3)}, {"kernel distance", kid(few(3), few(3), 0, 3)}, {"kernel distance", kid(few(1), few(3), 1, 3)},
		{"kernel distance", kid(few(3), few(1), 1, 3)}, {"kernel distance", kid(few(3), few(3), 1, 1)}, {"", kid(few(2), few(2), 1, 2)},
		{"precision of 5 features against 4", pr(few(5), vectors(5, 5, 1, 0), 3)}, {"k = 0", pr(few(5), few(5), 0)}, {"k = 5", pr(few(6), few(5), 5)}, {"k = 5", pr(few(5), few(6), 5)}, {"", pr(few(6), few(6), 5)},
		{"", pr(few(2), few(2), 1)}, {"Inception Score", is(0, 2, 1)}, {"Inception Score", is(3, 2, 1)}, {"Inception Score", is(2, 0, 1)}, {"Inception Score", is(2, 2, 0)}, {"", is(1, 1, 1)},
		{"jackknife", jackknife(2, 20)}, {"jackknife", jackknife(20, 1)}, {"", jackknife(3, 2)},
	} {
		if err := c.f(); c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
	for name, add := range map[string]func(){"moments": func() { metrics.NewMoments(2).Add(make([]float32, 3)) }, "score": func() { metrics.NewScore(2, 1).Add(make([]float32, 3)) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: three numbers are vectors of two", name)
				}
			}()
			add()
		}()
	}
}

// TestKernelDeviation: the deviation of two subsets is half of their difference, and that of one is none.
func TestKernelDeviation(t *testing.T) {
	d := tensor.CPU(1)
	x, y := vectors(60, 4, 1, 0.3), vectors(50, 4, 2, 0)
	first, none, err := metrics.KernelDistance(d, x, y, 1, 20, 7)
	if err != nil || none != 0 {
		t.Fatalf("%g ± %g, %v", first, none, err)
	}
	mean, deviation, err := metrics.KernelDistance(d, x, y, 2, 20, 7)
	if second := 2*mean - first; err != nil || deviation == 0 || math.Abs(deviation-math.Abs(first-second)/2) > 1e-9 {
		t.Errorf("%g and %g have deviation %g, %v", first, second, deviation, err)
	}
}

// TestScoreSplits: the score is the mean over the splits, with the deviation over them; the images that are left are a split, too. One of images that
// are all sure of the same class is 1, and of k classes k.
func TestScoreSplits(t *testing.T) {
	certain := func(class int) []float32 { return [][]float32{{40, 0, 0}, {0, 40, 0}, {0, 0, 40}}[class] }
	for _, c := range []struct {
		classes         []int
		size            int
		mean, deviation float64
		splits          int
	}{
		{[]int{0, 1}, 2, 2, 0, 1}, {[]int{0, 1, 0, 0}, 2, 1.5, 0.5, 2}, {[]int{0, 1, 2, 0, 0, 0, 1}, 3, 5. / 3, math.Sqrt(8. / 9), 3}, {[]int{0, 1}, 3, 2, 0, 1}, {[]int{2}, 1, 1, 0, 1}, {[]int{0, 1, 1}, 2, 1.5, 0.5, 2},
	} {
		s := metrics.NewScore(3, c.size)
		for _, class := range c.classes {
			s.Add(certain(class))
		}
		mean, deviation, splits := s.Result()
		if math.Abs(mean-c.mean) > 1e-9 || math.Abs(deviation-c.deviation) > 1e-9 || splits != c.splits {
			t.Errorf("images of classes %v in splits of %d: %g ± %g of %d splits, want %g ± %g of %d", c.classes, c.size, mean, deviation, splits, c.mean, c.deviation, c.splits)
		}
	}
}

// TestManyVectors compares precision and recall of more vectors than are compared at a time, numbers on a line, with the definition.
func TestManyVectors(t *testing.T) {
	const n, m, k = 2100, 2055, 3
	line := func(n int, seed uint64, shift float32) metrics.Features {
		f := metrics.Features{N: n, D: 1, X: make([]float32, n)}
		tensor.Random{Seed: seed}.Uniform(f.X, tensor.Noise, 0, 0)
		for i := range f.X {
			f.X[i] = float32(math.Round(float64(f.X[i])*1500)) + shift // squares and products are exact
		}
		return f
	}
	covered := func(by, of metrics.Features) float64 {
		in, y, radii := 0, slices.Sorted(slices.Values(by.X)), make([]float64, by.N)
		for i, x := range y {
			var near []float64
			for _, v := range y[max(0, i-k):min(by.N, i+k+1)] {
				near = append(near, math.Abs(float64(x-v)))
			}
			slices.Sort(near)
			radii[i] = near[k]
		}
		for _, x := range of.X {
			for j, v := range y {
				if math.Abs(float64(x-v)) <= radii[j] {
					in++
					break
				}
			}
		}
		return float64(in) / float64(of.N)
	}
	ref, sample := line(n, 1, 0), line(m, 2, 600)
	precision, recall, err := metrics.PrecisionRecall(tensor.CPU(2), ref, sample, k)
	if wantP, wantR := covered(ref, sample), covered(sample, ref); err != nil || precision != wantP || recall != wantR || precision > 0.9 || recall > 0.9 {
		t.Errorf("precision %g, recall %g, want %g and %g; %v", precision, recall, wantP, wantR, err)
	}
}
