package cpu_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestAxpby(t *testing.T) {
	kernelstest.Agree(t, &kernels.Axpby, func(r *kernelstest.Rand) kernels.AxpbyArgs {
		n := r.Size(40_000)
		return kernels.AxpbyArgs{Y: r.Out(n), X: r.In(n), Z: r.Maybe(r.In(n)), A: r.Float32(), B: r.Float32() - 1, N: n}
	}, kernelstest.Within(2), kernelstest.Trials(10))
	kernelstest.Agree(t, &kernels.SampleAxpby, func(r *kernelstest.Rand) kernels.SampleAxpbyArgs {
		n, i := r.Size(20), kernelstest.Pick(r, r.Size(100), r.Size(5_000))
		a := kernels.SampleAxpbyArgs{Y: r.Out(n * i), X: r.In(n * i), A: r.In(n), N: n, I: i}
		if r.Bool() {
			a.Z, a.B = r.In(n*i), r.In(n)
		}
		return a
	}, kernelstest.Within(2), kernelstest.Trials(10), kernelstest.OnlyF32("A", "B"))
}

func TestMul(t *testing.T) {
	kernelstest.Agree(t, &kernels.Mul, func(r *kernelstest.Rand) kernels.MulArgs {
		n := r.Size(40_000)
		return kernels.MulArgs{Y: r.Out(n), X: r.In(n), Z: r.In(n), N: n}
	}, kernelstest.Exactly(), kernelstest.Trials(10))
}

func TestChannelAffine(t *testing.T) {
	kernelstest.Agree(t, &kernels.ChannelAffine, func(r *kernelstest.Rand) kernels.ChannelAffineArgs {
		m, c := r.Size(3000), kernelstest.Pick(r, 3, r.Size(40))
		return kernels.ChannelAffineArgs{Y: r.Out(m * c), X: r.In(m * c), A: r.In(c), B: r.Maybe(r.In(c)), M: m, C: c}
	}, kernelstest.Within(2))
}

func TestReLUBackward(t *testing.T) {
	kernelstest.Agree(t, &kernels.ReLUBackward, func(r *kernelstest.Rand) kernels.ReLUBackwardArgs {
		n := r.Size(40_000)
		a := kernels.ReLUBackwardArgs{DX: r.Out(n), DY: r.In(n), Y: r.In(n), N: n}
		for i := range a.Y.F32 {
			if a.Y.F32[i] < 0 { // nothing of the gradient may be seen here
				a.DY.F32[i] /= 0 * a.Y.F32[i]
				a.Y.F32[i] = 0
			}
		}
		return a
	}, kernelstest.Exactly(), kernelstest.Trials(10))
}

func TestCast(t *testing.T) {
	kernelstest.Agree(t, &kernels.Cast, func(r *kernelstest.Rand) kernels.CastArgs {
		n := r.Size(40_000)
		return kernels.CastArgs{Y: r.Out(n + 3), X: r.Uniform(n, -70000, 70000), N: n}
	}, kernelstest.Exactly(), kernelstest.Trials(10))
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
	kernelstest.Agree(t, &kernels.CopyChannels, func(r *kernelstest.Rand) kernels.CopyChannelsArgs {
		m, c := r.Size(700), r.Size(50)
		a := kernels.CopyChannelsArgs{M: m, C: c, YFrom: r.Size(9) - 1, XFrom: r.Size(9) - 1}
		a.YWidth, a.XWidth = a.YFrom+c+r.Size(5)-1, a.XFrom+c+r.Size(5)-1
		a.Y, a.X = r.InOut(m*a.YWidth), r.In(m*a.XWidth)
		return a
	}, kernelstest.Exactly(), kernelstest.OnlyF32())
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
