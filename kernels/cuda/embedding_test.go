package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestEmbedding(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Embedding, kernelstest.Embedding, open, kernelstest.Within(1), kernelstest.OnlyF32("C", "Omega"))
	kernelstest.AgreeOn(t, &kernels.EmbeddingBackward, kernelstest.EmbeddingBackward, open, kernelstest.Within(2), kernelstest.OnlyF32("C", "Omega", "DC"))
}
