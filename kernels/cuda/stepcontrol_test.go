package cuda_test

import (
	"math"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// stepControlOneNaN is StepControl whose reports have one kind of NaN: which bits a NaN has is not told.
var stepControlOneNaN = kernels.Op[kernels.StepControlArgs]{Name: "step_control with one NaN"}

func init() {
	oneNaN := func(w []float32) {
		for ; len(w) > 0; w = w[2:] {
			if math.IsNaN(kernels.Float64(w)) {
				kernels.PutFloat64(w, math.NaN())
			}
		}
	}
	stepControlOneNaN.Ref = func(c *kernels.CPU, a kernels.StepControlArgs) {
		kernels.StepControl.Run(c, a)
		oneNaN(a.Report.F32)
	}
	stepControlOneNaN.Register(kernels.Impl[kernels.StepControlArgs]{Kind: "cuda", Run: func(d kernels.Device, a kernels.StepControlArgs) {
		kernels.StepControl.Run(d, a)
		report := make([]float32, a.Report.Len)
		d.Download(report, a.Report)
		oneNaN(report)
		d.Upload(a.Report, report)
	}})
}

func TestStepControl(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &stepControlOneNaN, kernelstest.StepControl, open, kernelstest.Exactly(), kernelstest.OnlyF32(), kernelstest.Trials(60))
}
