package cuda

import "onestep/kernels"

func init() {
	registerTyped(&kernels.SiLU, func(d *Device, a kernels.SiLUArgs) {
		siluKernels.launch(d, a.N, buffers{a.Y, a.X})
	}, func(a kernels.SiLUArgs) bool { return sameType(a.Y, a.X) })
	registerTyped(&kernels.SiLUBackward, func(d *Device, a kernels.SiLUBackwardArgs) {
		siluBackwardKernels.launch(d, a.N, buffers{a.DX, a.DY, a.X})
	}, func(a kernels.SiLUBackwardArgs) bool { return sameType(a.DX, a.DY, a.X) })
}

// registerTyped adds an implementation that takes F16 buffers in the combinations that typed allows; the others are given float32 copies.
func registerTyped[A any](op *kernels.Op[A], run func(*Device, A), typed func(A) bool) {
	register(op, run)
	register(op, run, half, fits(typed))
}

func sameType(bufs ...kernels.Buf) bool {
	for _, b := range bufs {
		if b.Type != bufs[0].Type {
			return false
		}
	}
	return true
}

// aligned says whether all buffers start at multiples of 16 bytes.
func aligned(bufs ...kernels.Buf) bool {
	for _, b := range bufs {
		if b.Addr%16 != 0 {
			return false
		}
	}
	return true
}
