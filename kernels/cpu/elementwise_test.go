package cpu_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestAxpby(t *testing.T) {
	kernelstest.Agree(t, &kernels.Axpby, kernelstest.Axpby, kernelstest.Within(2), kernelstest.Trials(10))
	kernelstest.Agree(t, &kernels.SampleAxpby, kernelstest.SampleAxpby, kernelstest.Within(2), kernelstest.Trials(10), kernelstest.OnlyF32("A", "B"))
}

func TestMul(t *testing.T) {
	kernelstest.Agree(t, &kernels.Mul, kernelstest.Mul, kernelstest.Exactly(), kernelstest.Trials(10))
}

func TestChannelAffine(t *testing.T) {
	kernelstest.Agree(t, &kernels.ChannelAffine, kernelstest.ChannelAffine, kernelstest.Within(2))
}

func TestReLUBackward(t *testing.T) {
	kernelstest.Agree(t, &kernels.ReLUBackward, kernelstest.ReLUBackward, kernelstest.Exactly(), kernelstest.Trials(10))
}

func TestCast(t *testing.T) {
	kernelstest.Agree(t, &kernels.Cast, kernelstest.Cast, kernelstest.Exactly(), kernelstest.Trials(10))
	// every half there is
	x, y, back := make([]kernels.F16Bits, 1<<16), make([]float32, 1<<16), make([]kernels.F16Bits, 1<<16)
	for i := range x {
		x[i] = kernels.F16Bits(i)
	}
	for _, isa := range kernels.ISAs() {
		d := kernels.NewCPUAt(isa, 1)
		defer d.Close()
		kernels.Cast.Run(d, kernels.CastArgs{Y: kernels.HostF32(y), X: kernels.HostF16(x), N: len(x)})
		kernels.Cast.Run(d, kernels.CastArgs{Y: kernels.HostF16(back), X: kernels.HostF32(y), N: len(x)})
		for i, h := range x {
			if f := h.Float32(); y[i] != f && f == f || back[i] != kernels.ToF16(f) {
				t.Fatalf("%v: half %04x is %v and goes back to %04x", isa, h, y[i], back[i])
			}
		}
	}
}

func TestCopyChannels(t *testing.T) {
	kernelstest.Agree(t, &kernels.CopyChannels, kernelstest.CopyChannels, kernelstest.Exactly(), kernelstest.OnlyF32())
}

func BenchmarkElementwise(b *testing.B) {
	for _, n := range []int{1 << 14, 1 << 20} {
		size := map[int]string{1 << 14: "n=16Ki", 1 << 20: "n=1Mi"}[n]
		bench(b, "op=axpby/"+size, 3*n, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.AxpbyArgs{Y: new(n), X: new(n), Z: new(n), A: 1, B: 2, N: n}
			return func() { kernels.Axpby.Run(d, a) }
		})
		bench(b, "op=sample_axpby/"+size, 3*n, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.SampleAxpbyArgs{Y: new(n), X: new(n), Z: new(n), A: new(16), B: new(16), N: 16, I: n / 16}
			return func() { kernels.SampleAxpby.Run(d, a) }
		})
		bench(b, "op=mul/"+size, 3*n, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.MulArgs{Y: new(n), X: new(n), Z: new(n), N: n}
			return func() { kernels.Mul.Run(d, a) }
		})
		bench(b, "op=relu_backward/"+size, 3*n, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.ReLUBackwardArgs{DX: new(n), DY: new(n), Y: new(n), N: n}
			return func() { kernels.ReLUBackward.Run(d, a) }
		})
		bench(b, "op=channel_affine/"+size, 2*n, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.ChannelAffineArgs{Y: new(n), X: new(n), A: new(3), B: new(3), M: n / 3, C: 3}
			return func() { kernels.ChannelAffine.Run(d, a) }
		})
		bench(b, "op=copy_channels/C=64/"+size, 2*n, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.CopyChannelsArgs{Y: new(2 * n), X: new(n), M: n / 64, C: 64, YWidth: 128, XWidth: 64}
			return func() { kernels.CopyChannels.Run(d, a) }
		})
		bench(b, "op=copy_channels/C=4/"+size, 2*n, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.CopyChannelsArgs{Y: new(2 * n), X: new(n), M: n / 4, C: 4, YWidth: 8, XWidth: 4}
			return func() { kernels.CopyChannels.Run(d, a) }
		})
		bench(b, "op=to_half/"+size, 3*n/2, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.CastArgs{Y: d.Alloc(kernels.F16, n), X: new(n), N: n}
			return func() { kernels.Cast.Run(d, a) }
		})
		bench(b, "op=from_half/"+size, 3*n/2, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
			a := kernels.CastArgs{X: d.Alloc(kernels.F16, n), Y: new(n), N: n}
			return func() { kernels.Cast.Run(d, a) }
		})
	}
}
