package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestCrossEntropy(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.CrossEntropy, kernelstest.CrossEntropy, open, kernelstest.Within(16), kernelstest.OnlyF32("Y", "Labels"))
	kernelstest.AgreeOn(t, &kernels.CrossEntropyBackward, kernelstest.CrossEntropyBackward, open, kernelstest.Within(16), kernelstest.OnlyF32("DY", "Labels"))
}
