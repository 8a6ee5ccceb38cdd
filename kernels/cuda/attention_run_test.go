package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// attentionSizes have every cut of a pass, rows and heads that fill it or do not, and heads that tensor cores do not take. The first three run every
// kernel.
var attentionSizes = []struct{ n, l, h, d, seeds int }{
	{1, 66, 1, 8, kernelstest.Schedules}, {1, 34, 1, 72, kernelstest.Schedules}, {1, 20, 1, 136, kernelstest.Schedules},
	{2, 5, 2, 4, 2}, {1, 7, 2, 9, 2}, {1, 65, 1, 64, 1}, {1, 33, 1, 128, 1}, {1, 65, 1, 256, 1}, {1, 3, 1, 264, 1}, {1, 9, 1, 133, 1}, {1, 48, 1, 256, 1},
}

func attentionArgs(r *kernelstest.Rand, n, l, h, d int) kernels.AttentionArgs {
	a := kernels.AttentionArgs{O: r.Out(n * l * h * d), LSE: r.Out(n * h * l), QKV: r.In(3 * n * l * h * d), N: n, L: l, H: h, D: d}
	for i, x := range a.QKV.F32 {
		a.QKV.F32[i] = kernels.ToF16(x).Float32()
	}
	return a
}

func attentionBackwardArgs(r *kernelstest.Rand, n, l, h, d int) kernels.AttentionBackwardArgs {
	f := attentionArgs(r, n, l, h, d)
	cpu := kernels.NewCPUAt(kernels.Generic, 2)
	defer cpu.Close()
	kernels.Attention.Run(cpu, f)
	return kernels.AttentionBackwardArgs{DQKV: r.Out(f.QKV.Len), DO: r.In(f.O.Len), O: f.O, LSE: f.LSE, QKV: f.QKV, N: f.N, L: f.L, H: f.H, D: f.D}
}

func TestAttention(t *testing.T) {
	open := emulator(t)
	for i, s := range attentionSizes {
		if i > 2 && (testing.Short() || !kernelstest.Turn(t, i, 3)) {
			continue
		}
		args := func(r *kernelstest.Rand) kernels.AttentionArgs { return attentionArgs(r, s.n, s.l, s.h, s.d) }
		kernelstest.AgreeOn(t, &kernels.Attention, args, open, once, kernelstest.Seeds(s.seeds), kernelstest.Within(16), kernelstest.OnlyF32())
		kernelstest.AgreeOn(t, &kernels.Attention, args, open, once, kernelstest.Seeds(s.seeds), onTensorCores, kernelstest.OnlyF32("LSE"), kernelstest.AllHalf())
	}
}

func TestAttentionBackward(t *testing.T) {
	open := emulator(t)
	for i, s := range attentionSizes {
		if i > 2 && (testing.Short() || !kernelstest.Turn(t, i, 3)) {
			continue
		}
		args := func(r *kernelstest.Rand) kernels.AttentionBackwardArgs {
			return attentionBackwardArgs(r, s.n, s.l, s.h, s.d)
		}
		kernelstest.AgreeOn(t, &kernels.AttentionBackward, args, open, once, kernelstest.Seeds(s.seeds), kernelstest.OnlyF32())
		kernelstest.AgreeOn(t, &kernels.AttentionBackward, args, open, once, kernelstest.Seeds(s.seeds), onTensorCores,
			kernelstest.OnlyF32("LSE"), kernelstest.AllHalf())
	}
}

