package judge

import (
	"context"
	"errors"
	"os"
)

// OpenReference opens what the metrics compare with: statistics, or images whose features are yet to be gathered. An archive with both is opened for
// its statistics if they suffice.
func OpenReference(path string, ms Metrics) (*Reference, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		r, err := ReadReference(path)
		if err == nil {
			err = r.hasStatisticsFor(ms)
		}
		hasImages := errors.Is(err, errNoStatistics) || r != nil && r.images
		if err == nil || !hasImages {
			return r, err
		}
	}
	images, err := OpenImages(path)
	if err != nil {
		return nil, err
	}
	return ReferenceOf(images), nil
}

// ReferenceOf is a reference of images that are yet to be gathered.
func ReferenceOf(images Images) *Reference {
	return &Reference{Path: images.Source().Path, pending: images}
}

// Gather reads the images of a reference, keeps what the metrics compare with, and closes them. A reference of statistics has that already. It ends
// early with ctx, by its cause.
func (r *Reference) Gather(ctx context.Context, net *Network, ms Metrics, progress Progress) error {
	if r.pending == nil {
		return nil
	}
	g, err := gather(ctx, net.Features, r.pending, ms.comparing(), net.Batch, progress)
	if err != nil {
		return err
	}
	gathered, err := g.reference(net.stamp(r.pending, g))
	if err != nil {
		return err
	}
	gathered.Path = r.Path
	err = r.Close()
	*r = *gathered
	return err
}

// Close closes images that were not gathered.
func (r *Reference) Close() error {
	if r.pending == nil {
		return nil
	}
	images := r.pending
	r.pending = nil
	return images.Close()
}
