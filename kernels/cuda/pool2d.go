package cuda

import "onestep/kernels"

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
		d.launchImage(pooling{isMax: a.Max}.kernel, true, a.N, a.OH, a.OW, a.C, bufs, append(sizes, I32(a.OH), I32(a.OW))...)
		return
	}
	d.launchImage(pooling{windows: true, isMax: a.Max}.kernel, true, a.N, a.OH, a.OW, a.C, bufs, append(sizes, windowArgs(a.PoolShape)...)...)
}

func pool2DBackward(d *Device, a kernels.Pool2DBackwardArgs) {
	bufs, sizes := buffers{a.DX, a.DY}, []Arg{I32(a.H), I32(a.W), I32(a.OH), I32(a.OW)}
	if a.Max {
		bufs = append(bufs, a.X)
	}
	if a.Halves() {
		d.launchImage(pooling{isMax: a.Max, backward: true}.kernel, true, a.N, (a.H+1)/2, (a.W+1)/2, a.C, bufs, sizes...)
		return
	}
	sizes = append(sizes, windowArgs(a.PoolShape)...)
	d.launchImage(pooling{windows: true, isMax: a.Max, backward: true}.kernel, true, a.N, a.H, a.W, a.C, bufs, sizes...)
}

// windowArgs is the geometry in the order of newWindow's parameters.
func windowArgs(s kernels.PoolShape) []Arg {
	return append([]Arg{I32(s.Kernel), I32(s.Pad)}, divisors(s.Stride)...)
}

func meanPixels(d *Device, a kernels.MeanPixelsArgs) {
	if a.Grad {
		vectors := bit(a.C%(16/a.X.Type.Size()) == 0 && aligned(a.X), 1) // a pixel's channels are whole vectors
		args := append(append([]Arg{Ptr(a.X)}, divisors(a.C)...), F32(float32(a.I)), I32(vectors))
		meanPixelsBackwardKernels.launchRows(d, a.N, a.I*a.C, buffers{a.Y}, args...)
		return
	}
	mustIndex("mean_pixels", a.N*a.I*a.C)
	d.Launch(meanPixelsKernel(typesOf(a.X)[0]), Dim{X: a.N, Y: ceil(a.C, 32)}, Dim{X: 256}, 0, Ptr(a.Y), Ptr(a.X), I32(a.I), I32(a.C))
}
