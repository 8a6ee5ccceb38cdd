package cuda

import "onestep/kernels"

func init() { register(&kernels.StepControl, stepControl) }

func stepControl(d *Device, a kernels.StepControlArgs) {
	d.Launch(stepControlKernel(), Dim{X: 1}, Dim{X: 32}, 0,
		Ptr(a.State), Ptr(a.Plan), Ptr(a.Report), Ptr(a.Grad), Ptr(a.Param), Ptr(a.LR), Ptr(a.Losses),
		I32(a.N), I32(bit(a.Rectified, 1)), F64(a.Beta1), F64(a.Beta2), F64(a.Eps), F64(a.Clip), F64(a.Growth))
}
