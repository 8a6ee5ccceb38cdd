package cuda

import (
	_ "embed"

	"onestep/kernels"
)

//go:embed bilinear.ptx
var bilinearPTX string

var bilinearModule = NewModule("bilinear.ptx", bilinearPTX)

func init() {
	registerTyped(&kernels.Bilinear, bilinear, func(a kernels.BilinearArgs) bool { return sameType(a.Y, a.X) })
}

func bilinear(d *Device, a kernels.BilinearArgs) {
	mustIndex("bilinear", max(a.Y.Len, a.X.Len))
	shiftH, shiftW := a.H-a.OH, a.W-a.OW
	if a.TopLeft {
		shiftH, shiftW = 0, 0
	}
	sizes := func(rows int) []Arg { // what both kernels begin with
		th, tw, r := divisor(2*a.OH), divisor(2*a.OW), divisor(rows)
		return append([]Arg{
			Ptr(a.Y), Ptr(a.X), I32(a.H), I32(a.OH), I32(shiftH), th[0], th[1], th[2], I32(a.W), I32(a.OW), I32(shiftW), tw[0], tw[1], tw[2],
		}, r[:]...)
	}
	if a.Grad {
		part := min(a.C, max(1, (defaultShared/4-a.OH)/a.OW)) // channels of a block
		h, w, c := divisor(2*a.H), divisor(2*a.W), divisor(part)
		args := append(sizes(a.H), h[0], h[1], h[2], w[0], w[1], w[2], I32(a.C), c[0], c[1], c[2])
		d.Launch(bilinearModule, typed("bilinear_backward", a.X), Dim{X: a.N * a.H, Y: ceil(a.C, part)}, Dim{X: 256}, 4*(a.OW*part+a.OH), args...)
		return
	}
	count, width := a.OW*a.C, 16/a.Y.Type.Size()
	entry := typed("bilinear", a.Y)
	if count%width != 0 || a.Y.Addr%16 != 0 {
		entry, width = entry+"_any", 1
	}
	threads := min(256, ceil(ceil(count, width), 32)*32)
	c := divisor(a.C)
	args := append(sizes(a.OH), c[0], c[1], c[2], I32(count))
	d.Launch(bilinearModule, entry, Dim{X: a.N * a.OH, Y: ceil(count, threads*width)}, Dim{X: threads}, 0, args...)
}
