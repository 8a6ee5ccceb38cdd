package cuda

import "onestep/kernels"

func init() { register(&kernels.SquaredNorm, squaredNorm) }

func squaredNorm(d *Device, a kernels.SquaredNormArgs) {
	args, blocks := d.table(a.X)
	part := d.Scratch(kernels.F32, 2*max(1, blocks))
	if blocks > 0 {
		d.Launch(squaredNormKernel(), Dim{X: blocks}, Dim{X: 256}, 0, append(args, Ptr(part))...)
	}
	d.Launch(squaredNormSumKernel(), Dim{X: 1}, Dim{X: 1024}, 0, Ptr(a.Y), Ptr(part), I32(blocks))
	d.Free(part)
}
