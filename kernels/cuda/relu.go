package cuda

import (
	_ "embed"

	"onestep/kernels"
)

//go:embed relu.ptx
var reluPTX string

var reluModule = NewModule("relu.ptx", reluPTX)

func init() {
	registerTyped(&kernels.ReLUBackward, func(d *Device, a kernels.ReLUBackwardArgs) {
		d.launchPointwise(reluModule, "relu_backward", a.N, buffers{a.DX, a.DY, a.Y})
	}, func(a kernels.ReLUBackwardArgs) bool { return sameType(a.DX, a.DY, a.Y) })
}
