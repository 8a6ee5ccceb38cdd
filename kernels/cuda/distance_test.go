package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestSampleDistance(t *testing.T) {
	kernelstest.AgreeOn(t, &kernels.SampleDistance, kernelstest.SampleDistance, emulator, kernelstest.Within(4), kernelstest.OnlyF32("D"), trials(30))
	kernelstest.AgreeOn(t, &kernels.SampleDistanceBackward, kernelstest.SampleDistanceBackward, emulator, kernelstest.Within(4), kernelstest.OnlyF32("DD"), kernelstest.HalfBits(), trials(30))
}
