package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestLPIPSLayer(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.LPIPSLayer, kernelstest.LPIPSLayer, open, kernelstest.Within(16), kernelstest.OnlyF32("D", "W"), kernelstest.Trials(8), scouted(t))
	kernelstest.AgreeOn(t, &kernels.LPIPSLayerBackward, kernelstest.LPIPSLayerBackward, open, kernelstest.OnlyF32("DD", "W"), kernelstest.Trials(8), scouted(t))
}

// TestLPIPSLayerWidths has the channels of the networks, which are spread over lanes in several ways, and then so many pixels that they take two
// blocks.
func TestLPIPSLayerWidths(t *testing.T) {
	open := emulator(t)
	forward := func(r *kernelstest.Rand, n, p, c int) kernels.LPIPSLayerArgs {
		return kernels.LPIPSLayerArgs{D: r.Out(n), X: r.In(n * p * c), Y: r.In(n * p * c), W: r.Uniform(c, 0, 1), N: n, P: p, C: c}
	}
	backward := func(r *kernelstest.Rand, n, p, c int) kernels.LPIPSLayerBackwardArgs {
		size := n * p * c
		return kernels.LPIPSLayerBackwardArgs{DX: r.Out(size), DD: r.In(n), X: r.In(size), Y: r.In(size), W: r.Uniform(c, 0, 1),
			Add: r.Maybe(r.In(size)), ReLU: r.Bool(), N: n, P: p, C: c}
	}
	for i, c := range []int{16, 40, 64, 128, 200, 256, 400, 512, 1024} {
		pixels, search := 2000/c, !testing.Short() && kernelstest.Turn(t, i, 3)
		trials, seeds := kernelstest.Trials(4), kernelstest.Seeds(3)
		if !search {
			trials, seeds = once, kernelstest.Seeds(1)
		}
		kernelstest.AgreeOn(t, &kernels.LPIPSLayer, func(r *kernelstest.Rand) kernels.LPIPSLayerArgs {
			return forward(r, r.Size(3), r.Size(pixels), c)
		}, open, kernelstest.Within(16), kernelstest.OnlyF32("D", "W"), trials, seeds)
		kernelstest.AgreeOn(t, &kernels.LPIPSLayerBackward, func(r *kernelstest.Rand) kernels.LPIPSLayerBackwardArgs {
			return backward(r, r.Size(3), r.Size(pixels), c)
		}, open, kernelstest.OnlyF32("DD", "W"), trials, seeds)
		if !search {
			continue
		}
		switch {
		case c < 128:
			pixels = 259
		case c < 200:
			pixels = 131
		default:
			pixels = 67
		}
		kernelstest.AgreeOn(t, &kernels.LPIPSLayer, func(r *kernelstest.Rand) kernels.LPIPSLayerArgs {
			return forward(r, 1, pixels, c)
		}, open, kernelstest.Within(16), kernelstest.OnlyF32("D", "W"), once, kernelstest.Seeds(1))
		kernelstest.AgreeOn(t, &kernels.LPIPSLayerBackward, func(r *kernelstest.Rand) kernels.LPIPSLayerBackwardArgs {
			return backward(r, 1, pixels, c)
		}, open, kernelstest.OnlyF32("DD", "W"), once, kernelstest.Seeds(1))
	}
}
