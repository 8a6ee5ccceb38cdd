package cuda

import (
	_ "embed"

	"onestep/kernels"
)

//go:embed pool2d.ptx
var pool2DPTX string

var pool2DModule = NewModule("pool2d.ptx", pool2DPTX)

func init() {
	registerTyped(&kernels.Pool2D, pool2D, func(a kernels.Pool2DArgs) bool { return sameType(a.Y, a.X) })
	registerTyped(&kernels.Pool2DBackward, pool2DBackward, func(a kernels.Pool2DBackwardArgs) bool {
		return sameType(a.DX, a.DY) && (!a.Max || sameType(a.DX, a.X))
	})
	registerTyped(&kernels.MeanPixels, meanPixels, func(a kernels.MeanPixelsArgs) bool { return sameType(a.Y, a.X) })
}

func pool2D(d *Device, a kernels.Pool2DArgs) {
	name := "pool2d_mean"
	if a.Max {
		name = "pool2d_max"
	}
	oh, ow := a.H/2, a.W/2
	d.launchImage(pool2DModule, name, true, a.N, oh, ow, a.C, buffers{a.Y, a.X}, I32(a.H), I32(a.W), I32(oh), I32(ow))
}

func pool2DBackward(d *Device, a kernels.Pool2DBackwardArgs) {
	name, bufs := "pool2d_mean_backward", buffers{a.DX, a.DY}
	if a.Max {
		name, bufs = "pool2d_max_backward", buffers{a.DX, a.DY, a.X}
	}
	d.launchImage(pool2DModule, name, true, a.N, (a.H+1)/2, (a.W+1)/2, a.C, bufs, I32(a.H), I32(a.W), I32(a.H/2), I32(a.W/2))
}

func meanPixels(d *Device, a kernels.MeanPixelsArgs) {
	if a.Grad {
		c := divisor(a.C)
		vectors := bit(a.C%(16/a.X.Type.Size()) == 0 && aligned(a.X), 1) // a pixel's channels are whole vectors
		d.launchRows(pool2DModule, "mean_pixels_backward", a.N, a.I*a.C, buffers{a.Y}, Ptr(a.X), c[0], c[1], c[2], F32(float32(a.I)), I32(vectors))
		return
	}
	mustIndex("mean_pixels", a.N*a.I*a.C)
	d.Launch(pool2DModule, typed("mean_pixels", a.X), Dim{X: a.N, Y: ceil(a.C, 32)}, Dim{X: 256}, 0, Ptr(a.Y), Ptr(a.X), I32(a.I), I32(a.C))
}
