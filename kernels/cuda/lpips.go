package cuda

import (
	"onestep/kernels"
)

// lpipsPixels is how many pixels a group of lanes goes through.
const lpipsPixels = 8

const lpipsThreads = 256

func init() {
	registerTyped(&kernels.LPIPSLayer, lpipsLayer, func(a kernels.LPIPSLayerArgs) bool {
		return sameType(a.X, a.Y) && sameType(a.D, a.W) && a.D.Type == kernels.F32
	})
	registerTyped(&kernels.LPIPSLayerBackward, lpipsLayerBackward, func(a kernels.LPIPSLayerBackwardArgs) bool {
		return sameType(a.DX, a.X, a.Y) && (!a.Add.Given() || sameType(a.Add, a.X)) && sameType(a.DD, a.W) && a.DD.Type == kernels.F32
	})
}

// lpipsPlan is how the channels of features are spread, and how many a pixel has as the kernel counts them.
func lpipsPlan(channels int, w kernels.Buf, features ...kernels.Buf) (s lpipsShape, count int) {
	shapes := lpipsShapes(typesOf(features[0])[0])
	count = channels / shapes[0].width
	if channels%shapes[0].width == 0 && aligned(w) && aligned(features...) {
		for _, s := range shapes {
			if count <= s.lanes*s.chunks {
				return s, count
			}
		}
	}
	return shapes[len(shapes)-1], channels
}

func lpipsLayer(d *Device, a kernels.LPIPSLayerArgs) {
	mustIndex("lpips_layer", a.X.Len)
	s, count := lpipsPlan(a.C, a.W, a.X, a.Y)
	parts := ceil(a.P, s.groups()*lpipsPixels)
	part := d.Scratch(kernels.F32, a.N*parts)
	d.Launch(lpipsKernel(s), Dim{X: a.N, Y: parts}, Dim{X: lpipsThreads}, 0,
		Ptr(part), Ptr(a.X), Ptr(a.Y), Ptr(a.W), I32(a.P), I32(count), I32(parts))
	d.finishSums(a.D, part, a.N, parts, float64(a.P))
	d.Free(part)
}

func lpipsLayerBackward(d *Device, a kernels.LPIPSLayerBackwardArgs) {
	mustIndex("lpips_layer_backward", a.X.Len)
	features := []kernels.Buf{a.DX, a.X, a.Y}
	if a.Add.Given() {
		features = append(features, a.Add)
	}
	s, count := lpipsPlan(a.C, a.W, features...)
	all := a.N * a.P
	args := append([]Arg{Ptr(a.DX), Ptr(a.DD), Ptr(a.X), Ptr(a.Y), Ptr(a.W), Ptr(a.Add), I32(bit(a.ReLU, 1)), I32(all), I32(count)}, divisors(a.P)...)
	d.Launch(lpipsBackwardKernel(s), Dim{X: ceil(all, s.groups()*lpipsPixels)}, Dim{X: lpipsThreads}, 0, append(args, F32(float32(a.P)/2))...)
}
