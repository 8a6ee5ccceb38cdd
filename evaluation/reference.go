package evaluation

import "onestep/metrics"

// Reference is what is known of a set of images by their features.
type Reference struct {
	Pool3    metrics.Gaussian  // (2048)
	Spatial  *metrics.Gaussian // (2023), for sFID; nil if it is not known
	Features *metrics.Features // (N,2048), for kernel distance, precision and recall; nil if they were not kept
	Stamp    *Stamp            // nil in the files of others
}
