package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestCast(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Cast, kernelstest.Cast, open, kernelstest.Exactly(), scouted(t))
	// every half there is
	d := open(2)
	const n = 1 << 16
	x, y, back := d.Alloc(kernels.F16, n), d.Alloc(kernels.F32, n), d.Alloc(kernels.F16, n)
	all, wide, narrow := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range all {
		all[i] = kernels.F16Bits(i).Float32()
	}
	d.Upload(x, all)
	kernels.Cast.Run(d, kernels.CastArgs{Y: y, X: x, N: n})
	kernels.Cast.Run(d, kernels.CastArgs{Y: back, X: y, N: n})
	d.Download(wide, y)
	d.Download(narrow, back)
	for i, want := range all {
		if (wide[i] != want || narrow[i] != want) && want == want || (wide[i] == wide[i] || narrow[i] == narrow[i]) && want != want {
			t.Fatalf("half %04x is %v and goes back to %v, want %v", i, wide[i], narrow[i], want)
		}
	}
	for _, b := range []kernels.Buf{x, y, back} {
		d.Free(b)
	}
}
