package judge

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"onestep/nn"
	"onestep/pid/judge/metrics"
	"onestep/tensor"
	"onestep/tensor/format"
)

// someGaussian is a mean and a diagonal covariance.
func someGaussian(d int) metrics.Gaussian {
	g := metrics.Gaussian{Mu: make([]float64, d), Sigma: mat.NewSymDense(d, nil)}
	for i := range d {
		g.Mu[i] = 1 / float64(i+3)
		g.Sigma.SetSym(i, i, float64(i)+0.1)
		g.Sigma.SetSym(0, i, 0.01*float64(i+1))
	}
	return g
}

func same(a, b metrics.Gaussian) bool {
	return reflect.DeepEqual(a.Mu, b.Mu) && mat.Equal(a.Sigma, b.Sigma)
}

// What is written is read again, with or without what only some metrics need.
func TestReferenceFile(t *testing.T) {
	spatial := someGaussian(nn.InceptionSpatial)
	stamp := &Stamp{Images: Source{Kind: "npz", Path: "x.npz", Notes: []string{"a <note>"}}, Count: 2, Height: 4, Width: 5, Channels: 3, Weights: "w", Resize: "r"}
	features := &metrics.Features{N: 5, D: nn.InceptionFeature, X: make([]float32, 5*nn.InceptionFeature)}
	features.X[7] = 1.5
	for _, want := range []*Reference{
		{Pool3: someGaussian(nn.InceptionFeature)},
		{Pool3: someGaussian(nn.InceptionFeature), Spatial: &spatial, Features: features, Stamp: stamp},
	} {
		want.Path = filepath.Join(t.TempDir(), "ref.npz")
		if err := want.Write(want.Path); err != nil {
			t.Fatal(err)
		}
		got, err := OpenReference(want.Path, allMetrics)
		if want.Stamp == nil {
			if err == nil || !strings.Contains(err.Error(), "sfid needs") {
				t.Errorf("statistics without spatial ones: %v", err)
			}
			got, err = OpenReference(want.Path, Metrics{FID, IS})
		}
		if err != nil {
			t.Fatal(err)
		}
		if !same(got.Pool3, want.Pool3) || want.Spatial != nil && !same(*got.Spatial, *want.Spatial) || !reflect.DeepEqual(got.Features, want.Features) || !reflect.DeepEqual(got.Stamp, want.Stamp) {
			t.Errorf("%+v is not what was written", got)
		}
	}
}

// OpenAI's batches have statistics beside their images; those are looked at only if the statistics do not suffice.
func TestReferenceBeside(t *testing.T) {
	write := func(arrays ...tensor.Named) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "batch.npz")
		if err := format.WriteNPZ(path, arrays); err != nil {
			t.Fatal(err)
		}
		return path
	}
	statistics := func(mu, sigma string, d int) []tensor.Named {
		g := someGaussian(d)
		mean := make([]float32, d) // which theirs are
		for i, v := range g.Mu {
			mean[i] = float32(v)
		}
		return []tensor.Named{tensor.F32Tensor(mu, mean, d), tensor.F64Tensor(sigma, dense(g.Sigma), d, d)}
	}
	images := tensor.Named{Name: "arr_0", DType: "U8", Shape: []int{6, 4, 5, 3}, Data: make([]byte, 360)}
	pool3, spatial := statistics("mu", "sigma", nn.InceptionFeature), statistics("mu_s", "sigma_s", nn.InceptionSpatial)
	whole := append(append([]tensor.Named{images}, pool3...), spatial...)

	r, err := OpenReference(write(whole...), Metrics{FID, IS, SFID})
	if err != nil || r.pending != nil || r.Spatial == nil || r.Stamp != nil {
		t.Errorf("a batch with statistics: %+v, %v", r, err)
	}
	r, err = OpenReference(write(whole...), Metrics{FID, PR})
	if err != nil || r.pending == nil {
		t.Fatalf("a batch with statistics, for precision: %+v, %v", r, err)
	}
	if n, h, w, c := r.pending.Shape(); n != 6 || h != 4 || w != 5 || c != 3 {
		t.Errorf("its images: %d %d %d %d", n, h, w, c)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		path  string
		fails string
	}{
		"another network's": {write(statistics("mu", "sigma", 64)...), "batch.npz: mu: 64 features, the Inception network has 2048"},
		"no sigma":          {write(pool3[0]), "batch.npz: sigma: no such array"},
		"nothing":           {write(tensor.F32Tensor("x", []float32{1}, 1)), "batch.npz: arr_0"},
		"a bad stamp":       {write(append(pool3, tensor.Named{Name: "stamp", DType: "U8", Shape: []int{1}, Data: []byte("{")})...), "batch.npz: stamp: "},
		"not there":         {filepath.Join(t.TempDir(), "none.npz"), "none.npz"},
	} {
		if _, err := OpenReference(c.path, Metrics{FID}); err == nil || !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: %v, want %q", name, err, c.fails)
		}
	}
	if _, err := ReadReference(write(images)); !errors.Is(err, errNoStatistics) {
		t.Errorf("images read as statistics: %v", err)
	}
}
