package cuda

import (
	_ "embed"
	"fmt"

	"onestep/kernels"
)

//go:embed lpips.ptx
var lpipsPTX string

var lpipsModule = NewModule("lpips.ptx", lpipsPTX)

// lpipsPixels is how many pixels a group of lanes goes through (kernels/cuda/gen: lpipsPixels).
const lpipsPixels = 8

func init() {
	registerTyped(&kernels.LPIPSLayer, lpipsLayer, func(a kernels.LPIPSLayerArgs) bool {
		return sameType(a.X, a.Y) && sameType(a.D, a.W) && a.D.Type == kernels.F32
	})
	registerTyped(&kernels.LPIPSLayerBackward, lpipsLayerBackward, func(a kernels.LPIPSLayerBackwardArgs) bool {
		return sameType(a.DX, a.X, a.Y) && (!a.Add.Given() || sameType(a.Add, a.X)) && sameType(a.DD, a.W) && a.DD.Type == kernels.F32
	})
}

// lpipsEntry is the kernel for so many channels: how many groups of lanes, each with a pixel, its blocks have, and a pixel's chunks.
func lpipsEntry(name string, channels int, w kernels.Buf, features ...kernels.Buf) (entry string, groups, count int) {
	name = typed(name, features...)
	width := 16 / features[0].Type.Size()
	count = channels / width
	if channels%width == 0 && aligned(w) && aligned(features...) {
		for _, s := range []struct{ lanes, chunks int }{{8, 1}, {16, 1}, {32, 1}, {32, 2}, {32, 4}} { // kernels/cuda/gen: lpipsShapes
			if count <= s.lanes*s.chunks {
				return fmt.Sprintf("%s_l%dv%d", name, s.lanes, s.chunks), 256 / s.lanes, count
			}
		}
	}
	return name + "_any", 8, channels
}

func lpipsLayer(d *Device, a kernels.LPIPSLayerArgs) {
	mustIndex("lpips_layer", a.X.Len)
	entry, groups, count := lpipsEntry("lpips", a.C, a.W, a.X, a.Y)
	parts := ceil(a.P, groups*lpipsPixels)
	part := d.Scratch(kernels.F32, a.N*parts)
	d.Launch(lpipsModule, entry, Dim{X: a.N, Y: parts}, Dim{X: 256}, 0,
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
	entry, groups, count := lpipsEntry("lpips_backward", a.C, a.W, features...)
	all, p := a.N*a.P, divisor(a.P)
	d.Launch(lpipsModule, entry, Dim{X: ceil(all, groups*lpipsPixels)}, Dim{X: 256}, 0,
		Ptr(a.DX), Ptr(a.DD), Ptr(a.X), Ptr(a.Y), Ptr(a.W), Ptr(a.Add), I32(bit(a.ReLU, 1)), I32(all), I32(count), p[0], p[1], p[2], F32(float32(a.P)/2))
}
