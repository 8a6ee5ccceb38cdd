package format

import (
	"fmt"
	"slices"

	"onestep/tensor"
)

// Statistics are the mean and the covariance of features, as EDM's and other reference files hold them: mu (D) and sigma (D,D), float64.
type Statistics struct {
	Mu, Sigma []float64
}

// Statistics reads the arrays of these names, "mu" and "sigma" or others; both must be finite and fit each other.
func (f *File) Statistics(mu, sigma string) (Statistics, error) {
	m, err := f.required(mu)
	if err != nil {
		return Statistics{}, err
	}
	s, err := f.required(sigma)
	if err != nil {
		return Statistics{}, err
	}
	if len(m.Shape) != 1 || m.Shape[0] == 0 {
		return Statistics{}, fmt.Errorf("%s: %s: shape %v, want one dimension", f.Path, mu, m.Shape)
	}
	if err := s.CheckShape(m.Shape[0], m.Shape[0]); err != nil {
		return Statistics{}, err
	}
	if err := f.CheckFinite(mu, sigma); err != nil {
		return Statistics{}, err
	}
	var st Statistics
	if st.Mu, err = m.Float64s(); err != nil {
		return Statistics{}, err
	}
	st.Sigma, err = s.Float64s()
	return st, err
}

// Images are samples as they are saved: N images of H×W pixels and 3 channels (or 1), in bytes.
type Images struct {
	N, H, W, C int
	Pixels     []byte  // (N,H,W,C); part of the file
	Labels     []int64 // (N), or nil
}

// Images reads a sample file: arr_0 (N,H,W,C) of bytes and, of class-conditional models, labels arr_1 (N).
func (f *File) Images() (Images, error) {
	e, err := f.required("arr_0")
	if err != nil {
		return Images{}, err
	}
	if err := checkImages(e.DType, e.Shape); err != nil {
		return Images{}, fmt.Errorf("%s: arr_0: %w", f.Path, err)
	}
	im := Images{N: e.Shape[0], H: e.Shape[1], W: e.Shape[2], C: e.Shape[3], Pixels: e.Data}
	l, ok := f.Entry("arr_1")
	if !ok {
		return im, nil
	}
	if err := l.CheckShape(im.N); err != nil {
		return Images{}, err
	}
	im.Labels, err = l.Int64s()
	return im, err
}

// checkImages says whether an array of this type and shape are images.
func checkImages(dtype string, shape []int) error {
	if dtype != "U8" || len(shape) != 4 || shape[3] != 3 && shape[3] != 1 || slices.Contains(shape, 0) {
		return fmt.Errorf("%s %v, want bytes of shape (N,H,W,3)", dtype, shape)
	}
	return nil
}

// required is an array, or an error if there is none of the name.
func (f *File) required(name string) (tensor.Entry, error) {
	e, ok := f.Entry(name)
	if !ok {
		return e, fmt.Errorf("%s: %s: no such array", f.Path, name)
	}
	return e, nil
}
