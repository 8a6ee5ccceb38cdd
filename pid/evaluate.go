package pid

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"onestep/autograd"
	"onestep/pid/judge/metrics"
	"onestep/tensor"
)

// Evaluator measures how far images are from a reference set, by the Fréchet distance [heusel17] of some network's features.
type Evaluator struct {
	Device    *tensor.Device
	Features  func(x *autograd.Var) *autograd.Var // images (N,H,W,C) in [−1,1] to (N,D)
	Reference metrics.Gaussian                    // of the reference's features
	H, W, C   int
	Batch     int // images at a time
}

// Distance is the Fréchet distance of n images to the reference. draw returns images first … first+count as (count,H,W,C) numbers in
// [−1,1]. They are judged as the 8-bit images they would be saved as.
func (e *Evaluator) Distance(n int, draw func(first, count int) ([]float32, error)) (float64, error) {
	m := metrics.NewMoments(len(e.Reference.Mu))
	for first := 0; first < n; first += e.Batch {
		count := min(e.Batch, n-first)
		x, err := draw(first, count)
		if err != nil {
			return 0, err
		}
		m.Add(e.Judged(x, count))
	}
	g, err := m.Gaussian()
	if err != nil {
		return 0, err
	}
	return metrics.FrechetDistance(g, e.Reference)
}

// Judged is the features of some images, as those of 8 bits that they would be saved as.
func (e *Evaluator) Judged(x []float32, count int) (features []float32) {
	q := make([]float32, len(x))
	for i, v := range x {
		q[i] = quantise(v)
	}
	e.Device.Scope(func() []*tensor.Tensor {
		e.Device.NoGrad(func() {
			features = e.Features(autograd.Const(e.Device.FromFloat32(q, count, e.H, e.W, e.C))).Value.Float32s()
		})
		return nil
	})
	return features
}

// quantise rounds a number in [−1,1] to the nearest of the 256 values that 8-bit images have.
func quantise(v float32) float32 {
	u := int(min(max(float32(127.5*v)+128, 0), 255)) // the product is rounded by itself on every processor, as where images are saved
	return float32(u)/127.5 - 1
}

// SaveReference writes the statistics of so many reference images as a safetensors file: mean (D) and covariance (D,D), float64.
func SaveReference(path string, images int, g metrics.Gaussian) error {
	d := len(g.Mu)
	cov := make([]float64, 0, d*d)
	for i := range d {
		for j := range d {
			cov = append(cov, g.Sigma.At(i, j))
		}
	}
	return tensor.WriteSafeTensors(path, map[string]string{"images": fmt.Sprint(images)}, []tensor.Named{
		tensor.F64Tensor("mean", g.Mu, d), tensor.F64Tensor("covariance", cov, d, d),
	})
}

// LoadReference reads what [SaveReference] wrote.
func LoadReference(f *tensor.SafeTensors) (g metrics.Gaussian, err error) {
	m, ok1 := f.Entry("mean")
	c, ok2 := f.Entry("covariance")
	if !ok1 || !ok2 || len(m.Shape) != 1 || len(c.Shape) != 2 || c.Shape[0] != m.Shape[0] || c.Shape[1] != m.Shape[0] {
		return g, fmt.Errorf("%s: want tensors mean (D) and covariance (D,D)", f.Path)
	}
	if err := f.CheckFinite("mean", "covariance"); err != nil {
		return g, err
	}
	if g.Mu, err = m.Float64s(); err != nil {
		return g, fmt.Errorf("%s: mean: %w", f.Path, err)
	}
	cov, err := c.Float64s()
	if err != nil {
		return g, fmt.Errorf("%s: covariance: %w", f.Path, err)
	}
	g.Sigma = mat.NewSymDense(m.Shape[0], cov)
	return g, nil
}
