package cpu_test

import (
	"fmt"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestResample(t *testing.T) {
	kernelstest.Agree(t, &kernels.Resample, func(r *kernelstest.Rand) kernels.ResampleArgs {
		f := kernelstest.Pick(r, []float32{0.5, 0.5}, []float32{0.125, 0.375, 0.375, 0.125}, []float32{0.25, 0.5, 0.25}, []float32{0.1, 0.2, 0.3, 0.4}, []float32{0.3, 0.7}, []float32{1})
		a := kernels.ResampleArgs{Filter: f, Pad: (len(f) - 1) / 2, Gain: kernelstest.Pick[float32](r, 1, 4, 0.7), Up: r.Bool(), N: r.Size(3), C: kernelstest.Pick(r, r.Size(70), 3)}
		a.SmallH, a.SmallW = r.Size(12), r.Size(12)
		a.BigH, a.BigW = 2*a.SmallH, 2*a.SmallW
		if r.Bool() && a.SmallH > 1 && a.SmallW > 1 { // odd sizes, other padding
			a.BigH, a.BigW = a.BigH-1, a.BigW-1
			a.Pad = r.IntN(len(f))
		}
		big, small := a.N*a.BigH*a.BigW*a.C, a.N*a.SmallH*a.SmallW*a.C
		if a.Up {
			a.Y, a.X = r.Out(big), r.In(small)
		} else {
			a.Y, a.X = r.Out(small), r.In(big)
		}
		return a
	}, kernelstest.Within(6), kernelstest.Trials(60))
}

func BenchmarkResample(b *testing.B) {
	for _, f := range [][]float32{{0.5, 0.5}, {0.125, 0.375, 0.375, 0.125}} {
		for _, up := range []bool{false, true} {
			for _, c := range []int{128, 16} {
				const n, h = 8, 32
				floats := n * h * h * c * 5 / 4
				bench(b, fmt.Sprintf("taps=%d/up=%v/N=%d/C=%d/HW=%dx%d", len(f), up, n, c, h, h), floats, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
					a := kernels.ResampleArgs{Filter: f, Pad: len(f)/2 - 1, Gain: 1, Up: up, N: n, C: c, BigH: h, BigW: h, SmallH: h / 2, SmallW: h / 2}
					big, small := new(n*h*h*c), new(n*h*h*c/4)
					a.Y, a.X = small, big
					if up {
						a.Y, a.X = big, small
					}
					return func() { kernels.Resample.Run(d, a) }
				})
			}
		}
	}
}
