package cpu_test

import (
	"fmt"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestResample(t *testing.T) {
	kernelstest.Agree(t, &kernels.Resample, kernelstest.Resample, kernelstest.Within(6), kernelstest.Trials(60))
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
