package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"onestep/nn"
	"onestep/pid/judge/metrics"
	"onestep/tensor"
	"onestep/tensor/format"
)

// Reference is what is known of a set of images by their features.
type Reference struct {
	Path     string
	Pool3    metrics.Gaussian  // (2048)
	Spatial  *metrics.Gaussian // (2023), for sFID; nil if it is not known
	Features *metrics.Features // (N,2048), for kernel distance, precision and recall; nil if they were not kept
	Stamp    *Stamp            // nil in the files of others

	images  bool   // the file has images, too
	pending Images // to be gathered; nil once they are
}

// Arrays of a reference's file. The first two are EDM's, those and the next two OpenAI's, and all of them ours.
const (
	arrayMu, arraySigma               = "mu", "sigma"
	arraySpatialMu, arraySpatialSigma = "mu_s", "sigma_s"
	arrayFeatures                     = "pool3"
	arrayStamp                        = "stamp" // JSON as bytes
)

var errNoStatistics = errors.New("no statistics: mu and sigma are wanted")

// Write makes a .npz file that EDM's fid.py reads, too: mu (2048) and sigma (2048,2048), float64.
func (r *Reference) Write(path string) error {
	gaussian := func(mu, sigma string, g metrics.Gaussian) []tensor.Named {
		return []tensor.Named{tensor.F64Tensor(mu, g.Mu, len(g.Mu)), tensor.F64Tensor(sigma, dense(g.Sigma), len(g.Mu), len(g.Mu))}
	}
	arrays := gaussian(arrayMu, arraySigma, r.Pool3)
	if r.Spatial != nil {
		arrays = append(arrays, gaussian(arraySpatialMu, arraySpatialSigma, *r.Spatial)...)
	}
	if f := r.Features; f != nil {
		arrays = append(arrays, tensor.F32Tensor(arrayFeatures, f.X, f.N, f.D))
	}
	if r.Stamp != nil {
		text, err := json.Marshal(r.Stamp)
		if err != nil {
			return err
		}
		arrays = append(arrays, tensor.Named{Name: arrayStamp, DType: "U8", Shape: []int{len(text)}, Data: text})
	}
	return format.WriteNPZ(path, arrays)
}

func dense(s *mat.SymDense) []float64 {
	var d mat.Dense
	d.CloneFrom(s)
	return d.RawMatrix().Data
}

// ReadReference reads statistics: our own files, EDM's, or OpenAI's.
func ReadReference(path string) (*Reference, error) {
	f, all, err := format.OpenArrays(path, arrayMu, arraySigma, arraySpatialMu, arraySpatialSigma, arrayFeatures, arrayStamp)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &Reference{Path: path}
	if !slices.Contains(all, arrayMu) {
		return nil, fmt.Errorf("%s: %w", path, errNoStatistics)
	}
	r.images = slices.Contains(all, "arr_0")
	if r.Pool3, err = readGaussian(f, arrayMu, arraySigma, nn.InceptionFeature); err != nil {
		return nil, err
	}
	if slices.Contains(all, arraySpatialMu) {
		spatial, err := readGaussian(f, arraySpatialMu, arraySpatialSigma, nn.InceptionSpatial)
		if err != nil {
			return nil, err
		}
		r.Spatial = &spatial
	}
	if e, ok := f.Entry(arrayFeatures); ok {
		if r.Features, err = readFeatures(f, e); err != nil {
			return nil, err
		}
	}
	if e, ok := f.Entry(arrayStamp); ok {
		r.Stamp = &Stamp{}
		if err := json.Unmarshal(e.Data, r.Stamp); err != nil {
			return nil, fmt.Errorf("%s: %s: not a stamp of this program: %w", path, arrayStamp, err)
		}
	}
	return r, nil
}

func readGaussian(f *format.File, mu, sigma string, features int) (metrics.Gaussian, error) {
	s, err := f.Statistics(mu, sigma)
	if err != nil {
		return metrics.Gaussian{}, err
	}
	if len(s.Mu) != features {
		return metrics.Gaussian{}, fmt.Errorf("%s: %s: %d features, the Inception network has %d", f.Path, mu, len(s.Mu), features)
	}
	return metrics.Gaussian{Mu: s.Mu, Sigma: mat.NewSymDense(features, s.Sigma)}, nil
}

func readFeatures(f *format.File, e tensor.Entry) (*metrics.Features, error) {
	if len(e.Shape) != 2 || e.Shape[1] != nn.InceptionFeature || e.DType != "F32" {
		return nil, fmt.Errorf("%s: %s: %s %v, want F32 (N,%d)", f.Path, arrayFeatures, e.DType, e.Shape, nn.InceptionFeature)
	}
	if err := e.CheckFinite(); err != nil {
		return nil, err
	}
	x, err := e.Float32s()
	return &metrics.Features{N: e.Shape[0], D: e.Shape[1], X: x}, err
}

// hasStatisticsFor is an error if what the metrics compare with is missing.
func (r *Reference) hasStatisticsFor(ms Metrics) error {
	for _, m := range ms.comparing() {
		if err := r.check(m); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reference) check(m Metric) error {
	missing := ""
	switch {
	case r.count() < (Metrics{m}).minImages():
		return fmt.Errorf("%s: %d images, %s needs %d", r.Path, r.count(), m, (Metrics{m}).minImages())
	case r.pending != nil: // whatever is missing will be gathered
		return nil
	case m == SFID && r.Spatial == nil:
		missing = "statistics of spatial features (" + arraySpatialMu + ", " + arraySpatialSigma + ")"
	case (m == KID || m == PR) && r.Features == nil:
		missing = "the features of every image (" + arrayFeatures + ")"
	default:
		return nil
	}
	return fmt.Errorf("%s: %s needs %s, which are not there: give the images, or statistics that were saved with --metrics %s", r.Path, m, missing, m)
}

// count is how many images it is of, or the largest number if that is not known.
func (r *Reference) count() int {
	switch {
	case r.pending != nil:
		n, _, _, _ := r.pending.Shape()
		return n
	case r.Features != nil:
		return r.Features.N
	}
	return math.MaxInt
}
