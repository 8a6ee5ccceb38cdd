package metrics

import (
	"fmt"
	"math"
)

// Score computes the Inception Score [salimans16] of images that come one after the other: the mean over splits of
//
//	exp( mean_i Σ_c p_ic·(ln p_ic − ln p̄_c) ),   p̄ the split's mean of p
//
// for class probabilities p that are the softmax of logits. Splits are consecutive and of one size; a shorter last one counts fully, as in OpenAI's
// evaluator.
type Score struct {
	size    int
	splits  []float64 // that are whole
	n       int       // images in the split that is not
	sum, p  []float64 // of p, (classes); of one image
	entropy float64   // Σ p ln p
}

// NewScore starts with no images, for logits of so many classes and splits of size images.
func NewScore(classes, size int) *Score {
	return &Score{size: size, sum: make([]float64, classes), p: make([]float64, classes)}
}

// InceptionScore is the score of logits (n,classes), row-major, in splits of size images. Logits that are no whole number of images are an error.
func InceptionScore(logits []float32, classes, size int) (float64, error) {
	if classes < 1 || size < 1 || len(logits) == 0 || len(logits)%classes != 0 {
		return 0, fmt.Errorf("metrics: Inception Score of %d numbers, %d classes, splits of %d", len(logits), classes, size)
	}
	s := NewScore(classes, size)
	s.Add(logits)
	mean, _, _ := s.Result()
	return mean, nil
}

// Add counts images by their logits, (n,classes) row-major. It panics if logits is not a whole number of images.
func (s *Score) Add(logits []float32) {
	if len(logits)%len(s.p) != 0 {
		panic(fmt.Errorf("metrics: %d numbers are no logits of %d classes", len(logits), len(s.p)))
	}
	for c := len(s.p); len(logits) > 0; logits = logits[c:] {
		s.image(logits[:c])
		if s.n++; s.n == s.size {
			s.splits = append(s.splits, s.split())
			s.n, s.entropy = 0, 0
			clear(s.sum)
		}
	}
}

func (s *Score) image(logits []float32) {
	top := float64(logits[0])
	for _, v := range logits {
		top = max(top, float64(v))
	}
	var sum float64
	for c, v := range logits {
		s.p[c] = math.Exp(float64(v) - top)
		sum += s.p[c]
	}
	log := math.Log(sum)
	for c, v := range logits {
		p := s.p[c] / sum
		s.sum[c] += p
		if p > 0 {
			s.entropy += p * (float64(v) - top - log)
		}
	}
}

// split is the score of the images since the last whole split.
func (s *Score) split() float64 {
	n := float64(s.n)
	kl := s.entropy / n
	for _, sum := range s.sum {
		if m := sum / n; m > 0 {
			kl -= m * math.Log(m)
		}
	}
	return math.Exp(kl)
}

// Result is the score so far, and the standard deviation over its splits, which is 0 if there is but one. Without images the score is NaN.
func (s *Score) Result() (mean, deviation float64, splits int) {
	all := s.splits
	if s.n > 0 {
		all = append(all[:len(all):len(all)], s.split())
	}
	for _, v := range all {
		mean += v
	}
	mean /= float64(len(all))
	for _, v := range all {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / float64(max(1, len(all)))), len(all)
}
