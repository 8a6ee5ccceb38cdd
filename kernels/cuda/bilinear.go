package cuda

import "onestep/kernels"

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
		args := append([]Arg{Ptr(a.Y), Ptr(a.X), I32(a.H), I32(a.OH), I32(shiftH)}, divisors(2*a.OH)...)
		args = append(append(args, I32(a.W), I32(a.OW), I32(shiftW)), divisors(2*a.OW)...)
		return append(args, divisors(rows)...)
	}
	if a.Grad {
		part := min(a.C, max(1, (defaultShared/4-a.OH)/a.OW)) // channels of a block
		args := append(append(sizes(a.H), divisors(2*a.H, 2*a.W)...), I32(a.C))
		d.Launch(bilinearBackwardKernel(typesOf(a.X)[0]), Dim{X: a.N * a.H, Y: ceil(a.C, part)}, Dim{X: 256}, 4*(a.OW*part+a.OH),
			append(args, divisors(part)...)...)
		return
	}
	count := a.OW * a.C
	c := chunkOf(a.Y.Type, true)
	if count%c.width != 0 || a.Y.Addr%16 != 0 {
		c.width = 1
	}
	threads := min(256, ceil(ceil(count, c.width), 32)*32)
	args := append(append(sizes(a.OH), divisors(a.C)...), I32(count))
	d.Launch(bilinearKernel(c), Dim{X: a.N * a.OH, Y: ceil(count, threads*c.width)}, Dim{X: threads}, 0, args...)
}
