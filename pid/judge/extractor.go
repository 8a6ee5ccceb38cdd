package judge

import (
	"context"

	"onestep/autograd"
	"onestep/nn"
	"onestep/pid/data"
	"onestep/pid/judge/metrics"
	"onestep/tensor"
)

// Extractor is any network whose features of images may be compared, besides Inception: the default job's is a small classifier.
type Extractor struct {
	Device   *tensor.Device
	Features func(x *autograd.Var) *autograd.Var // images (N,H,W,C) in [−1,1] to (N,D)
	Batch    int                                 // images at a time in the network
}

// Distance is the Fréchet distance [heusel17] of images to a reference's features. It ends early with ctx, by its cause.
func (e *Extractor) Distance(ctx context.Context, images Images, reference metrics.Gaussian) (float64, error) {
	g, err := e.Gaussian(ctx, images)
	if err != nil {
		return 0, err
	}
	return metrics.FrechetDistance(g, reference)
}

// Gaussian is the mean and the covariance of the features of images. It ends early with ctx, by its cause.
func (e *Extractor) Gaussian(ctx context.Context, images Images) (metrics.Gaussian, error) {
	g, err := gather(ctx, e.extract, images, nil, e.Batch, nil)
	if err != nil {
		return metrics.Gaussian{}, err
	}
	return g.pool3.Gaussian()
}

// extract is [extract], with the features in the place of Inception's pool3.
func (e *Extractor) extract(pixels []byte, count, h, w, c int) (f nn.InceptionFeatures) {
	images := data.Images{N: count, H: h, W: w, C: c, Pixels: pixels}
	size := h * w * c
	x := make([]float32, min(count, e.Batch)*size)
	for first := 0; first < count; first += e.Batch {
		n := min(e.Batch, count-first)
		for i := range n {
			images.Float(x[i*size:(i+1)*size], first+i)
		}
		e.Device.Scope(func() []*tensor.Tensor {
			e.Device.NoGrad(func() {
				f.Pool3 = append(f.Pool3, e.Features(autograd.Const(e.Device.FromFloat32(x[:n*size], n, h, w, c))).Value.Float32s()...)
			})
			return nil
		})
	}
	return f
}
