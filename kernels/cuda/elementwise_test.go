package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestAxpby(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Axpby, kernelstest.Axpby, open, kernelstest.Within(2), kernelstest.HalfBits(), scouted(t))
	kernelstest.AgreeOn(t, &kernels.SampleAxpby, kernelstest.SampleAxpby, open, kernelstest.Within(2), kernelstest.OnlyF32("A", "B"), kernelstest.HalfBits(), kernelstest.Trials(90), scouted(t))
}

// TestAxpbyInPlace adds to a buffer, as gradients are.
func TestAxpbyInPlace(t *testing.T) {
	open := emulator(t)
	d := open(1)
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
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Mul, kernelstest.Mul, open, kernelstest.Exactly(), kernelstest.HalfBits(), scouted(t))
}

func TestChannelAffine(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.ChannelAffine, kernelstest.ChannelAffine, open, kernelstest.Within(2), kernelstest.OnlyF32("A", "B"), kernelstest.HalfBits(), kernelstest.Trials(40), scouted(t))
}

func TestCopyChannels(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.CopyChannels, kernelstest.CopyChannels, open, kernelstest.Exactly(), kernelstest.OnlyF32(), scouted(t))
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
	}, open, kernelstest.Exactly(), kernelstest.AllHalf(), kernelstest.Trials(16))
}
