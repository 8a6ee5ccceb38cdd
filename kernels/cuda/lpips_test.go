package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestLPIPSLayer(t *testing.T) {
	kernelstest.AgreeOn(t, &kernels.LPIPSLayer, kernelstest.LPIPSLayer, emulator, kernelstest.Within(16), kernelstest.OnlyF32("D", "W"), trials(8))
	kernelstest.AgreeOn(t, &kernels.LPIPSLayerBackward, kernelstest.LPIPSLayerBackward, emulator, kernelstest.OnlyF32("DD", "W"), trials(8))
}

// TestLPIPSLayerWidths has the channels of the networks, which are spread over lanes in several ways.
func TestLPIPSLayerWidths(t *testing.T) {
	for _, c := range []int{16, 40, 64, 128, 200, 256, 400, 512, 1024} {
		pixels := 2000 / c
		kernelstest.AgreeOn(t, &kernels.LPIPSLayer, func(r *kernelstest.Rand) kernels.LPIPSLayerArgs {
			n, p := r.Size(3), r.Size(pixels)
			return kernels.LPIPSLayerArgs{D: r.Out(n), X: r.In(n * p * c), Y: r.In(n * p * c), W: r.Uniform(c, 0, 1), N: n, P: p, C: c}
		}, emulator, kernelstest.Within(16), kernelstest.OnlyF32("D", "W"), trials(4), kernelstest.Seeds(3))
		kernelstest.AgreeOn(t, &kernels.LPIPSLayerBackward, func(r *kernelstest.Rand) kernels.LPIPSLayerBackwardArgs {
			n, p := r.Size(3), r.Size(pixels)
			size := n * p * c
			return kernels.LPIPSLayerBackwardArgs{DX: r.Out(size), DD: r.In(n), X: r.In(size), Y: r.In(size), W: r.Uniform(c, 0, 1),
				Add: r.Maybe(r.In(size)), ReLU: r.Bool(), N: n, P: p, C: c}
		}, emulator, kernelstest.OnlyF32("DD", "W"), trials(4), kernelstest.Seeds(3))
	}
}
