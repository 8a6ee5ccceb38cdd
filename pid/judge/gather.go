package judge

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"

	"onestep/nn"
	"onestep/pid/judge/metrics"
	"onestep/tensor"
)

const (
	readAtATime = 32   // images at least; rounded up to whole batches of the network
	jackknifed  = 1024 // images at most that the error of a Fréchet distance is taken from
)

// extract computes the features of count images (count,H,W,C).
type extract func(images []byte, count, h, w, c int) nn.InceptionFeatures

// gathered is what is known of images after they were read once, in order. It does not depend on how many were read at a time.
type gathered struct {
	metrics        Metrics
	n, every       int // images in all; every every-th one is jackknifed
	done           int
	pool3, spatial *metrics.Moments // spatial nil unless it is needed
	score          *metrics.Score   // nil unless it is needed
	features       []float32        // of all, or none
	some           []float32        // pool3 of the images that are jackknifed
	pixels         hash.Hash
}

// Progress is told how many images of a path are done.
type Progress func(path string, done, total int)

// gather reads all images once, in order, and computes their features, whole batches of the network at a time. It ends early with ctx, by its cause.
func gather(ctx context.Context, f extract, images Images, ms Metrics, batch int, progress Progress) (g *gathered, err error) {
	defer tensor.Recover(&err)
	n, h, w, c := images.Shape()
	if n < 2 {
		return nil, fmt.Errorf("%s: %d images: a covariance needs two, and a trusted one thousands", images.Source().Path, n)
	}
	g = &gathered{metrics: ms, n: n, every: (n + jackknifed - 1) / jackknifed, pixels: sha256.New()}
	batch = max(1, batch)
	batch *= (readAtATime + batch - 1) / batch
	if progress != nil {
		progress(images.Source().Path, 0, n)
	}
	for g.done < n {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		count := min(batch, n-g.done)
		x, err := images.Read(g.done, count)
		if err != nil {
			return nil, err
		}
		g.pixels.Write(x)
		g.add(f(x, count, h, w, c), count)
		if progress != nil {
			progress(images.Source().Path, g.done, n)
		}
	}
	return g, nil
}

func (g *gathered) add(f nn.InceptionFeatures, count int) {
	d := len(f.Pool3) / count
	if g.pool3 == nil {
		g.pool3 = metrics.NewMoments(d)
		if g.metrics.has(SFID) {
			g.spatial = metrics.NewMoments(len(f.Spatial) / count)
		}
		if g.metrics.has(IS) {
			g.score = metrics.NewScore(len(f.LogitsNoBias)/count, splitSize)
		}
		if g.metrics.keepFeatures() {
			g.features = make([]float32, 0, g.n*d)
		}
	}
	g.pool3.Add(f.Pool3)
	if g.spatial != nil {
		g.spatial.Add(f.Spatial)
	}
	if g.score != nil {
		g.score.Add(f.LogitsNoBias)
	}
	if g.features != nil {
		g.features = append(g.features, f.Pool3...)
	}
	for i := range count {
		if (g.done+i)%g.every == 0 {
			g.some = append(g.some, f.Pool3[i*d:(i+1)*d]...)
		}
	}
	g.done += count
}

// reference is what was gathered, in the form that other images are compared with.
func (g *gathered) reference(s *Stamp) (*Reference, error) {
	r := &Reference{Stamp: s}
	var err error
	if r.Pool3, err = g.pool3.Gaussian(); err != nil {
		return nil, err
	}
	if g.spatial != nil {
		spatial, err := g.spatial.Gaussian()
		if err != nil {
			return nil, err
		}
		r.Spatial = &spatial
	}
	if g.features != nil {
		r.Features = &metrics.Features{N: g.n, D: g.pool3.D, X: g.features}
	}
	return r, nil
}
