package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestSampleDistance(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.SampleDistance, kernelstest.SampleDistance, open, kernelstest.Within(4), kernelstest.OnlyF32("D"), kernelstest.Trials(30), scouted(t))
	kernelstest.AgreeOn(t, &kernels.SampleDistanceBackward, kernelstest.SampleDistanceBackward, open, kernelstest.Within(4), kernelstest.OnlyF32("DD"), kernelstest.HalfBits(), kernelstest.Trials(30), scouted(t))
}
