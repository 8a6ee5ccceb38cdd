package cuda

import (
	"fmt"

	"onestep/kernels"
)

func init() { register(&kernels.Normal, normal) }

func normal(d *Device, a kernels.NormalArgs) {
	if (a.First+uint64(a.N))>>44 != 0 {
		panic(fmt.Errorf("kernels/cuda: normal: samples %d to %d; want less than 2⁴⁴", a.First, a.First+uint64(a.N)))
	}
	mustIndex("normal", a.N*a.I)
	blocks := ceil(a.I, 4)
	threads := min(256, ceil(blocks, 32)*32)
	d.Launch(normalKernel(a.I%4 == 0 && aligned(a.Y)), Dim{X: a.N, Y: ceil(blocks, threads)}, Dim{X: threads}, 0,
		Ptr(a.Y), Ptr(a.Step), U64(a.Seed), U64(a.First), I32(int(a.Stream)), F32(a.Scale), I32(a.I))
}
