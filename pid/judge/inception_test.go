package judge_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/gonum/mat"

	"onestep/nn"
	"onestep/nn/golden"
	"onestep/pid/judge"
	"onestep/tensor"
)

// pictures are n images of 10×12 pixels that look random.
func pictures(n int, name string) judge.Images {
	pixels := make([]byte, n*10*12*3)
	for i, k := range golden.Perceptual.Indices("input:"+name, len(pixels), 256) {
		pixels[i] = byte(k)
	}
	return judge.InMemory(judge.Source{Kind: "test", Path: name}, pixels, 10, 12, 3)
}

// centred is the mean of rows of numbers, and the rows less it.
func centred(x []float32, rows int) (mean []float64, rest *mat.Dense) {
	d := len(x) / rows
	mean, rest = make([]float64, d), mat.NewDense(rows, d, nil)
	for i, v := range x {
		mean[i%d] += float64(v) / float64(rows)
	}
	for i, v := range x {
		rest.Set(i/d, i%d, float64(v)-mean[i%d])
	}
	return mean, rest
}

// fid is the Fréchet distance of fewer images than features, by other mathematics: with X and Y the rows less their means, Tr (XᵀX·YᵀY)^½ is the
// sum of the singular values of X·Yᵀ.
func fid(a, b []float32, na, nb int) float64 {
	ma, x := centred(a, na)
	mb, y := centred(b, nb)
	var sum float64
	for i, m := range ma {
		sum += (m - mb[i]) * (m - mb[i])
	}
	square := func(m *mat.Dense, n int) float64 { return math.Pow(mat.Norm(m, 2), 2) / float64(n-1) }
	var product mat.Dense
	product.Mul(x, y.T())
	var svd mat.SVD
	svd.Factorize(&product, mat.SVDNone)
	for _, v := range svd.Values(nil) {
		sum -= 2 * v / math.Sqrt(float64((na-1)*(nb-1)))
	}
	return sum + square(x, na) + square(y, nb)
}

// score is the Inception Score of one split by its definition.
func score(logits []float32, n int) float64 {
	d := len(logits) / n
	p, mean := make([]float64, len(logits)), make([]float64, d)
	var sum, kl float64
	for i := range n {
		sum = 0
		for c := range d {
			sum += math.Exp(float64(logits[i*d+c]))
		}
		for c := range d {
			p[i*d+c] = math.Exp(float64(logits[i*d+c])) / sum
			mean[c] += p[i*d+c] / float64(n)
		}
	}
	for i, v := range p {
		kl += v * (math.Log(v) - math.Log(mean[i%d])) / float64(n)
	}
	return math.Exp(kl)
}

// TestEvaluateInception measures images by the real network, in both layouts, with batches and threads of different numbers; the numbers are those of the
// definitions above.
func TestEvaluateInception(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	const n, m = 6, 5
	for _, layout := range []nn.InceptionLayout{nn.InceptionPyTorch, nn.InceptionTensorFlow} {
		path := filepath.Join(t.TempDir(), "inception.safetensors")
		if err := tensor.WriteSafeTensors(path, nil, weights(layout)); err != nil {
			t.Fatal(err)
		}
		var first string
		for _, c := range []struct{ threads, batch int }{{2, 4}, {3, 1}} {
			net, err := judge.LoadInception(tensor.CPU(c.threads), path)
			if err != nil {
				t.Fatal(err)
			}
			net.Batch = c.batch
			ref := judge.ReferenceOf(pictures(m, "ref"))
			r, err := judge.Evaluate(context.Background(), net, pictures(n, "samples"), ref, judge.Options{
				Metrics: judge.Metrics{judge.FID, judge.IS, judge.SFID, judge.KID, judge.PR},
			})
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out.json")
			if err := r.WriteJSON(out); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = string(text)
				byDefinition(t, net, r)
			}
			if string(text) != first {
				t.Errorf("%+v: other results:\n%s\nbefore:\n%s", c, text, first)
			}
			if !json.Valid(text) {
				t.Errorf("no JSON: %s", text)
			}
			net.Release()
		}
	}
}

func byDefinition(t *testing.T, net *judge.Network, r *judge.Result) {
	features := func(images judge.Images) nn.InceptionFeatures {
		n, h, w, c := images.Shape()
		x, err := images.Read(0, n)
		if err != nil {
			t.Fatal(err)
		}
		return net.Features(x, n, h, w, c)
	}
	s, ref := features(pictures(6, "samples")), features(pictures(5, "ref"))
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"FID", r.FID.Value, fid(s.Pool3, ref.Pool3, 6, 5)},
		{"sFID", r.SFID.Value, fid(s.Spatial, ref.Spatial, 6, 5)},
		{"IS", r.IS.Value, score(s.LogitsNoBias, 6)},
	} {
		if !(math.Abs(c.got-c.want) <= 1e-7*math.Abs(c.want)) {
			t.Errorf("%s: %.12g, by definition %.12g", c.name, c.got, c.want)
		}
	}
	if r.Samples.Weights != net.Digest || r.Reference == nil || r.Reference.Count != 5 || r.Reference.Pixels == r.Samples.Pixels {
		t.Errorf("stamps: samples %+v, reference %+v", r.Samples, r.Reference)
	}
}
