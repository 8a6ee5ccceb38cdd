package judge

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"onestep/pid/judge/metrics"
	"onestep/tensor"
)

// SaveGaussian writes the statistics of the features of so many images, of an [Extractor], as a safetensors file: mean (D) and covariance (D,D),
// float64. Those of Inception are a [Reference], which has a format of its own.
func SaveGaussian(path string, images int, g metrics.Gaussian) error {
	d := len(g.Mu)
	return tensor.WriteSafeTensors(path, map[string]string{"images": fmt.Sprint(images)}, []tensor.Named{
		tensor.F64Tensor("mean", g.Mu, d), tensor.F64Tensor("covariance", dense(g.Sigma), d, d),
	})
}

// LoadGaussian reads what [SaveGaussian] wrote.
func LoadGaussian(f *tensor.SafeTensors) (g metrics.Gaussian, err error) {
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
