package pid

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"onestep/autograd"
	"onestep/tensor"
)

// Evaluator measures how far images are from a reference set, by the Fréchet distance of some network's features.
type Evaluator struct {
	Device     *tensor.Device
	Features   func(x *autograd.Var) *autograd.Var // images (N,H,W,C) in [−1,1] to (N,D)
	Mean       []float64                           // of the reference features, (D)
	Covariance *mat.SymDense                       // (D,D)
	H, W, C    int
	Batch      int // images at a time
}

// Distance is the Fréchet distance of n images to the reference. draw returns images first … first+count as (count,H,W,C) numbers in
// [−1,1]. They are judged as the 8-bit images they would be saved as.
func (e *Evaluator) Distance(n int, draw func(first, count int) ([]float32, error)) (float64, error) {
	var s Stats
	for first := 0; first < n; first += e.Batch {
		count := min(e.Batch, n-first)
		x, err := draw(first, count)
		if err != nil {
			return 0, err
		}
		e.Gather(&s, x, count)
	}
	return FrechetDistance(s.Mean, s.Covariance(), e.Mean, e.Covariance)
}

// Gather adds the features of some images to statistics.
func (e *Evaluator) Gather(s *Stats, x []float32, count int) {
	q := make([]float32, len(x))
	for i, v := range x {
		q[i] = quantise(v)
	}
	e.Device.Scope(func() []*tensor.Tensor {
		e.Device.NoRecord(func() {
			f := e.Features(autograd.Const(e.Device.FromFloat32(q, count, e.H, e.W, e.C)))
			features := f.Value.Float32s()
			d := len(features) / count
			for i := range count {
				s.Add(features[i*d : (i+1)*d])
			}
		})
		return nil
	})
}

// quantise rounds a number in [−1,1] to the nearest of the 256 values that 8-bit images have.
func quantise(v float32) float32 {
	u := int(min(max(127.5*v+128, 0), 255))
	return float32(u)/127.5 - 1
}

// SaveReference writes reference statistics; LoadReference reads them.
func SaveReference(path string, s *Stats) error {
	d := len(s.Mean)
	cov := make([]float64, 0, d*d)
	c := s.Covariance()
	for i := range d {
		for j := range d {
			cov = append(cov, c.At(i, j))
		}
	}
	return tensor.WriteSafeTensors(path, map[string]string{"images": fmt.Sprint(s.N)}, []tensor.Named{
		tensor.F64Tensor("mean", s.Mean, d), tensor.F64Tensor("covariance", cov, d, d),
	})
}

// LoadReference is described with [SaveReference].
func LoadReference(f *tensor.SafeTensors) (mean []float64, covariance *mat.SymDense, err error) {
	m, ok1 := f.Entry("mean")
	c, ok2 := f.Entry("covariance")
	if !ok1 || !ok2 || len(m.Shape) != 1 || len(c.Shape) != 2 || c.Shape[0] != m.Shape[0] || c.Shape[1] != m.Shape[0] {
		return nil, nil, fmt.Errorf("%s: want tensors mean (D) and covariance (D,D)", f.Path)
	}
	if err := f.CheckFinite("mean", "covariance"); err != nil {
		return nil, nil, err
	}
	if mean, err = m.Float64s(); err != nil {
		return nil, nil, fmt.Errorf("%s: mean: %w", f.Path, err)
	}
	cov, err := c.Float64s()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: covariance: %w", f.Path, err)
	}
	return mean, mat.NewSymDense(m.Shape[0], cov), nil
}
