package metrics

import (
	"fmt"
	"math"
)

// InceptionScore is the mean over splits of [salimans16]
//
//	exp( mean_i Σ_c p_ic·(ln p_ic − ln p̄_c) ),   p̄ the split's mean of p
//
// for class probabilities p that are the softmax of logits, (n,classes) row-major. Splits are consecutive and of the given size; a shorter
// last one counts fully, as in OpenAI's evaluator.
func InceptionScore(logits []float32, classes, size int) (float64, error) {
	if classes < 1 || size < 1 || len(logits) == 0 || len(logits)%classes != 0 {
		return 0, fmt.Errorf("metrics: Inception Score of %d numbers, %d classes, splits of %d", len(logits), classes, size)
	}
	var total float64
	splits := 0
	for rest := logits; len(rest) > 0; splits++ {
		n := min(len(rest), size*classes)
		total += splitScore(rest[:n], classes)
		rest = rest[n:]
	}
	return total / float64(splits), nil
}

func splitScore(logits []float32, classes int) float64 {
	n := len(logits) / classes
	mean := make([]float64, classes)
	p := make([]float64, classes)
	var entropy float64 // Σ p ln p
	for i := range n {
		row := logits[i*classes : (i+1)*classes]
		top := float64(row[0])
		for _, v := range row {
			top = max(top, float64(v))
		}
		var sum float64
		for c, v := range row {
			p[c] = math.Exp(float64(v) - top)
			sum += p[c]
		}
		for c, v := range row {
			p[c] /= sum
			mean[c] += p[c] / float64(n)
			if p[c] > 0 {
				entropy += p[c] * (float64(v) - top - math.Log(sum))
			}
		}
	}
	kl := entropy / float64(n)
	for _, m := range mean {
		if m > 0 {
			kl -= m * math.Log(m)
		}
	}
	return math.Exp(kl)
}
