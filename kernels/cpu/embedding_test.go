package cpu_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestEmbedding(t *testing.T) {
	kernelstest.Agree(t, &kernels.Embedding, kernelstest.Embedding, kernelstest.Exactly(), kernelstest.OnlyF32("C", "Omega"))
	kernelstest.Agree(t, &kernels.EmbeddingBackward, kernelstest.EmbeddingBackward, kernelstest.Exactly(), kernelstest.OnlyF32("C", "Omega", "DC"))
}
