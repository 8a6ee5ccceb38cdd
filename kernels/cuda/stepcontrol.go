package cuda

import (
	_ "embed"

	"onestep/kernels"
)

//go:embed stepcontrol.ptx
var stepControlPTX string

var stepControlModule = NewModule("stepcontrol.ptx", stepControlPTX)

func init() { register(&kernels.StepControl, stepControl) }

func stepControl(d *Device, a kernels.StepControlArgs) {
	rectified := 0
	if a.Rectified {
		rectified = 1
	}
	d.Launch(stepControlModule, "step_control", Dim{X: 1}, Dim{X: 32}, 0,
		Ptr(a.State), Ptr(a.Plan), Ptr(a.Report), Ptr(a.Grad), Ptr(a.Param), Ptr(a.LR), Ptr(a.Losses),
		I32(a.N), I32(rectified), F64(a.Beta1), F64(a.Beta2), F64(a.Eps), F64(a.Clip), F64(a.Growth))
}
