package cuda

import (
	"slices"

	"onestep/kernels"
	"onestep/kernels/cuda/asm"
)

type buffers = []kernels.Buf

func init() {
	registerTyped(&kernels.Axpby, axpby, func(a kernels.AxpbyArgs) bool {
		return sameType(a.Y, a.X) && (!a.Z.Given() || sameType(a.Y, a.Z))
	})
	registerTyped(&kernels.SampleAxpby, sampleAxpby, func(a kernels.SampleAxpbyArgs) bool {
		if a.A.Type != kernels.F32 || a.B.Type != kernels.F32 {
			return false
		}
		return !a.Z.Given() || slices.ContainsFunc(sampleAxpbyTypes, func(t []asm.Type) bool { return slices.Equal(t, typesOf(a.Y, a.X, a.Z)) })
	})
	registerTyped(&kernels.Mul, func(d *Device, a kernels.MulArgs) {
		mulKernels.launch(d, a.N, buffers{a.Y, a.X, a.Z})
	}, func(a kernels.MulArgs) bool { return sameType(a.Y, a.X, a.Z) })
	registerTyped(&kernels.ChannelAffine, channelAffine, func(a kernels.ChannelAffineArgs) bool {
		return sameType(a.Y, a.X) && a.A.Type == kernels.F32 && a.B.Type == kernels.F32
	})
	register(&kernels.CopyChannels, copyChannels, half)
}

func axpby(d *Device, a kernels.AxpbyArgs) {
	if a.Z.Given() {
		axpbyKernels.launch(d, a.N, buffers{a.Y, a.X, a.Z}, F32(a.A), F32(a.B))
		return
	}
	scaleKernels.launch(d, a.N, buffers{a.Y, a.X}, F32(a.A))
}

func sampleAxpby(d *Device, a kernels.SampleAxpbyArgs) {
	if a.Z.Given() {
		sampleAxpbyKernels.launchRows(d, a.N, a.I, buffers{a.Y, a.X, a.Z}, Ptr(a.A), Ptr(a.B))
		return
	}
	sampleScaleKernels.launchRows(d, a.N, a.I, buffers{a.Y, a.X}, Ptr(a.A))
}

func channelAffine(d *Device, a kernels.ChannelAffineArgs) {
	args := append([]Arg{Ptr(a.A)}, divisors(a.C)...)
	if a.B.Given() {
		channelAffineKernels.launch(d, a.M*a.C, buffers{a.Y, a.X}, append(args, Ptr(a.B))...)
		return
	}
	channelScaleKernels.launch(d, a.M*a.C, buffers{a.Y, a.X}, args...)
}

func copyChannels(d *Device, a kernels.CopyChannelsArgs) {
	if a.M*a.C == 0 {
		return
	}
	size := a.Y.Type.Size()
	yWidth, yFrom, xWidth, xFrom, c := a.YWidth*size, a.YFrom*size, a.XWidth*size, a.XFrom*size, a.C*size // bytes
	all := yWidth | yFrom | xWidth | xFrom | c | int((a.Y.Addr|a.X.Addr)&15)
	unit := copyUnits[slices.IndexFunc(copyUnits, func(bytes int) bool { return all%bytes == 0 })]
	n := a.M * c / unit
	mustIndex("copy_channels", max(n, a.M*max(yWidth, xWidth)/unit))
	args := append([]Arg{Ptr(a.Y), Ptr(a.X), I32(n)}, divisors(c/unit)...)
	d.Launch(copyChannelsKernel(unit), Dim{X: ceil(n, 256)}, Dim{X: 256}, 0,
		append(args, I32(yWidth/unit), I32(yFrom/unit), I32(xWidth/unit), I32(xFrom/unit))...)
}
