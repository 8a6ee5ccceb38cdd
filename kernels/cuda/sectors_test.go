package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/cuda"
	"onestep/kernels/cuda/emulated"
	"onestep/kernels/cuda/simt"
)

// TestSectors counts the sectors of 32 bytes that aligned buffers of the networks' shapes cost, of each access by itself and, as memory sees them,
// each once: at least 90 % of what is moved was asked for, and no byte beside the buffers is.
func TestSectors(t *testing.T) {
	interpreted(t)
	drv := emulated.New(simt.Options{})
	dev, err := cuda.On(drv, "emulated")
	if err != nil {
		t.Fatal(err)
	}
	type buf = kernels.Buf
	for _, dt := range []kernels.DType{kernels.F32, kernels.F16} {
		var given []buf
		typed := func(dt kernels.DType, n int) buf {
			b := dev.Alloc(dt, n)
			dev.Upload(b, make([]float32, n))
			given = append(given, b)
			return b
		}
		half := func(n int) buf { return typed(dt, n) }
		full := func(n int) buf { return typed(kernels.F32, n) }
		const n, h, c = 2, 16, 64
		const image, quarter = n * h * h * c, n * h * h * c / 4
		for name, run := range map[string]func(){
			"axpby": func() {
				kernels.Axpby.Run(dev, kernels.AxpbyArgs{Y: half(image), X: half(image), Z: half(image), A: 1, B: 2, N: image})
			},
			"sample_axpby": func() {
				kernels.SampleAxpby.Run(dev, kernels.SampleAxpbyArgs{Y: full(image), X: full(image), Z: half(image), A: full(n), B: full(n), N: n, I: image / n})
			},
			"copy_channels": func() {
				kernels.CopyChannels.Run(dev, kernels.CopyChannelsArgs{Y: half(2 * image), X: half(image), M: n * h * h, C: c, YWidth: 2 * c, YFrom: c, XWidth: c})
			},
			"cast": func() {
				kernels.Cast.Run(dev, kernels.CastArgs{Y: full(image), X: typed(kernels.F16, image), N: image})
			},
			"cast_to_half": func() {
				kernels.Cast.Run(dev, kernels.CastArgs{Y: typed(kernels.F16, image), X: full(image), N: image})
			},
			"pool2d": func() {
				kernels.Pool2D.Run(dev, kernels.Pool2DArgs{Y: half(quarter), X: half(image), N: n, H: h, W: h, C: c, Max: true})
			},
			"pool2d_backward": func() {
				kernels.Pool2DBackward.Run(dev, kernels.Pool2DBackwardArgs{DX: half(image), DY: half(quarter), X: half(image), N: n, H: h, W: h, C: c, Max: true})
			},
			"resample_down": func() {
				kernels.Resample.Run(dev, kernels.ResampleArgs{Y: half(quarter), X: half(image), Filter: []float32{0.5, 0.5}, Gain: 1, N: n, C: c, BigH: h, BigW: h, SmallH: h / 2, SmallW: h / 2})
			},
			"sample_distance": func() {
				kernels.SampleDistance.Run(dev, kernels.SampleDistanceArgs{D: full(n), X: half(image), Y: half(image), N: n, I: image / n})
			},
			"lpips_layer": func() {
				kernels.LPIPSLayer.Run(dev, kernels.LPIPSLayerArgs{D: full(n), X: half(image), Y: half(image), W: full(c), N: n, P: h * h, C: c})
			},
			"lpips_layer_backward": func() {
				kernels.LPIPSLayerBackward.Run(dev, kernels.LPIPSLayerBackwardArgs{DX: half(image), DD: full(n), X: half(image), Y: half(image), W: full(c), N: n, P: h * h, C: c})
			},
			"normal": func() {
				kernels.Normal.Run(dev, kernels.NormalArgs{Y: full(n * 3072), Step: full(2), Scale: 1, N: n, I: 3072})
			},
			"squared_norm": func() {
				kernels.SquaredNorm.Run(dev, kernels.SquaredNormArgs{Y: full(2), X: []buf{full(image), full(c)}})
			},
		} {
			given = nil
			counters := simt.NewCounters(true)
			drv.SetOptions(simt.Options{Counters: counters})
			run()
			bytes := 0
			for _, b := range given {
				bytes += b.Bytes()
			}
			moved := 32 * (len(counters.Read) + len(counters.Written))
			ideal := float64(counters.IdealSectors) / float64(counters.Sectors)
			t.Logf("%v %s: %.1f %% of sectors ideal, %.3f of the buffers' bytes", dt, name, 100*ideal, float64(moved)/float64(bytes))
			if ideal < 0.9 || float64(moved) > 1.1*float64(bytes) {
				t.Errorf("%v %s: %.1f %% of sectors ideal; %d bytes moved, %d in the buffers", dt, name, 100*ideal, moved, bytes)
			}
			for _, b := range given {
				dev.Free(b)
			}
		}
	}
}
