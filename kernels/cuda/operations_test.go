package cuda

import (
	"slices"
	"testing"

	"onestep/kernels"
)

// TestOperations fails if the GPU lacks an operation.
func TestOperations(t *testing.T) {
	for _, op := range kernels.Operations() {
		if !slices.Contains(op.Implementations(), Kind) {
			t.Errorf("%v has no implementation", op)
		}
	}
}
