package cuda

import (
	_ "embed"

	"onestep/kernels"
)

//go:embed softmax.ptx
var softmaxPTX string

var softmaxModule = NewModule("softmax.ptx", softmaxPTX)

func init() {
	registerTyped(&kernels.CrossEntropy, func(d *Device, a kernels.CrossEntropyArgs) {
		d.Launch(softmaxModule, "cross_entropy_"+a.X.Type.String(), Dim{X: (a.N + 7) / 8}, Dim{X: 256}, 0,
			Ptr(a.Y), Ptr(a.X), Ptr(a.Labels), I32(a.N), I32(a.C))
	}, func(a kernels.CrossEntropyArgs) bool { return allF32(a.Y, a.Labels) })
	registerTyped(&kernels.CrossEntropyBackward, func(d *Device, a kernels.CrossEntropyBackwardArgs) {
		d.Launch(softmaxModule, "cross_entropy_backward_"+a.X.Type.String(), Dim{X: (a.N + 7) / 8}, Dim{X: 256}, 0,
			Ptr(a.DX), Ptr(a.DY), Ptr(a.X), Ptr(a.Labels), I32(a.N), I32(a.C))
	}, func(a kernels.CrossEntropyBackwardArgs) bool { return sameType(a.DX, a.X) && allF32(a.DY, a.Labels) })
}
