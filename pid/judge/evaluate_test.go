package judge

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"onestep/nn"
	"onestep/pid/judge/metrics"
	"onestep/tensor"
)

// fake makes features of few numbers from an image's bytes, as different for different images as any. Like pool3 they are not negative.
func fake(images []byte, count, h, w, c int) (f nn.InceptionFeatures) {
	size := h * w * c
	for i := range count {
		sum := sha256.Sum256(images[i*size : (i+1)*size])
		mean := 0
		for _, u := range images[i*size : (i+1)*size] {
			mean += int(u)
		}
		bright := float32(mean) / float32(255*size)
		for k, b := range sum {
			x := float32(b)/255 + bright
			switch {
			case k < 12:
				f.Pool3 = append(f.Pool3, x*float32(k+1))
			case k < 22:
				f.Spatial = append(f.Spatial, x)
			default:
				f.LogitsNoBias = append(f.LogitsNoBias, 3*x)
			}
		}
	}
	return f
}

// someImages are n images of 4×5 pixels that depend on a seed, brighter or darker.
func someImages(n int, seed uint64, bright float32) Images {
	const h, w, c = 4, 5, 3
	x := make([]float32, n*h*w*c)
	tensor.Random{Seed: seed}.Uniform(x, tensor.Noise, 0, 0)
	pixels := make([]byte, len(x))
	for i, v := range x {
		pixels[i] = byte(min(255, 200*v+bright))
	}
	return InMemory(Source{Kind: "test", Path: fmt.Sprint("images-", seed)}, pixels, h, w, c)
}

// fakeNet is a network for stamps only.
func fakeNet() *Network {
	return &Network{Inception: &nn.Inception{Params: &nn.Params{Device: tensor.CPU(1)}, Layout: nn.InceptionTensorFlow, Input: nn.InceptionTensorFlow}, Digest: "d"}
}

