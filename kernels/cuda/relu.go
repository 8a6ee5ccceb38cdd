package cuda

import "onestep/kernels"

func init() {
	registerTyped(&kernels.ReLUBackward, func(d *Device, a kernels.ReLUBackwardArgs) {
		reluBackwardKernels.launch(d, a.N, buffers{a.DX, a.DY, a.Y})
	}, func(a kernels.ReLUBackwardArgs) bool { return sameType(a.DX, a.DY, a.Y) })
}