// TestAttentionRows ends in every place of a tile on tensor cores: after each row that a thread copies or writes, and in each pair of columns.
func TestAttentionRows(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	open := emulator(t)
	for i := range 16 {
		if !kernelstest.Turn(t, i, 3) {
			continue
		}
		for d, l := range map[int]int{64: 8*i + 2 + (i/4+i/8)%2, 128: 8*i + 2 + (i/4+i/8)%2, 136: 4*i + 1 + i%2} {
			options := []kernelstest.Option{once, kernelstest.Seeds(1), onTensorCores, kernelstest.OnlyF32("LSE"), kernelstest.AllHalf()}
			kernelstest.AgreeOn(t, &kernels.Attention, func(r *kernelstest.Rand) kernels.AttentionArgs {
				return attentionArgs(r, 1, l, 1, d)
			}, open, options...)
			kernelstest.AgreeOn(t, &kernels.AttentionBackward, func(r *kernelstest.Rand) kernels.AttentionBackwardArgs {
				return attentionBackwardArgs(r, 1, l, 1, d)
			}, open, options...)
		}
	}
}

// TestAttentionWidths ends in each quarter of the columns of the float32 kernels, after each of the four that a thread has, where
// another head begins.
func TestAttentionWidths(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	open := emulator(t)
	for i, d := range []int{1, 2, 3, 129, 130, 131, 193, 194, 195, 257, 258, 259, 321, 322, 323} {
		if !kernelstest.Turn(t, i, 4) { // columns of each remainder in four turns
			continue
		}
		options := []kernelstest.Option{once, kernelstest.Seeds(1), kernelstest.OnlyF32()}
		kernelstest.AgreeOn(t, &kernels.Attention, func(r *kernelstest.Rand) kernels.AttentionArgs {
			return attentionArgs(r, 1, 4, 2, d)
		}, open, append(options, kernelstest.Within(16))...)
		kernelstest.AgreeOn(t, &kernels.AttentionBackward, func(r *kernelstest.Rand) kernels.AttentionBackwardArgs {
			return attentionBackwardArgs(r, 1, 4, 2, d)
		}, open, options...)
	}
}

// TestAttentionNotFinite has no numbers in all heads and samples but the first, whose results stay what they are: nothing else enters them, not even
// times 0.
func TestAttentionNotFinite(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	open := emulator(t)
	spoil := func(b kernels.Buf, h, d int) { // of (N,L,3 or 1,H,D)
		for i := range b.F32 {
			if i/d%h > 0 || i >= b.Len/2 {
				b.F32[i] = nan
			}
		}
	}
	for i, d := range []int{5, 6, 7, 8, 133, 134, 135, 136} {
		if !kernelstest.Turn(t, i, 3) {
			continue
		}
		const n, h = 2, 2
		l := 5 + i%4
		forward := func(r *kernelstest.Rand) kernels.AttentionArgs {
			a := attentionArgs(r, n, l, h, d)
			spoil(a.QKV, h, d)
			return a
		}
		backward := func(r *kernelstest.Rand) kernels.AttentionBackwardArgs {
			a := attentionBackwardArgs(r, n, l, h, d)
			spoil(a.QKV, h, d)
			spoil(a.DO, h, d)
			return a
		}
		kernelstest.AgreeOn(t, &kernels.Attention, forward, open, once, kernelstest.Seeds(1), kernelstest.Within(16), kernelstest.OnlyF32())
		kernelstest.AgreeOn(t, &kernels.Attention, forward, open, once, kernelstest.Seeds(1), onTensorCores, kernelstest.OnlyF32("LSE"), kernelstest.AllHalf())
		kernelstest.AgreeOn(t, &kernels.AttentionBackward, backward, open, once, kernelstest.Seeds(1), kernelstest.OnlyF32())
		kernelstest.AgreeOn(t, &kernels.AttentionBackward, backward, open, once, kernelstest.Seeds(1), onTensorCores, kernelstest.OnlyF32("LSE"), kernelstest.AllHalf())
	}
}

var once = kernelstest.Trials(1)

// onTensorCores is what P and dS lose when they become halves, 2⁻¹² of each. Of o it is at most 2⁻¹² of the largest v; of the gradients as much of
// the largest sum of |dS·k|. Here the largest results are a few times smaller than that, so 2⁻¹¹ of them, on top of the rounding of the result.
var onTensorCores = kernelstest.Within(1 << 13)

func TestAttentionBatch(t *testing.T) { kernelstest.AttentionBatch(t, emulator(t)(1), 3, 37) }
