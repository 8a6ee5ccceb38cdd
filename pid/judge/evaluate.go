package judge

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"onestep/nn"
	"onestep/pid/judge/metrics"
	"onestep/tensor"
)

// Options say what to measure.
type Options struct {
	Metrics  Metrics
	Seed     uint64            // of the subsets of a kernel distance
	Force    bool              // compare whatever the stamps say
	Progress Progress          // may be nil
	Status   func(what string) // is told what is being computed once all images are read; may be nil
}

// Settings of metrics, as they are usual.
const (
	splitSize           = 5000 // images of which an Inception Score is taken; it is the mean of those
	kidSubsets, kidSize = 100, 1000
	neighbour           = 3 // of precision and recall
)

// Evaluate measures images against a reference, which may be nil if no metric compares. What cannot be compared is refused before anything is
// computed. It ends early with ctx, by its cause.
func Evaluate(ctx context.Context, net *Network, images Images, ref *Reference, o Options) (*Result, error) {
	runtime.GC() // frees the matrices of an earlier evaluation, which the collector would leave until the heap has doubled
	r := &Result{Samples: net.stamp(images, nil), Settings: Settings{
		Metrics: o.Metrics, Split: splitSize, Jackknifed: jackknifed, KIDSubsets: kidSubsets, KIDSize: kidSize, KIDSeed: o.Seed, Neighbour: neighbour, Force: o.Force,
	}}
	if err := r.check(net, ref, o); err != nil {
		return nil, err
	}
	if ref != nil {
		if err := ref.Gather(ctx, net, o.Metrics, o.Progress); err != nil {
			return nil, err
		}
		r.Reference = ref.Stamp
	}
	g, err := gather(ctx, net.Features, images, o.Metrics, net.Batch, o.Progress)
	if err != nil {
		return nil, err
	}
	r.Samples = net.stamp(images, g)
	if r.Reference != nil && r.Reference.Pixels == r.Samples.Pixels {
		r.note(ref.Path, "the reference is the same images")
	}
	if r.Gathered, err = g.reference(r.Samples); err != nil {
		return nil, err
	}
	return r, r.measure(ctx, net.Device, g, ref, o)
}

// check refuses what cannot be measured, and notes what a reader should know.
func (r *Result) check(net *Network, ref *Reference, o Options) error {
	s := r.Samples
	r.note(s.Images.Path, s.Images.Notes...)
	if len(o.Metrics) == 0 {
		return fmt.Errorf("no metric is asked for")
	}
	if least := o.Metrics.minImages(); s.Count < least {
		return fmt.Errorf("%s: %d images, the metrics %s need %d", s.Images.Path, s.Count, o.Metrics.String(), least)
	}
	compared := o.Metrics.comparing()
	if len(compared) == 0 {
		return nil
	}
	if ref == nil {
		return fmt.Errorf("%s: a reference is needed", compared.String())
	}
	if err := ref.hasStatisticsFor(compared); err != nil {
		return err
	}
	r.ReferencePath = ref.Path
	r.noteFewImages(o.Metrics)
	stamp := ref.Stamp
	if ref.pending != nil {
		stamp = net.stamp(ref.pending, nil)
	}
	return r.checkStamps(ref, stamp, o.Force)
}

// ErrNotComparable is the reason not to compare with a reference that was made in another way, unless by force.
var ErrNotComparable = errors.New("not comparable")

func (r *Result) checkStamps(ref *Reference, stamp *Stamp, force bool) error {
	s := r.Samples
	if stamp == nil {
		r.note(ref.Path, "there is no stamp in it: what images and network made it is not known")
		if s.Resize != resizing[nn.InceptionTensorFlow] {
			r.note(ref.Path, "if it is EDM's or OpenAI's, it was made with TensorFlow's resizing, and Fréchet distances will be some tenths of a percent off: "+
				"--resize tensorflow makes them comparable")
		}
		return nil
	}
	r.note(ref.Path, stamp.Images.Notes...)
	if stamp.Count <= nn.InceptionFeature {
		r.note(ref.Path, fmt.Sprintf("%d images are few for a reference", stamp.Count))
	}
	differences := s.differences(stamp)
	switch {
	case len(differences) > 0 && !force:
		return fmt.Errorf("%s: %w:\n  %s", ref.Path, ErrNotComparable, strings.Join(differences, "\n  "))
	case len(differences) > 0:
		r.note(ref.Path, "NOT COMPARABLE, compared by force:")
		r.note(ref.Path, differences...)
	}
	return nil
}

// noteFewImages notes, of few images, that Fréchet distances of few images are too large, and what papers do.
func (r *Result) noteFewImages(ms Metrics) {
	n := r.Samples.Count
	switch {
	case !ms.has(FID) && !ms.has(SFID) || n >= 50_000:
	case n <= nn.InceptionFeature:
		r.note("", fmt.Sprintf("%d images cannot span %d features: their covariance is singular, and the Fréchet distance far too large; papers use 50000", n, nn.InceptionFeature))
	default:
		r.note("", fmt.Sprintf("a Fréchet distance of %d images is too large, the more so the fewer they are; papers use 50000", n))
	}
}

// measure computes the numbers. It ends between two of them with ctx, by its cause.
func (r *Result) measure(ctx context.Context, d *tensor.Device, g *gathered, ref *Reference, o Options) (err error) {
	status := func(format string, args ...any) {
		if o.Status != nil {
			o.Status(fmt.Sprintf(format, args...))
		}
	}
	for _, m := range o.Metrics {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		switch m {
		case FID:
			status("Fréchet distance of %d features", g.pool3.D)
			some := metrics.Features{N: len(g.some) / g.pool3.D, D: g.pool3.D, X: g.some}
			var value, deviation float64
			value, deviation, err = metrics.FrechetError(r.Gathered.Pool3, g.n, some, ref.Pool3)
			r.FID = &Number{value, 1.96 * deviation, "95 % of other draws of as many images"}
		case IS:
			value, deviation, splits := g.score.Result()
			r.IS = &Number{value, deviation, fmt.Sprintf("standard deviation over %d splits", splits)}
			if splits == 1 {
				r.IS = &Number{Value: value}
			}
		case SFID:
			status("Fréchet distance of %d spatial features", g.spatial.D)
			var value float64
			value, err = metrics.FrechetDistance(*r.Gathered.Spatial, *ref.Spatial)
			r.SFID = &Number{Value: value}
		case KID:
			status("kernel distance")
			var value, deviation float64
			value, deviation, err = metrics.KernelDistance(d, *r.Gathered.Features, *ref.Features, kidSubsets, kidSize, o.Seed)
			r.KID = &Number{value, deviation, fmt.Sprintf("standard deviation over %d subsets", kidSubsets)}
			if few := min(g.n, ref.Features.N); few <= kidSize {
				r.KID = &Number{Value: value}
				r.note("", fmt.Sprintf("KID has no deviation: subsets are of %d images, and %d are one subset", kidSize, few))
			}
		case PR:
			status("precision and recall")
			var precision, recall float64
			precision, recall, err = metrics.PrecisionRecall(d, *ref.Features, *r.Gathered.Features, neighbour)
			r.Precision, r.Recall = &Number{Value: precision}, &Number{Value: recall}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
