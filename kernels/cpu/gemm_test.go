package cpu_test

import (
	"testing"

	"onestep/kernels"
	_ "onestep/kernels/cpu"
	"onestep/kernels/kernelstest"
)

func TestGEMM(t *testing.T) {
	for _, max := range [][3]int{{40, 100, 300}, {150, 200, 781}, {7, 50, 1823}} {
		kernelstest.Agree(t, &kernels.GEMM, kernelstest.GEMM(max[0], max[1], max[2]))
	}
}
