package cuda

import (
	_ "embed"

	"onestep/kernels"
)

//go:embed silu.ptx
var siluPTX string

var siluModule = NewModule("silu.ptx", siluPTX)

func init() {
	registerTyped(&kernels.SiLU, func(d *Device, a kernels.SiLUArgs) {
		d.launchMap(siluModule, "silu_", a.N, a.Y, a.X)
	}, func(a kernels.SiLUArgs) bool { return sameType(a.Y, a.X) })
	registerTyped(&kernels.SiLUBackward, func(d *Device, a kernels.SiLUBackwardArgs) {
		d.launchMap(siluModule, "silu_backward_", a.N, a.DX, a.DY, a.X)
	}, func(a kernels.SiLUBackwardArgs) bool { return sameType(a.DX, a.DY, a.X) })
}

// registerTyped adds an implementation that takes F16 buffers in the combinations that typed allows; the others are given float32 copies.
func registerTyped[A any](op *kernels.Op[A], run func(*Device, A), typed func(A) bool) {
	register(op, run)
	register(op, run, half, fits(typed))
}

// launchMap starts a kernel that computes n elements of one buffer from the others, all of the same type.
func (d *Device) launchMap(m *Module, entry string, n int, bufs ...kernels.Buf) {
	t := bufs[0].Type
	entry += t.String()
	width := 16 / t.Size()
	if !aligned(bufs...) {
		entry, width = entry+"_1", 1
	}
	args := make([]Arg, 0, 4)
	for _, b := range bufs {
		args = append(args, Ptr(b))
	}
	const threads = 256
	d.Launch(m, entry, Dim{X: (n + threads*width - 1) / (threads * width)}, Dim{X: threads}, 0, append(args, I32(n))...)
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
