package cuda

import "onestep/kernels"

// distancePart is how many elements of a sample a block adds up.
const distancePart = 8192

func init() {
	registerTyped(&kernels.SampleDistance, sampleDistance, func(a kernels.SampleDistanceArgs) bool {
		return sameType(a.X, a.Y) && a.D.Type == kernels.F32
	})
	registerTyped(&kernels.SampleDistanceBackward, sampleDistanceBackward, func(a kernels.SampleDistanceBackwardArgs) bool {
		return sameType(a.DX, a.X, a.Y) && a.DD.Type == kernels.F32
	})
}

func sampleDistance(d *Device, a kernels.SampleDistanceArgs) {
	mustIndex("sample_distance", a.N*a.I)
	parts := ceil(a.I, distancePart)
	part := d.Scratch(kernels.F32, a.N*parts)
	c := chunkOf(a.X.Type, a.I%8 == 0 && aligned(a.X, a.Y))
	d.Launch(distanceKernel(a.Squared, c), Dim{X: a.N, Y: parts}, Dim{X: 256}, 0, Ptr(part), Ptr(a.X), Ptr(a.Y), I32(a.I), I32(parts))
	d.finishSums(a.D, part, a.N, parts, float64(a.I))
	d.Free(part)
}

// finishSums adds the parts of every sample's sum and divides by count.
func (d *Device) finishSums(to, part kernels.Buf, n, parts int, count float64) {
	d.Launch(finishKernel(), Dim{X: n}, Dim{X: 32}, 0, Ptr(to), Ptr(part), I32(parts), F64(count))
}

func sampleDistanceBackward(d *Device, a kernels.SampleDistanceBackwardArgs) {
	distanceBackwardKernels(a.Squared).launchRows(d, a.N, a.I, buffers{a.DX, a.X, a.Y}, Ptr(a.DD), F32(float32(a.I)))
}
