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
	bufs, sizes := buffers{a.Y, a.X}, []Arg{I32(a.H), I32(a.W)}
	if a.Halves() {
		d.launchImage(pool2DModule, poolName("pool2d", a.Max), true, a.N, a.OH, a.OW, a.C, bufs, append(sizes, I32(a.OH), I32(a.OW))...)
		return
	}
	d.launchImage(pool2DModule, poolName("pool_window", a.Max), true, a.N, a.OH, a.OW, a.C, bufs, append(sizes, window(a.PoolShape)...)...)
}

func pool2DBackward(d *Device, a kernels.Pool2DBackwardArgs) {
	bufs, sizes := buffers{a.DX, a.DY}, []Arg{I32(a.H), I32(a.W), I32(a.OH), I32(a.OW)}
	if a.Max {
		bufs = append(bufs, a.X)
	}
	if a.Halves() {
		d.launchImage(pool2DModule, poolName("pool2d", a.Max)+"_backward", true, a.N, (a.H+1)/2, (a.W+1)/2, a.C, bufs, sizes...)
		return
	}
	sizes = append(sizes, window(a.PoolShape)...)
	d.launchImage(pool2DModule, poolName("pool_window", a.Max)+"_backward", true, a.N, a.H, a.W, a.C, bufs, sizes...)
}

func poolName(name string, isMax bool) string {
	if isMax {
		return name + "_max"
	}
	return name + "_mean"
}

// window is the geometry as kernels take it (kernels/cuda/gen: window).
func window(s kernels.PoolShape) []Arg {
	stride := divisor(s.Stride)
	return []Arg{I32(s.Kernel), I32(s.Pad), stride[0], stride[1], stride[2]}
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
