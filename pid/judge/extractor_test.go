package judge

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"onestep/autograd"
	"onestep/pid/data"
	"onestep/pid/judge/metrics"
	"onestep/tensor"
)

// pixelFeatures has every number of an image as a feature.
func pixelFeatures(batch int) *Extractor {
	return &Extractor{Device: tensor.CPU(1), Batch: batch, Features: func(x *autograd.Var) *autograd.Var {
		return autograd.Reshape(x, x.Dim(0), x.Dim(1)*x.Dim(2)*x.Dim(3))
	}}
}

// The statistics are those of all numbers at once, whatever the size of batches, and so is the distance.
func TestExtractor(t *testing.T) {
	images, others := someImages(70, 1, 0), someImages(90, 2, 20)
	all := func(m Images) metrics.Gaussian {
		n, h, w, c := m.Shape()
		pixels, err := m.Read(0, n)
		if err != nil {
			t.Fatal(err)
		}
		moments := metrics.NewMoments(h * w * c)
		x := make([]float32, h*w*c)
		for i := range n {
			(&data.Images{N: n, H: h, W: w, C: c, Pixels: pixels}).Float(x, i)
			moments.Add(x)
		}
		g, err := moments.Gaussian()
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	want, reference := all(images), all(others)
	distance, err := metrics.FrechetDistance(want, reference)
	if err != nil || !(distance > 0) {
		t.Fatalf("distance %g, %v", distance, err)
	}
	for _, batch := range []int{1, 7, 32, 100} {
		g, err := pixelFeatures(batch).Gaussian(t.Context(), images)
		if err != nil || !slices.Equal(g.Mu, want.Mu) || !mat.Equal(g.Sigma, want.Sigma) {
			t.Errorf("batches of %d: other statistics, %v", batch, err)
		}
		if d, err := pixelFeatures(batch).Distance(t.Context(), images, reference); err != nil || d != distance {
			t.Errorf("batches of %d: distance %g, want %g; %v", batch, d, distance, err)
		}
	}
	stop, why := context.WithCancelCause(t.Context())
	cause := errors.New("stopped")
	why(cause)
	if _, err := pixelFeatures(8).Distance(stop, images, reference); !errors.Is(err, cause) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := pixelFeatures(8).Gaussian(t.Context(), someImages(1, 1, 0)); err == nil || !strings.Contains(err.Error(), "a covariance needs two") {
		t.Errorf("of one image: %v", err)
	}
}

func TestGaussianFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g")
	want := metrics.Gaussian{Mu: []float64{1, math.Pi}, Sigma: mat.NewSymDense(2, []float64{2, 1e-17, 1e-17, 3})}
	if err := SaveGaussian(path, 12, want); err != nil {
		t.Fatal(err)
	}
	load := func() (metrics.Gaussian, error) {
		f, err := tensor.OpenSafeTensors(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Metadata["images"] != "12" {
			t.Errorf("metadata %v", f.Metadata)
		}
		return LoadGaussian(f)
	}
	if g, err := load(); err != nil || !slices.Equal(g.Mu, want.Mu) || !mat.Equal(g.Sigma, want.Sigma) {
		t.Errorf("%v, %v", g, err)
	}
	mean, covariance := tensor.F64Tensor("mean", []float64{1, 2}, 2), tensor.F64Tensor("covariance", []float64{1, 0, 0, 1}, 2, 2)
	for says, arrays := range map[string][]tensor.Named{
		"want tensors mean (D) and covariance (D,D)":   {mean},
		path + ": want tensors mean":                   {covariance, tensor.F64Tensor("mean", []float64{1, 2, 3}, 3)},
		": want tensors mean (D) and covariance (D,D)": {mean, tensor.F64Tensor("covariance", []float64{1, 2}, 2)},
		"mean (D) and covariance (D,D)":                {mean, tensor.F64Tensor("covariance", []float64{1, 0, 0, 1, 0, 0}, 2, 3)},
		"covariance: ":                                 {mean, tensor.F64Tensor("covariance", []float64{1, math.NaN(), 0, 1}, 2, 2)},
		"mean: ":                                       {tensor.F64Tensor("mean", []float64{1, math.Inf(1)}, 2), covariance},
	} {
		if err := tensor.WriteSafeTensors(path, map[string]string{"images": "12"}, arrays); err != nil {
			t.Fatal(err)
		}
		if _, err := load(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// Drawn images are the same however they are read, each batch is drawn once in a row, and an error leaves nothing that a later read would take for images.
func TestDrawn(t *testing.T) {
	seeds := []uint64{9, 3, 200, 4, 5, 6, 7}
	var draws [][]uint64
	fail := false
	d := &Drawn{Seeds: seeds, H: 1, W: 2, C: 1, Batch: 3, From: Source{Kind: "test"}, Draw: func(seeds []uint64) (*data.Images, error) {
		if fail {
			return nil, errors.New("failed")
		}
		draws = append(draws, seeds)
		m := &data.Images{N: len(seeds), H: 1, W: 2, C: 1}
		for _, s := range seeds {
			m.Pixels = append(m.Pixels, byte(s), byte(s+1))
		}
		return m, nil
	}}
	want := []byte{9, 10, 3, 4, 200, 201, 4, 5, 5, 6, 6, 7, 7, 8}
	for _, count := range []int{7, 1, 2, 3, 4} {
		draws = nil
		var got []byte
		for first := 0; first < len(seeds); first += count {
			x, err := d.Read(first, min(count, len(seeds)-first))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, x...)
		}
		if !slices.Equal(got, want) || len(draws) != 3 || !slices.Equal(slices.Concat(draws...), seeds) {
			t.Errorf("%d at a time: %v, drawn as %v", count, got, draws)
		}
	}
	fail = true
	if _, err := d.Read(0, 1); err == nil {
		t.Error("no error of drawing")
	}
	fail = false
	if x, err := d.Read(6, 1); err != nil || !slices.Equal(x, []byte{7, 8}) {
		t.Errorf("after an error: %v, %v", x, err)
	}
	if n, h, w, c := d.Shape(); n != 7 || h != 1 || w != 2 || c != 1 || d.Source().Kind != "test" {
		t.Errorf("(%d,%d,%d,%d) of %+v", n, h, w, c, d.Source())
	}
	released := 0
	d.Release = func() { released++ }
	if err := d.Close(); err != nil || released != 1 {
		t.Errorf("released %d times, %v", released, err)
	}
}
