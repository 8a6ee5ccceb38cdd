package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// TestGEMM has both operands transposed or not, rows with gaps, odd sizes and mixed types; [TestProductTilesRun] has the tiles.
func TestGEMM(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.GEMM, kernelstest.GEMM(100, 90, 130), open)
}
