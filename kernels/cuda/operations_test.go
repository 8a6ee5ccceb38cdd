package cuda

import (
	"slices"
	"testing"

	"onestep/kernels/kernelstest"
)

// TestOperations fails if the GPU lacks an operation.
func TestOperations(t *testing.T) {
	for name, op := range kernelstest.Operations {
		if !slices.Contains(op.Implementations(), Kind) {
			t.Errorf("%s has no implementation", name)
		}
	}
}
