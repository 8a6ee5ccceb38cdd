package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// normSizes take single elements, vectors that span groups, whole sectors, whole lines, and slabs that do not fit into shared memory: those go in
// chunks, the last of one pixel. The first two run every kernel.
var normSizes = []struct{ n, i, c, g, seeds int }{
	{2, 13, 21, 3, kernelstest.Schedules}, {1, 33, 48, 8, kernelstest.Schedules},
	{1, 9, 24, 4, 3}, {2, 64, 64, 16, 3}, {1, 16, 192, 32, 3}, {1, 12289, 8, 1, 1},
}

// eachNorm runs f for the first two sizes and those whose turn it is, with all the U-Nets' additions, none and some.
func eachNorm(t *testing.T, f func(n, i, c, g int, silu, add, scale bool, options ...kernelstest.Option)) {
	full := kernelstest.OnlyF32("Mean", "Rstd", "Add", "W", "B", "Scale", "Shift", "DW", "DB", "DAdd", "DScale", "DShift") // as in every network
	for i, s := range normSizes {
		if i > 1 && (testing.Short() || !kernelstest.Turn(t, i, 3)) {
			continue
		}
		for j, silu := range []bool{false, true} {
			seeds := s.seeds
			if !kernelstest.Turn(t, 2*i+j, 3) {
				seeds = 1
			}
			f(s.n, s.i, s.c, s.g, silu, i != 2, silu == (i%2 == 0), full, kernelstest.Trials(1), kernelstest.Seeds(seeds))
		}
	}
}

func TestGroupNorm(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.GroupNorm, kernelstest.GroupNorm, open, kernelstest.Trials(8), kernelstest.Seeds(2))
	eachNorm(t, func(n, i, c, g int, silu, add, scale bool, options ...kernelstest.Option) {
		within := 16.0
		if i > 10_000 {
			within = 32
		}
		kernelstest.AgreeOn(t, &kernels.GroupNorm, func(r *kernelstest.Rand) kernels.GroupNormArgs {
			a := kernels.GroupNormArgs{
				Y: r.Out(n * i * c), Mean: r.Out(n * g), Rstd: r.Out(n * g), X: r.Uniform(n*i*c, -1, 2), W: r.In(c), B: r.In(c),
				N: n, I: i, C: c, G: g, Eps: 1e-5, SiLU: silu,
			}
			if add {
				a.Add = r.In(n * c)
			}
			if scale {
				a.Stride = 2 * c
				a.Scale, a.Shift = r.In(n*a.Stride), r.In(n*a.Stride)
			}
			return a
		}, open, append(options, kernelstest.Within(within))...)
	})
}

func TestGroupNormBackward(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.GroupNormBackward, kernelstest.GroupNormBackward, open, kernelstest.Trials(8), kernelstest.Seeds(2),
		kernelstest.OnlyF32("DScale", "DShift")) // what has gaps is read before it is written, if it is to be converted
	kernelstest.AgreeOn(t, &kernels.GroupNormBackward, func(r *kernelstest.Rand) kernels.GroupNormBackwardArgs { // sums over many samples
		const n, c, g = 70, 40, 5
		return kernels.GroupNormBackwardArgs{
			DX: r.Out(n * c), DW: r.Out(c), DB: r.Out(c), DY: r.In(n * c), X: r.In(n * c),
			Mean: r.In(n * g), Rstd: r.Uniform(n*g, 0.5, 2), W: r.In(c), B: r.In(c), N: n, I: 1, C: c, G: g,
		}
	}, open, kernelstest.Trials(1), kernelstest.Seeds(3))
	eachNorm(t, func(n, i, c, g int, silu, add, scale bool, options ...kernelstest.Option) {
		kernelstest.AgreeOn(t, &kernels.GroupNormBackward, func(r *kernelstest.Rand) kernels.GroupNormBackwardArgs {
			a := kernels.GroupNormBackwardArgs{
				DX: r.Out(n * i * c), DW: r.Out(c), DB: r.Out(c), DY: r.In(n * i * c), X: r.In(n * i * c),
				Mean: r.In(n * g), Rstd: r.Uniform(n*g, 0.5, 2), W: r.In(c), B: r.In(c), N: n, I: i, C: c, G: g, SiLU: silu,
			}
			if add {
				a.Add, a.DAdd = r.In(n*c), r.Out(n*c)
			}
			if scale {
				a.Stride = 2 * c
				a.Scale, a.Shift = r.In(n*a.Stride), r.In(n*a.Stride)
				a.DScale, a.DShift = r.Out(n*a.Stride), r.Out(n*a.Stride)
			}
			a.E, a.EWidth, a.EScale = r.In(n*i*c), c, 1
			a.F, a.FWidth, a.FScale = r.In(n*i*(c+8)).Slice(8, n*i*(c+8)), c+8, 0.7 // the last channels of something wider
			return a
		}, open, options...)
	})
}

func TestGroupNormHardStatistics(t *testing.T) {
	kernelstest.GroupNormHardStatistics(t, emulator(t)(1))
}

func TestGroupNormBatch(t *testing.T) { kernelstest.GroupNormBatch(t, emulator(t)(1), 3, 50) }
