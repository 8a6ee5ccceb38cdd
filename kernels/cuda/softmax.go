package cuda

import "onestep/kernels"

func init() {
	registerTyped(&kernels.CrossEntropy, func(d *Device, a kernels.CrossEntropyArgs) {
		d.Launch(crossEntropyKernel(typesOf(a.X)[0]), Dim{X: ceil(a.N, 8)}, Dim{X: 256}, 0,
			Ptr(a.Y), Ptr(a.X), Ptr(a.Labels), I32(a.N), I32(a.C))
	}, func(a kernels.CrossEntropyArgs) bool { return allF32(a.Y, a.Labels) })
	registerTyped(&kernels.CrossEntropyBackward, func(d *Device, a kernels.CrossEntropyBackwardArgs) {
		d.Launch(crossEntropyBackwardKernel(typesOf(a.X)[0]), Dim{X: ceil(a.N, 8)}, Dim{X: 256}, 0,
			Ptr(a.DX), Ptr(a.DY), Ptr(a.X), Ptr(a.Labels), I32(a.N), I32(a.C))
	}, func(a kernels.CrossEntropyBackwardArgs) bool { return sameType(a.DX, a.X) && allF32(a.DY, a.Labels) })
}
