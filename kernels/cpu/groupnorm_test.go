package cpu_test

import (
	"fmt"
	"math"
	"testing"

	"onestep/kernels"
	_ "onestep/kernels/cpu"
	"onestep/kernels/kernelstest"
)

func TestGroupNorm(t *testing.T) {
	kernelstest.Agree(t, &kernels.GroupNorm, kernelstest.GroupNorm)
}

func TestGroupNormBackward(t *testing.T) {
	kernelstest.Agree(t, &kernels.GroupNormBackward, kernelstest.GroupNormBackward)
}

// A mean a thousand times the deviation, and first pixels that are far from the others, cost no precision.
func TestGroupNormHardStatistics(t *testing.T) {
	const n, i, c, g = 1, 1024, 48, 12
	data := rng(1)
	for name, at := range map[string]func(pixel, ch int) float32{
		"mean 1000":    func(_, ch int) float32 { return 1000 + float32(ch) },
		"first pixels": func(pixel, _ int) float32 { return 300 * float32(8/(pixel%512+8)) },
	} {
		x := data.normal(n * i * c)
		for j := range x.F32 {
			x.F32[j] += at(j/c, j%c)
		}
		w, b := data.normal(c), data.normal(c)
		run := func(isa kernels.ISA) (y, rstd []float32) {
			d := kernels.NewCPUAt(isa, 2)
			defer d.Close()
			a := kernels.GroupNormArgs{Y: d.Alloc(kernels.F32, n*i*c), Mean: d.Alloc(kernels.F32, n*g), Rstd: d.Alloc(kernels.F32, n*g),
				X: x, W: w, B: b, N: n, I: i, C: c, G: g, Eps: 1e-5}
			kernels.GroupNorm.Run(d, a)
			return a.Y.F32, a.Rstd.F32
		}
		wantY, wantR := run(kernels.Generic)
		for _, isa := range kernels.ISAs()[1:] {
			y, r := run(isa)
			worst, worstR, top := 0.0, 0.0, 0.0
			for j := range y {
				top = max(top, math.Abs(float64(wantY[j])))
				worst = max(worst, math.Abs(float64(y[j]-wantY[j])))
			}
			for j := range r {
				worstR = max(worstR, math.Abs(float64(r[j])/float64(wantR[j])-1))
			}
			t.Logf("%s, %v: y within %.2g of the largest, rstd within %.2g", name, isa, worst/top, worstR)
			if worst/top > 3e-7 || worstR > 1e-6 {
				t.Errorf("%s, %v: y within %.2g of the largest, rstd within %.2g", name, isa, worst/top, worstR)
			}
		}
	}
}

// A sample's bits do not depend on the others.
func TestGroupNormBatch(t *testing.T) {
	const n, i, c, g = 5, 700, 64, 16
	data := rng(2)
	x, dy, w, b := data.normal(n*i*c), data.normal(n*i*c), data.normal(c), data.normal(c)
	for _, isa := range kernels.ISAs() {
		d := kernels.NewCPUAt(isa, 2)
		defer d.Close()
		run := func(lo, hi int) (y, dx []float32) {
			n := hi - lo
			x, dy := x.Slice(lo*i*c, hi*i*c), dy.Slice(lo*i*c, hi*i*c)
			new := func(n int) kernels.Buf { return d.Alloc(kernels.F32, n) }
			f := kernels.GroupNormArgs{Y: new(n * i * c), Mean: new(n * g), Rstd: new(n * g), X: x, W: w, B: b, N: n, I: i, C: c, G: g, Eps: 1e-5, SiLU: true}
			kernels.GroupNorm.Run(d, f)
			k := kernels.GroupNormBackwardArgs{DX: new(n * i * c), DW: new(c), DB: new(c), DY: dy, X: x, Mean: f.Mean, Rstd: f.Rstd, W: w, B: b, N: n, I: i, C: c, G: g, SiLU: true}
			kernels.GroupNormBackward.Run(d, k)
			return f.Y.F32, k.DX.F32
		}
		y, dx := run(0, n)
		for s := range n {
			y1, dx1 := run(s, s+1)
			for j := range y1 {
				if y1[j] != y[s*i*c+j] || dx1[j] != dx[s*i*c+j] {
					t.Fatalf("%v: sample %d alone has other bits than in a batch", isa, s)
				}
			}
		}
	}
}

func BenchmarkGroupNorm(b *testing.B) {
	for _, s := range []struct{ n, c, hw int }{{1, 128, 32}, {8, 256, 32}, {8, 256, 16}, {8, 256, 8}, {32, 32, 8}, {4, 768, 16}, {2, 192, 64}} {
		for _, silu := range []bool{false, true} {
			i, c, g := s.hw*s.hw, s.c, min(32, s.c/4)
			name := fmt.Sprintf("N=%d/C=%d/HW=%dx%d/silu=%v", s.n, s.c, s.hw, s.hw, silu)
			bench(b, "dir=fwd/"+name, 2*s.n*i*c, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
				a := kernels.GroupNormArgs{Y: new(s.n * i * c), Mean: new(s.n * g), Rstd: new(s.n * g), X: new(s.n * i * c), W: new(c), B: new(c), N: s.n, I: i, C: c, G: g, Eps: 1e-5, SiLU: silu}
				return func() { kernels.GroupNorm.Run(d, a) }
			})
			bench(b, "dir=bwd/"+name, 3*s.n*i*c, func(d *kernels.CPU, new func(int) kernels.Buf) func() {
				a := kernels.GroupNormBackwardArgs{DX: new(s.n * i * c), DW: new(c), DB: new(c), DY: new(s.n * i * c), X: new(s.n * i * c), Mean: new(s.n * g), Rstd: new(s.n * g), W: new(c), B: new(c), N: s.n, I: i, C: c, G: g, SiLU: silu}
				return func() { kernels.GroupNormBackward.Run(d, a) }
			})
		}
	}
}
