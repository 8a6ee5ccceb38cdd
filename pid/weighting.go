package pid

import (
	"fmt"
	"slices"
)

// Weighting is w(t), the weight of a sample's loss at level t.
type Weighting func(t float64) float64

// Uniform weighs all levels alike.
func Uniform(float64) float64 { return 1 }

// NamedWeighting is a weighting that a configuration can name.
type NamedWeighting struct {
	Name string // [Config.Weighting]
	At   Weighting
}

// Weightings are the reference's. The signal-to-noise ratio at level t is t⁻². To add one, add it here: flags and messages follow.
var Weightings = []NamedWeighting{
	{"uniform", Uniform},
	{"snr", func(t float64) float64 { return 1 / (t * t) }},
	{"snr+1", func(t float64) float64 { return 1/(t*t) + 1 }},
	{"karras", func(t float64) float64 { return 1/(t*t) + 1/(sigmaData*sigmaData) }}, // EDM's λ(t) = (t²+σ_data²)/(t·σ_data)² [karras22]
	{"truncated-snr", func(t float64) float64 { return max(1/(t*t), 1) }},
}

// WeightingNamed finds a weighting.
func WeightingNamed(name string) (Weighting, error) {
	for _, w := range Weightings {
		if w.Name == name {
			return w.At, nil
		}
	}
	names := weightingNames()
	slices.Sort(names)
	return nil, fmt.Errorf("weighting %q: want one of %v", name, names)
}

// WeightingNames lists all weightings for people: uniform, snr and so on.
func WeightingNames() string { return choice(weightingNames()) }

func weightingNames() (names []string) {
	for _, w := range Weightings {
		names = append(names, w.Name)
	}
	return names
}
