package cuda

import (
	_ "embed"
	"slices"

	"onestep/kernels"
)

//go:embed elementwise.ptx
var elementwisePTX string

var elementwiseModule = NewModule("elementwise.ptx", elementwisePTX)

type buffers = []kernels.Buf

func init() {
	registerTyped(&kernels.Axpby, axpby, func(a kernels.AxpbyArgs) bool {
		return sameType(a.Y, a.X) && (!a.Z.Given() || sameType(a.Y, a.Z))
	})
	registerTyped(&kernels.SampleAxpby, sampleAxpby, func(a kernels.SampleAxpbyArgs) bool {
		if a.A.Type != kernels.F32 || a.B.Type != kernels.F32 {
			return false
		}
		return !a.Z.Given() || slices.Contains([]string{"_f32", "_f32_f32_f16", "_f32_f16_f16", "_f16"}, typed("", a.Y, a.X, a.Z))
	})
	registerTyped(&kernels.Mul, func(d *Device, a kernels.MulArgs) {
		d.launchPointwise(elementwiseModule, "mul", a.N, buffers{a.Y, a.X, a.Z})
	}, func(a kernels.MulArgs) bool { return sameType(a.Y, a.X, a.Z) })
	registerTyped(&kernels.ChannelAffine, channelAffine, func(a kernels.ChannelAffineArgs) bool {
		return sameType(a.Y, a.X) && a.A.Type == kernels.F32 && a.B.Type == kernels.F32
	})
	register(&kernels.CopyChannels, copyChannels, half)
}

func axpby(d *Device, a kernels.AxpbyArgs) {
	if a.Z.Given() {
		d.launchPointwise(elementwiseModule, "axpby", a.N, buffers{a.Y, a.X, a.Z}, F32(a.A), F32(a.B))
		return
	}
	d.launchPointwise(elementwiseModule, "scale", a.N, buffers{a.Y, a.X}, F32(a.A))
}

func sampleAxpby(d *Device, a kernels.SampleAxpbyArgs) {
	if a.Z.Given() {
		d.launchRows(elementwiseModule, "sample_axpby", a.N, a.I, buffers{a.Y, a.X, a.Z}, Ptr(a.A), Ptr(a.B))
		return
	}
	d.launchRows(elementwiseModule, "sample_scale", a.N, a.I, buffers{a.Y, a.X}, Ptr(a.A))
}

func channelAffine(d *Device, a kernels.ChannelAffineArgs) {
	c := divisor(a.C)
	if a.B.Given() {
		d.launchPointwise(elementwiseModule, "channel_affine", a.M*a.C, buffers{a.Y, a.X}, Ptr(a.A), c[0], c[1], c[2], Ptr(a.B))
		return
	}
	d.launchPointwise(elementwiseModule, "channel_scale", a.M*a.C, buffers{a.Y, a.X}, Ptr(a.A), c[0], c[1], c[2])
}

func copyChannels(d *Device, a kernels.CopyChannelsArgs) {
	if a.M*a.C == 0 {
		return
	}
	size := a.Y.Type.Size()
	yWidth, yFrom, xWidth, xFrom, c := a.YWidth*size, a.YFrom*size, a.XWidth*size, a.XFrom*size, a.C*size // bytes
	entry, unit := "copy_channels_2", 2
	switch all := yWidth | yFrom | xWidth | xFrom | c | int((a.Y.Addr|a.X.Addr)&15); {
	case all%16 == 0:
		entry, unit = "copy_channels_16", 16
	case all%4 == 0:
		entry, unit = "copy_channels_4", 4
	}
	n := a.M * c / unit
	mustIndex("copy_channels", max(n, a.M*max(yWidth, xWidth)/unit))
	by := divisor(c / unit)
	d.Launch(elementwiseModule, entry, Dim{X: ceil(n, 256)}, Dim{X: 256}, 0, Ptr(a.Y), Ptr(a.X), I32(n), by[0], by[1], by[2],
		I32(yWidth/unit), I32(yFrom/unit), I32(xWidth/unit), I32(xFrom/unit))
}
