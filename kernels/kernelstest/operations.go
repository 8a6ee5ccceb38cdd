package kernelstest

import "onestep/kernels"

// Operation is any [kernels.Op].
type Operation interface{ Implementations() []string }

// Operations are all there are, by their names in package kernels. A test compares the list with the package.
var Operations = map[string]Operation{
	"Adam":                   &kernels.Adam,
	"Attention":              &kernels.Attention,
	"AttentionBackward":      &kernels.AttentionBackward,
	"Axpby":                  &kernels.Axpby,
	"Bilinear":               &kernels.Bilinear,
	"Cast":                   &kernels.Cast,
	"ChannelAffine":          &kernels.ChannelAffine,
	"Conv2D":                 &kernels.Conv2D,
	"Conv2DInputGrad":        &kernels.Conv2DInputGrad,
	"Conv2DWeightGrad":       &kernels.Conv2DWeightGrad,
	"CopyChannels":           &kernels.CopyChannels,
	"CrossEntropy":           &kernels.CrossEntropy,
	"CrossEntropyBackward":   &kernels.CrossEntropyBackward,
	"Embedding":              &kernels.Embedding,
	"EmbeddingBackward":      &kernels.EmbeddingBackward,
	"GEMM":                   &kernels.GEMM,
	"GroupNorm":              &kernels.GroupNorm,
	"GroupNormBackward":      &kernels.GroupNormBackward,
	"LPIPSLayer":             &kernels.LPIPSLayer,
	"LPIPSLayerBackward":     &kernels.LPIPSLayerBackward,
	"MeanPixels":             &kernels.MeanPixels,
	"Mul":                    &kernels.Mul,
	"Normal":                 &kernels.Normal,
	"Pool2D":                 &kernels.Pool2D,
	"Pool2DBackward":         &kernels.Pool2DBackward,
	"ReLUBackward":           &kernels.ReLUBackward,
	"Resample":               &kernels.Resample,
	"SampleAxpby":            &kernels.SampleAxpby,
	"SampleDistance":         &kernels.SampleDistance,
	"SampleDistanceBackward": &kernels.SampleDistanceBackward,
	"SiLU":                   &kernels.SiLU,
	"SiLUBackward":           &kernels.SiLUBackward,
	"SquaredNorm":            &kernels.SquaredNorm,
	"StepControl":            &kernels.StepControl,
}
