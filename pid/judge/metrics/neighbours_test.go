package metrics_test

import (
	"math"
	"testing"

	"onestep/nn/golden"
	"onestep/pid/judge/metrics"
	"onestep/tensor"
)

// TestGoldenPrecisionRecall compares with the evaluator's algorithm in float64, for k of 3 and 5.
func TestGoldenPrecisionRecall(t *testing.T) {
	eachFixture(t, func(t *testing.T, g *golden.File, want expected) {
		d := tensor.CPU(0)
		for name, w := range want.PR {
			ref, sample := g.F32("features."+w.Ref), g.F32("features."+w.Sample)
			width := g.Shape("features." + w.Ref)[1]
			for k, exact := range map[int][2]float64{3: w.F64, 5: w.K5} {
				p, r, err := metrics.PrecisionRecall(d, metrics.Features{N: len(ref) / width, D: width, X: ref}, metrics.Features{N: len(sample) / width, D: width, X: sample}, k)
				if err != nil {
					t.Fatal(err)
				}
				if p != exact[0] || r != exact[1] {
					t.Errorf("%s, k=%d: precision %v, recall %v, want %v", name, k, p, r, exact)
				}
			}
		}
	})
}

// TestKernelDistance has the value of a tiny pair worked out by the definition, and 0 within the noise for two draws of one distribution.
func TestKernelDistance(t *testing.T) {
	d := tensor.CPU(0)
	k := func(u, v []float64) float64 {
		dot := 0.0
		for i := range u {
			dot += u[i] * v[i]
		}
		return math.Pow(dot/float64(len(u))+1, 3)
	}
	a, b := [][]float64{{1, 2}, {3, -1}}, [][]float64{{0, 1}, {2, 2}}
	want := k(a[0], a[1]) + k(b[0], b[1]) - (k(a[0], b[0])+k(a[0], b[1])+k(a[1], b[0])+k(a[1], b[1]))/2
	got, deviation, err := metrics.KernelDistance(d, metrics.Features{N: 2, D: 2, X: []float32{1, 2, 3, -1}}, metrics.Features{N: 2, D: 2, X: []float32{0, 1, 2, 2}}, 3, 1000, 1)
	if err != nil || math.Abs(got-want) > 1e-5*math.Abs(want) || deviation > 1e-5 {
		t.Errorf("%v ± %v (%v), want %v", got, deviation, err, want)
	}

	normal := func(stream tensor.Stream, n int) metrics.Features {
		f := metrics.Features{N: n, D: 16, X: make([]float32, 16*n)}
		tensor.Random{Seed: 3}.Normal(f.X, stream, 0, 0)
		return f
	}
	x, y := normal(tensor.Noise, 400), normal(tensor.Churn, 300)
	same, deviation, err := metrics.KernelDistance(d, x, y, 20, 200, 1)
	if err != nil || math.Abs(same) > 3*deviation+0.02 {
		t.Errorf("two draws of one distribution: %v ± %v (%v)", same, deviation, err)
	}
	for i := range y.X {
		y.X[i] += 1
	}
	if other, _, err := metrics.KernelDistance(d, x, y, 20, 200, 1); err != nil || other < 1 {
		t.Errorf("a shifted distribution: %v (%v)", other, err)
	}
}
