package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestAxpby(t *testing.T) {
	kernelstest.AgreeOn(t, &kernels.Axpby, kernelstest.Axpby, emulator, kernelstest.Within(2), kernelstest.HalfBits())
	kernelstest.AgreeOn(t, &kernels.SampleAxpby, kernelstest.SampleAxpby, emulator, kernelstest.Within(2), kernelstest.OnlyF32("A", "B"), kernelstest.HalfBits(), trials(60))
}

// TestAxpbyInPlace adds to a buffer, as gradients are.
func TestAxpbyInPlace(t *testing.T) {
	d := emulator(1)
	for _, n := range []int{1, 7, 1823} {
		x, y := make([]float32, n), make([]float32, n)
		for i := range x {
			x[i], y[i] = float32(i), float32(n-2*i)
		}
		bx, by := d.Alloc(kernels.F32, n), d.Alloc(kernels.F32, n)
		d.Upload(bx, x)
		d.Upload(by, y)
		kernels.Axpby.Run(d, kernels.AxpbyArgs{Y: by, X: by, Z: bx, A: 1, B: 1, N: n})
		got := make([]float32, n)
		d.Download(got, by)
		for i := range got {
			if got[i] != x[i]+y[i] {
				t.Fatalf("n = %d: y[%d] = %v, want %v", n, i, got[i], x[i]+y[i])
			}
		}
		d.Free(bx)
		d.Free(by)
	}
}

func TestMul(t *testing.T) {
	kernelstest.AgreeOn(t, &kernels.Mul, kernelstest.Mul, emulator, kernelstest.Exactly(), kernelstest.HalfBits())
}

func TestChannelAffine(t *testing.T) {
	kernelstest.AgreeOn(t, &kernels.ChannelAffine, kernelstest.ChannelAffine, emulator, kernelstest.Within(2), kernelstest.OnlyF32("A", "B"), kernelstest.HalfBits(), trials(40))
}

func TestCopyChannels(t *testing.T) {
	kernelstest.AgreeOn(t, &kernels.CopyChannels, kernelstest.CopyChannels, emulator, kernelstest.Exactly(), kernelstest.OnlyF32())
	// halves, and 16 bytes at a time
	halves := kernels.Op[kernels.CopyChannelsArgs]{Name: "copy_channels of halves", Ref: kernels.CopyChannels.Ref, Half: true}
	halves.Register(kernels.Impl[kernels.CopyChannelsArgs]{Kind: "cuda", Half: true, Run: kernels.CopyChannels.Run})
	kernelstest.AgreeOn(t, &halves, func(r *kernelstest.Rand) kernels.CopyChannelsArgs {
		unit := kernelstest.Pick(r, 1, 2, 4, 8)
		m, c := r.Size(100), unit*r.Size(12)
		a := kernels.CopyChannelsArgs{M: m, C: c, YFrom: unit * (r.Size(4) - 1), XFrom: unit * (r.Size(4) - 1)}
		a.YWidth, a.XWidth = a.YFrom+c+unit*(r.Size(3)-1), a.XFrom+c+unit*(r.Size(3)-1)
		a.Y, a.X = r.InOut(m*a.YWidth), r.In(m*a.XWidth)
		return a
	}, emulator, kernelstest.Exactly(), kernelstest.AllHalf(), trials(16))
}

// trials is how many trials of slow operations there are: fewer with -short.
func trials(n int) kernelstest.Option {
	if testing.Short() {
		n = (n + 3) / 4
	}
	return kernelstest.Trials(n)
}
