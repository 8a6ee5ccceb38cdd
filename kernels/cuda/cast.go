package cuda

import "onestep/kernels"

func init() { register(&kernels.Cast, cast, half) }

func cast(d *Device, a kernels.CastArgs) {
	if a.Y.Type != a.X.Type {
		castKernels.launch(d, a.N, buffers{a.Y, a.X})
		return
	}
	width := a.N // one pixel of so many channels; what is left of 16 bytes is a second copy
	if aligned(a.Y, a.X) {
		width = a.N / (16 / a.X.Type.Size()) * (16 / a.X.Type.Size())
	}
	copyChannels(d, kernels.CopyChannelsArgs{Y: a.Y, X: a.X, M: 1, C: width, YWidth: width, XWidth: width})
	rest := a.N - width
	copyChannels(d, kernels.CopyChannelsArgs{Y: a.Y.Slice(width, a.N), X: a.X.Slice(width, a.N), M: 1, C: rest, YWidth: rest, XWidth: rest})
}
