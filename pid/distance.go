package pid

import (
	"fmt"
	"slices"

	"onestep/autograd"
)

// Distance is d(x,y) of images in [−1,1]: (N,H,W,C) × (N,H,W,C) → (N).
type Distance func(x, y *autograd.Var) *autograd.Var

// L1 is the mean absolute difference, L2 the mean squared one.
var (
	L1 Distance = autograd.SampleL1
	L2 Distance = autograd.SampleL2
)

// Weighting is w(t), the weight of a sample's loss at level t.
type Weighting func(t float64) float64

// Weightings are the reference's schedules by name; the signal-to-noise ratio is t⁻², σ_data = ½.
var Weightings = map[string]Weighting{
	"uniform":       func(float64) float64 { return 1 },
	"snr":           func(t float64) float64 { return 1 / (t * t) },
	"snr+1":         func(t float64) float64 { return 1/(t*t) + 1 },
	"karras":        func(t float64) float64 { return 1/(t*t) + 4 },
	"truncated-snr": func(t float64) float64 { return max(1/(t*t), 1) },
}

// WeightingNamed finds a weighting.
func WeightingNamed(name string) (Weighting, error) {
	if w, ok := Weightings[name]; ok {
		return w, nil
	}
	var names []string
	for n := range Weightings {
		names = append(names, n)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("weighting %q: want one of %v", name, names)
}
