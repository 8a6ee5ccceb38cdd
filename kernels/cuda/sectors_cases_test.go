package cuda_test

import "onestep/kernels"

const sectorImage = 2 * 16 * 16 * 64 // elements

// sectorCases are operations on buffers of the networks' shapes.
func sectorCases(b *sectorBuffers) map[string]func() {
	const n, h, c, groups = 2, 16, 64, 32
	const image, quarter = sectorImage, sectorImage / 4
	halving := kernels.PoolShape{N: n, H: h, W: h, C: c, Kernel: 2, Stride: 2, Max: true}.Out()
	return map[string]func(){
		"axpby": func() {
			kernels.Axpby.Run(b, kernels.AxpbyArgs{Y: b.half(image), X: b.half(image), Z: b.half(image), A: 1, B: 2, N: image})
		},
		"sample_axpby": func() {
			kernels.SampleAxpby.Run(b, kernels.SampleAxpbyArgs{Y: b.full(image), X: b.full(image), Z: b.half(image), A: b.full(n), B: b.full(n), N: n, I: image / n})
		},
		"copy_channels": func() {
			kernels.CopyChannels.Run(b, kernels.CopyChannelsArgs{Y: b.half(2 * image), X: b.half(image), M: n * h * h, C: c, YWidth: 2 * c, YFrom: c, XWidth: c})
		},
		"cast": func() {
			kernels.Cast.Run(b, kernels.CastArgs{Y: b.full(image), X: b.typed(kernels.F16, image), N: image})
		},
		"cast_to_half": func() {
			kernels.Cast.Run(b, kernels.CastArgs{Y: b.typed(kernels.F16, image), X: b.full(image), N: image})
		},
		"pool2d": func() {
			kernels.Pool2D.Run(b, kernels.Pool2DArgs{Y: b.half(quarter), X: b.half(image), PoolShape: halving})
		},
		"pool2d_backward": func() {
			kernels.Pool2DBackward.Run(b, kernels.Pool2DBackwardArgs{DX: b.half(image), DY: b.half(quarter), X: b.half(image), PoolShape: halving})
		},
		"resample_down": func() {
			kernels.Resample.Run(b, kernels.ResampleArgs{Y: b.half(quarter), X: b.half(image), Filter: []float32{0.5, 0.5}, Gain: 1, N: n, C: c, BigH: h, BigW: h, SmallH: h / 2, SmallW: h / 2})
		},
		"sample_distance": func() {
			kernels.SampleDistance.Run(b, kernels.SampleDistanceArgs{D: b.full(n), X: b.half(image), Y: b.half(image), N: n, I: image / n})
		},
		"lpips_layer": func() {
			kernels.LPIPSLayer.Run(b, kernels.LPIPSLayerArgs{D: b.full(n), X: b.half(image), Y: b.half(image), W: b.full(c), N: n, P: h * h, C: c})
		},
		"lpips_layer_backward": func() {
			kernels.LPIPSLayerBackward.Run(b, kernels.LPIPSLayerBackwardArgs{DX: b.half(image), DD: b.full(n), X: b.half(image), Y: b.half(image), W: b.full(c), N: n, P: h * h, C: c})
		},
		"normal": func() {
			kernels.Normal.Run(b, kernels.NormalArgs{Y: b.full(n * 3072), Step: b.full(2), Scale: 1, N: n, I: 3072})
		},
		"squared_norm": func() {
			kernels.SquaredNorm.Run(b, kernels.SquaredNormArgs{Y: b.full(2), X: []kernels.Buf{b.full(image), b.full(c)}})
		},
		"channel_affine": func() {
			kernels.ChannelAffine.Run(b, kernels.ChannelAffineArgs{Y: b.half(n * 3072), X: b.half(n * 3072), A: b.full(3), B: b.full(3), M: n * 1024, C: 3})
		},
		"silu": func() {
			kernels.SiLU.Run(b, kernels.SiLUArgs{Y: b.half(image), X: b.half(image), N: image})
		},
		"silu_backward": func() {
			kernels.SiLUBackward.Run(b, kernels.SiLUBackwardArgs{DX: b.half(image), DY: b.half(image), X: b.half(image), N: image})
		},
		"relu_backward": func() {
			kernels.ReLUBackward.Run(b, kernels.ReLUBackwardArgs{DX: b.half(image), DY: b.half(image), Y: b.half(image), N: image})
		},
		"resample_up": func() {
			kernels.Resample.Run(b, kernels.ResampleArgs{Y: b.half(image), X: b.half(quarter), Filter: []float32{0.5, 0.5}, Gain: 4, Up: true, N: n, C: c, BigH: h, BigW: h, SmallH: h / 2, SmallW: h / 2})
		},
		"bilinear": func() {
			kernels.Bilinear.Run(b, kernels.BilinearArgs{Y: b.full(n * 3 * 224 * 224), X: b.full(n * 3 * 1024), N: n, C: 3, H: 32, W: 32, OH: 224, OW: 224})
		},
		"bilinear_backward": func() {
			kernels.Bilinear.Run(b, kernels.BilinearArgs{Y: b.full(n * 3 * 1024), X: b.full(n * 3 * 224 * 224), N: n, C: 3, H: 32, W: 32, OH: 224, OW: 224, Grad: true})
		},
		"mean_pixels": func() {
			kernels.MeanPixels.Run(b, kernels.MeanPixelsArgs{Y: b.half(n * c), X: b.half(image), N: n, I: h * h, C: c})
		},
		"mean_pixels_backward": func() {
			kernels.MeanPixels.Run(b, kernels.MeanPixelsArgs{Y: b.half(image), X: b.half(n * c), N: n, I: h * h, C: c, Grad: true})
		},
		"embedding": func() {
			kernels.Embedding.Run(b, kernels.EmbeddingArgs{Y: b.full(64 * 256), C: b.full(64), Omega: b.full(128), N: 64, K: 128})
		},
		"groupnorm": func() {
			kernels.GroupNorm.Run(b, kernels.GroupNormArgs{
				Y: b.half(image), Mean: b.full(n * groups), Rstd: b.full(n * groups), X: b.half(image), Add: b.full(n * 4 * c), W: b.full(4 * c), B: b.full(4 * c),
				N: n, I: h * h / 4, C: 4 * c, G: groups, Eps: 1e-5, SiLU: true,
			})
		},
		"groupnorm_backward": func() {
			kernels.GroupNormBackward.Run(b, kernels.GroupNormBackwardArgs{
				DX: b.half(image), DW: b.full(4 * c), DB: b.full(4 * c), DY: b.half(image), X: b.half(image), Mean: b.full(n * groups), Rstd: b.full(n * groups),
				W: b.full(4 * c), B: b.full(4 * c), E: b.half(image), EScale: 1, EWidth: 4 * c, F: b.half(image), FScale: 0.5, FWidth: 4 * c,
				N: n, I: h * h / 4, C: 4 * c, G: groups, SiLU: true,
			})
		},
		"adam": func() {
			plan := make([]float32, kernels.PlanLen)
			plan[kernels.PlanApply] = 1
			a := kernels.AdamArgs{
				P: b.updated(image), M: b.updated(image), V: b.updated(image), EMA: b.updated(image), G: []kernels.Buf{b.full(image)},
				Half: []kernels.Buf{b.typed(kernels.F16, image)}, Plan: b.full(kernels.PlanLen), Rates: []float64{0.5}, Beta1: 0.9, Beta2: 0.99,
			}
			b.Upload(a.Plan, plan)
			kernels.Adam.Run(b, a)
		},
	}
}
