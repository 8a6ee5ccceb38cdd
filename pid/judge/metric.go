package judge

import (
	"fmt"
	"slices"
	"strings"
)

// Metric is one of the numbers to measure, by the name that flags and files have for it.
type Metric string

// The metrics. All but the Inception Score compare with a reference.
const (
	FID  Metric = "fid"  // Fréchet distance of pool3 features
	IS   Metric = "is"   // Inception Score
	SFID Metric = "sfid" // Fréchet distance of spatial features
	KID  Metric = "kid"  // kernel distance of pool3 features
	PR   Metric = "pr"   // precision and recall in pool3 features
)

var allMetrics = Metrics{FID, IS, SFID, KID, PR}

// Metrics is a list of them, also as a flag: with commas between.
type Metrics []Metric

func (m *Metrics) String() string {
	var names []string
	for _, x := range *m {
		names = append(names, string(x))
	}
	return strings.Join(names, ",")
}

// Set takes names with commas between.
func (m *Metrics) Set(s string) error {
	*m = nil
	for name := range strings.SplitSeq(s, ",") {
		x := Metric(name)
		if !slices.Contains(allMetrics, x) || m.has(x) {
			return fmt.Errorf("want some of %s, with commas between", allMetrics.String())
		}
		*m = append(*m, x)
	}
	return nil
}

func (m Metrics) has(x Metric) bool { return slices.Contains(m, x) }

// comparing are those that need a reference.
func (m Metrics) comparing() (some Metrics) {
	for _, x := range m {
		if x != IS {
			some = append(some, x)
		}
	}
	return some
}

// keepFeatures says whether all feature vectors are kept: 8 KB an image, 400 MB of 50,000.
func (m Metrics) keepFeatures() bool { return m.has(KID) || m.has(PR) }

// minImages is how many images the metrics need.
func (m Metrics) minImages() int {
	switch {
	case m.has(PR):
		return neighbour + 1
	case m.has(FID):
		return 3 // its error is that without one of them
	}
	return 2
}