func mustGather(t *testing.T, images Images, ms Metrics, batch int) *gathered {
	t.Helper()
	g, err := gather(context.Background(), fake, images, ms, batch, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Every number is that of the metrics package on all features at once, to the bit, whatever the size of batches and the number of threads.
func TestNumbers(t *testing.T) {
	samples, reference := someImages(1205, 1, 0), someImages(1033, 2, 20)
	features := func(m Images) (f nn.InceptionFeatures) {
		n, h, w, c := m.Shape()
		x, err := m.Read(0, n)
		if err != nil {
			t.Fatal(err)
		}
		return fake(x, n, h, w, c)
	}
	gaussian := func(x []float32, d int) metrics.Gaussian {
		m := metrics.NewMoments(d)
		m.Add(x)
		g, err := m.Gaussian()
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	fs, fr := features(samples), features(reference)
	vs, vr := metrics.Features{N: 1205, D: 12, X: fs.Pool3}, metrics.Features{N: 1033, D: 12, X: fr.Pool3}
	want := &Result{}
	d := tensor.CPU(1)
	value := func(v float64, err error) *Number {
		if err != nil {
			t.Fatal(err)
		}
		return &Number{Value: v}
	}
	want.FID = value(metrics.FrechetDistance(gaussian(fs.Pool3, 12), gaussian(fr.Pool3, 12)))
	want.SFID = value(metrics.FrechetDistance(gaussian(fs.Spatial, 10), gaussian(fr.Spatial, 10)))
	want.IS = value(metrics.InceptionScore(fs.LogitsNoBias, 10, splitSize))
	kid, deviation, err := metrics.KernelDistance(d, vs, vr, kidSubsets, kidSize, 5)
	want.KID = value(kid, err)
	precision, recall, err := metrics.PrecisionRecall(d, vr, vs, 3)
	want.Precision, want.Recall = value(precision, err), value(recall, nil)

	var first *Result
	for threads, batches := range map[int][]int{1: {1, 5000}, 3: {7}} {
		for _, batch := range batches {
			net := fakeNet()
			net.Device = tensor.CPU(threads)
			r := &Result{}
			gs, gr := mustGather(t, samples, allMetrics, batch), mustGather(t, reference, allMetrics.comparing(), batch)
			ref, err := gr.reference(net.stamp(reference, gr))
			if err != nil {
				t.Fatal(err)
			}
			if r.Gathered, err = gs.reference(net.stamp(samples, gs)); err != nil {
				t.Fatal(err)
			}
			if err := r.measure(context.Background(), net.Device, gs, ref, Options{Metrics: allMetrics, Seed: 5}); err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = r
			}
			if !reflect.DeepEqual(r, first) {
				t.Errorf("batches of %d and %d threads: %+v, before %+v", batch, threads, r, first)
			}
			x, _ := samples.Read(0, 1205)
			if sum := fmt.Sprintf("%x", sha256.Sum256(x)); r.Gathered.Stamp.Pixels != sum {
				t.Errorf("hash of pixels %s, want %s", r.Gathered.Stamp.Pixels, sum)
			}
		}
	}
	for name, pair := range map[string][2]*Number{
		"FID": {first.FID, want.FID}, "sFID": {first.SFID, want.SFID}, "IS": {first.IS, want.IS}, "KID": {first.KID, want.KID},
		"precision": {first.Precision, want.Precision}, "recall": {first.Recall, want.Recall},
	} {
		if got, want := pair[0].Value, pair[1].Value; got != want || math.IsNaN(got) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if first.KID.Spread != deviation || !(first.FID.Spread > 0 && first.FID.Spread < first.FID.Value) || first.IS.SpreadIs != "" {
		t.Errorf("spreads: KID %+v, FID %+v, IS %+v", first.KID, first.FID, first.IS)
	}
}

// TestKIDOfFew: where all subsets are the same images, they do not deviate.
func TestKIDOfFew(t *testing.T) {
	samples, reference := someImages(1205, 1, 0), someImages(kidSize, 2, 20)
	r, kid := &Result{}, Metrics{KID}
	gs, gr := mustGather(t, samples, kid, 100), mustGather(t, reference, kid, 100)
	ref, err := gr.reference(fakeNet().stamp(reference, gr))
	if err != nil {
		t.Fatal(err)
	}
	if r.Gathered, err = gs.reference(fakeNet().stamp(samples, gs)); err != nil {
		t.Fatal(err)
	}
	if err := r.measure(context.Background(), tensor.CPU(0), gs, ref, Options{Metrics: kid}); err != nil {
		t.Fatal(err)
	}
	if r.KID.SpreadIs != "" || r.KID.Spread != 0 || len(r.Notes) != 1 || !strings.Contains(fmt.Sprint(r.Notes), "1000 are one subset") {
		t.Errorf("%+v, %v", r.KID, r.Notes)
	}
}

// TestChecks has everything that is refused before the first image is read, and by what words.
func TestChecks(t *testing.T) {
	net := fakeNet()
	like := net.stamp(someImages(3000, 3, 0), nil)
	gaussian := metrics.Gaussian{Mu: make([]float64, nn.InceptionFeature)}
	edited := func(f func(s *Stamp)) *Reference {
		s := *like
		f(&s)
		return &Reference{Path: "ref.npz", Pool3: gaussian, Stamp: &s}
	}
	plain := &Reference{Path: "edm.npz", Pool3: gaussian}
	for name, c := range map[string]struct {
		n     int
		ref   *Reference
		ms    Metrics
		force bool
		fails string   // in the error
		notes []string // in the notes, if there is no error
	}{
		"no metrics":          {3000, plain, nil, false, "no metric", nil},
		"no reference":        {3000, nil, Metrics{IS, FID}, false, "fid: a reference is needed", nil},
		"only IS":             {3000, nil, Metrics{IS}, false, "", nil},
		"too few":             {3, plain, Metrics{IS, PR}, false, "3 images, the metrics is,pr need 4", nil},
		"no spatial":          {3000, plain, Metrics{SFID}, false, "edm.npz: sfid needs statistics of spatial features (mu_s, sigma_s), which are not there", nil},
		"no features":         {3000, plain, Metrics{FID, KID}, false, "edm.npz: kid needs the features of every image (pool3), which are not there", nil},
		"no stamp":            {3000, plain, Metrics{FID}, false, "", []string{"too large, the more so", "edm.npz: there is no stamp"}},
		"rank":                {2048, plain, Metrics{FID}, false, "", []string{"2048 images cannot span 2048", "there is no stamp"}},
		"few for a reference": {50000, edited(func(s *Stamp) { s.Count = 2048 }), Metrics{FID}, false, "", []string{"ref.npz: 2048 images are few"}},
		"enough":              {50000, edited(func(*Stamp) {}), Metrics{FID}, false, "", nil},
		"weights":             {50000, edited(func(s *Stamp) { s.Weights = "x" }), Metrics{FID}, false, "SHA-256 of the Inception weights: d, the reference has x", nil},
		"resizing":            {50000, edited(func(s *Stamp) { s.Resize = "x" }), Metrics{FID}, false, "resizing: bilinear", nil},
		"size":                {50000, edited(func(s *Stamp) { s.Width = 6 }), Metrics{FID}, false, "size of images: 4x5, the reference has 4x6", nil},
		"size, by force":      {50000, edited(func(s *Stamp) { s.Width = 6 }), Metrics{FID}, true, "", []string{"NOT COMPARABLE", "size of images"}},
		"images of another size": {50000, ReferenceOf(InMemory(Source{Path: "dir"}, make([]byte, 5*6*3*10), 5, 6, 3)), Metrics{FID, KID}, false,
			"dir: not comparable:\n  size of images: 4x5, the reference has 5x6", nil},
		"few images": {50000, ReferenceOf(someImages(3, 1, 0)), Metrics{PR}, false, "images-1: 3 images, pr needs 4", nil},
		"notes":      {50000, edited(func(s *Stamp) { s.Images.Notes = []string{"JPEG \x1b[2J"} }), Metrics{FID}, false, "", []string{"ref.npz: JPEG \uFFFD[2J"}},
	} {
		r := &Result{Samples: net.stamp(someImages(c.n, 1, 0), nil)}
		err := r.check(net, c.ref, Options{Metrics: c.ms, Force: c.force})
		switch {
		case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
			t.Errorf("%s: error %v, want %q", name, err, c.fails)
		case c.fails == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.fails == "" && len(r.Notes) != len(c.notes):
			t.Errorf("%s: notes %q, want %q", name, r.Notes, c.notes)
		}
		for i, note := range c.notes {
			if i < len(r.Notes) && !strings.Contains(r.Notes[i], note) {
				t.Errorf("%s: note %q, want %q", name, r.Notes[i], note)
			}
		}
	}
	net.Input = nn.InceptionPyTorch
	r := &Result{Samples: net.stamp(someImages(50000, 1, 0), nil)}
	if err := r.check(net, plain, Options{Metrics: Metrics{FID}}); err != nil || !strings.Contains(strings.Join(r.Notes, "\n"), "--resize tensorflow") {
		t.Errorf("EDM's statistics and pytorch-fid's resizing: %v, notes %q", err, r.Notes)
	}
}

// A context that ends stops the work, by its cause; so does an image that cannot be read.
func TestGatherEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stop")
	calls := 0
	_, err := gather(ctx, fake, someImages(200, 1, 0), Metrics{FID}, 8, func(_ string, done, total int) {
		if calls++; done == 64 {
			cancel(stop)
		}
	})
	if err != stop || calls != 3 {
		t.Errorf("%v after %d calls, want %v after 3", err, calls, stop)
	}
	if _, err := gather(context.Background(), fake, broken{someImages(200, 1, 0)}, Metrics{FID}, 8, nil); err == nil || err.Error() != "torn" {
		t.Errorf("a torn file: %v", err)
	}
}

type broken struct{ Images }

func (b broken) Read(first, count int) ([]byte, error) {
	if first > 0 {
		return nil, errors.New("torn")
	}
	return b.Images.Read(first, count)
}
