package metrics_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"onestep/nn/golden"
	"onestep/pid/judge/metrics"
)

type expected struct {
	FID map[string]struct {
		Finite    *bool    `json:"sqrtm_finite"`
		PyTorch   *float64 `json:"pytorch_fid"`
		Symmetric float64  `json:"symmetric_eigen"`
		Complex   bool     `json:"sqrtm_complex"`
	} `json:"fid"`
	IS map[string]map[string]any `json:"inception_score"`
	PR map[string]struct {
		Ref, Sample string
		F64         [2]float64 `json:"f64"`
		K5          [2]float64 `json:"k5_f64"`
	} `json:"precision_recall"`
}

// eachFixture runs f on every golden file of features and their moments, with what the file beside it says of them.
func eachFixture(t *testing.T, f func(t *testing.T, g *golden.File, want expected)) {
	t.Helper()
	golden.Each(t, "features. mu_f64.", func(t *testing.T, g *golden.File) {
		text, err := os.ReadFile(strings.TrimSuffix(g.Path, ".safetensors") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		// NaN is no JSON; what has it is not read here.
		var e expected
		if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), "NaN", "null")), &e); err != nil {
			t.Fatal(err)
		}
		f(t, g, e)
	})
}

func gaussian(g *golden.File, set string) metrics.Gaussian {
	mu := g.F64("mu_f64." + set)
	return metrics.Gaussian{Mu: mu, Sigma: mat.NewSymDense(len(mu), g.F64("sigma_f64."+set))}
}

// TestGoldenFrechet compares every pair of sets with the reference: 1e-7 relative for pairs of full rank, 1e-5 absolute for others, whose
// reference value is itself that far off.
func TestGoldenFrechet(t *testing.T) {
	eachFixture(t, func(t *testing.T, g *golden.File, want expected) {
		for pair, w := range want.FID {
			t.Run(pair, func(t *testing.T) {
				one, two, _ := strings.Cut(pair, "|")
				a, b := gaussian(g, one), gaussian(g, two)
				exact := w.Symmetric
				tolerance := 1e-5
				if w.PyTorch != nil && *w.Finite && !w.Complex {
					exact = *w.PyTorch
					tolerance = max(1e-7*math.Abs(exact), 2e-7)
				}
				for _, order := range [][2]metrics.Gaussian{{a, b}, {b, a}} {
					got, err := metrics.FrechetDistance(order[0], order[1])
					if err != nil {
						t.Fatal(err)
					}
					if !(math.Abs(got-exact) <= tolerance) {
						t.Errorf("%.12g, want %.12g within %.1g", got, exact, tolerance)
					}
				}
			})
		}
	})
}

// TestGoldenMoments gathers the stored features in batches of several sizes: the reference's moments, and the same bits for every size.
func TestGoldenMoments(t *testing.T) {
	eachFixture(t, func(t *testing.T, g *golden.File, _ expected) {
		for _, name := range g.Names() {
			set, ok := strings.CutPrefix(name, "mu_f64.")
			if !ok || !g.Has("features."+set) {
				continue
			}
			features := g.F32("features." + set)
			want := gaussian(g, set)
			width := len(want.Mu)
			var first metrics.Gaussian
			for _, batch := range []int{1, 7, 64, 1000} {
				m := metrics.NewMoments(width)
				for rest := features; len(rest) > 0; {
					n := min(len(rest), batch*width)
					m.Add(rest[:n])
					rest = rest[n:]
				}
				got, err := m.Gaussian()
				if err != nil {
					t.Fatal(err)
				}
				if batch == 1 {
					first = got
					if d := golden.RelError(got.Mu, want.Mu); !(d <= 1e-14) {
						t.Errorf("%s: mean off by %.2g", set, d)
					}
					d := mat.NewDense(width, width, nil)
					d.Sub(got.Sigma, want.Sigma)
					if diff := mat.Norm(d, 2); !(diff <= 1e-13*(1+mat.Norm(want.Sigma, 2))) {
						t.Errorf("%s: covariance off by %.2g", set, diff)
					}
				} else if fmt.Sprint(got.Mu) != fmt.Sprint(first.Mu) || !mat.Equal(got.Sigma, first.Sigma) {
					t.Errorf("%s: batches of %d give other bits", set, batch)
				}
			}
		}
	})
}

// TestGoldenInceptionScore compares every size of splits with the evaluator in float64.
func TestGoldenInceptionScore(t *testing.T) {
	eachFixture(t, func(t *testing.T, g *golden.File, want expected) {
		for set, values := range want.IS {
			logits := g.F32("is." + set)
			var n, classes int
			if _, err := fmt.Sscanf(set, "logits%dx%d", &n, &classes); err != nil {
				t.Fatal(err)
			}
			compared := 0
			for key, v := range values {
				var size int
				if _, err := fmt.Sscanf(key, "openai_split_size_%d_f64", &size); err != nil || !strings.HasSuffix(key, "f64") {
					continue
				}
				got, err := metrics.InceptionScore(logits, classes, size)
				if err != nil {
					t.Fatal(err)
				}
				if w := v.(float64); !(math.Abs(got-w) <= 1e-12*w) {
					t.Errorf("%s, %s: %.15g, want %.15g", set, key, got, w)
				}
				compared++
			}
			if compared == 0 {
				t.Errorf("%s: no score to compare", set)
			}
		}
	})
}
