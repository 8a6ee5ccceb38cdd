package kernelstest

import (
	"math"
	"slices"
	"testing"

	"onestep/kernels"
)

// The properties here hold on every device, beyond what [AgreeOn] compares: the tests of kernels/cpu ask them of each instruction set, those of
// kernels/cuda of the GPU's kernels.

// memory is what a property has on a device.
type memory struct {
	d    kernels.Device
	bufs []kernels.Buf
}

// in runs f with memory of a device, and gives it back.
func in(d kernels.Device, f func(m *memory)) {
	m := &memory{d: d}
	f(m)
	for _, b := range m.bufs {
		d.Free(b)
	}
}

// new is n elements of a type.
func (m *memory) new(t kernels.DType, n int) kernels.Buf {
	b := m.d.Alloc(t, n)
	m.bufs = append(m.bufs, b)
	return b
}

// out is n float32 numbers.
func (m *memory) out(n int) kernels.Buf { return m.new(kernels.F32, n) }

// put copies float32 numbers of the host to the device.
func (m *memory) put(b kernels.Buf) kernels.Buf {
	on := m.out(b.Len)
	m.d.Upload(on, b.F32)
	return on
}

// get fetches numbers.
func (m *memory) get(b kernels.Buf) []float32 {
	x := make([]float32, b.Len)
	m.d.Download(x, b)
	return x
}

// eachAlone fails the test unless every one of n samples has the bits alone that it has in a batch. run returns what it makes of samples lo … hi−1.
func eachAlone(t testing.TB, n int, run func(lo, hi int) [][]float32) {
	t.Helper()
	all := run(0, n)
	for s := range n {
		for k, alone := range run(s, s+1) {
			if per := len(alone); !slices.Equal(alone, all[k][s*per:(s+1)*per]) {
				t.Fatalf("sample %d alone has other bits than in a batch, in result %d", s, k)
			}
		}
	}
}

// GroupNormBatch holds a group norm of n images of i pixels, and its gradient, to bits that do not depend on the batch.
func GroupNormBatch(t testing.TB, d kernels.Device, n, i int) {
	t.Helper()
	const c, g = 64, 16
	r := NewRand(2)
	x, dy, w, b := r.In(n*i*c), r.In(n*i*c), r.In(c), r.In(c)
	eachAlone(t, n, func(lo, hi int) (results [][]float32) {
		in(d, func(m *memory) {
			n, size := hi-lo, (hi-lo)*i*c
			f := kernels.GroupNormArgs{Y: m.out(size), Mean: m.out(n * g), Rstd: m.out(n * g), X: m.put(x.Slice(lo*i*c, hi*i*c)), W: m.put(w), B: m.put(b),
				N: n, I: i, C: c, G: g, Eps: 1e-5, SiLU: true}
			kernels.GroupNorm.Run(d, f)
			k := kernels.GroupNormBackwardArgs{DX: m.out(size), DW: m.out(c), DB: m.out(c), DY: m.put(dy.Slice(lo*i*c, hi*i*c)), X: f.X, Mean: f.Mean, Rstd: f.Rstd,
				W: f.W, B: f.B, N: n, I: i, C: c, G: g, SiLU: true}
			kernels.GroupNormBackward.Run(d, k)
			results = [][]float32{m.get(f.Y), m.get(k.DX)}
		})
		return results
	})
}

// GroupNormHardStatistics has a mean a thousand times the deviation, and first pixels that are far from the others: neither costs precision against
// the plain loop.
func GroupNormHardStatistics(t testing.TB, d kernels.Device) {
	t.Helper()
	const n, i, c, g = 1, 1024, 24, 6
	ref := kernels.NewCPUAt(kernels.Generic, 2)
	defer ref.Close()
	for name, at := range map[string]func(pixel, ch int) float32{
		"mean 1000":    func(_, ch int) float32 { return 1000 + float32(ch) },
		"first pixels": func(pixel, _ int) float32 { return 300 * float32(8/(pixel%512+8)) },
	} {
		r := NewRand(1)
		x, w, b := r.In(n*i*c), r.In(c), r.In(c)
		for j := range x.F32 {
			x.F32[j] += at(j/c, j%c)
		}
		run := func(d kernels.Device) (y, rstd []float32) {
			in(d, func(m *memory) {
				a := kernels.GroupNormArgs{Y: m.out(n * i * c), Mean: m.out(n * g), Rstd: m.out(n * g), X: m.put(x), W: m.put(w), B: m.put(b),
					N: n, I: i, C: c, G: g, Eps: 1e-5}
				kernels.GroupNorm.Run(d, a)
				y, rstd = m.get(a.Y), m.get(a.Rstd)
			})
			return y, rstd
		}
		wantY, wantR := run(ref)
		y, rstd := run(d)
		worst, worstR, top := 0.0, 0.0, 0.0
		for j := range y {
			top = max(top, math.Abs(float64(wantY[j])))
			worst = max(worst, math.Abs(float64(y[j]-wantY[j])))
		}
		for j := range rstd {
			worstR = max(worstR, math.Abs(float64(rstd[j])/float64(wantR[j])-1))
		}
		t.Logf("%s: y within %.2g of the largest, rstd within %.2g", name, worst/top, worstR)
		if !(worst/top <= 3e-7 && worstR <= 1e-6) {
			t.Errorf("%s: y within %.2g of the largest, rstd within %.2g: want 3e-7 and 1e-6", name, worst/top, worstR)
		}
	}
}

// AttentionBatch holds attention over l places of n samples, and its gradient, to bits that do not depend on the batch.
func AttentionBatch(t testing.TB, d kernels.Device, n, l int) {
	t.Helper()
	const h, dim = 1, 24
	r := NewRand(4)
	qkv, do := r.In(n*l*3*h*dim), r.In(n*l*h*dim)
	eachAlone(t, n, func(lo, hi int) (results [][]float32) {
		in(d, func(m *memory) {
			n, size := hi-lo, (hi-lo)*l*h*dim
			f := kernels.AttentionArgs{O: m.out(size), LSE: m.out(n * h * l), QKV: m.put(qkv.Slice(lo*l*3*h*dim, hi*l*3*h*dim)), N: n, L: l, H: h, D: dim}
			kernels.Attention.Run(d, f)
			k := kernels.AttentionBackwardArgs{DQKV: m.out(3 * size), DO: m.put(do.Slice(lo*l*h*dim, hi*l*h*dim)), O: f.O, LSE: f.LSE, QKV: f.QKV,
				N: n, L: l, H: h, D: dim}
			kernels.AttentionBackward.Run(d, k)
			results = [][]float32{m.get(f.O), m.get(k.DQKV)}
		})
		return results
	})
}

// SquaredNormOverflow has numbers whose squares are no float32, and nothing at all.
func SquaredNormOverflow(t testing.TB, d kernels.Device) {
	t.Helper()
	in(d, func(m *memory) {
		y, few, x := m.out(2), m.out(3), m.out(5000)
		m.d.Upload(few, make([]float32, few.Len))
		for _, v := range []float64{math.MaxFloat32, math.Inf(-1), math.NaN()} {
			big := make([]float32, x.Len)
			big[4777] = float32(v)
			d.Upload(x, big)
			kernels.SquaredNorm.Run(d, kernels.SquaredNormArgs{Y: y, X: []kernels.Buf{few, x}})
			if got, want := kernels.Float64(m.get(y)), v*v; got != want && !(got != got && want != want) {
				t.Errorf("squared norm %v, want %v", got, want)
			}
		}
		kernels.SquaredNorm.Run(d, kernels.SquaredNormArgs{Y: y})
		if got := kernels.Float64(m.get(y)); got != 0 {
			t.Errorf("squared norm of nothing: %v", got)
		}
	})
}

// Conv2DNotFinite has a number that is none come out of the sum, the residual or the bias, whatever the rectifier: the loss scale hangs on it.
func Conv2DNotFinite(t testing.TB, d kernels.Device) {
	t.Helper()
	s := kernels.ConvShape{N: 1, H: 3, W: 3, I: 8, O: 8, KH: 1, KW: 1, Stride: 1}.Out()
	for _, typ := range []kernels.DType{kernels.F32, kernels.F16} {
		for at, what := range []string{"x", "residual", "bias"} {
			in(d, func(m *memory) {
				y, bufs := m.new(typ, 72), []kernels.Buf{m.new(typ, 72), m.new(typ, 72), m.new(typ, 8), m.new(typ, 64)}
				for i, b := range bufs {
					x := make([]float32, b.Len)
					if i == at {
						x[0] = float32(math.NaN())
					}
					d.Upload(b, x)
				}
				kernels.Conv2D.Run(d, kernels.Conv2DArgs{Y: y, X: bufs[0], Residual: bufs[1], Bias: bufs[2], Weight: bufs[3], Scale: 1, ReLU: true, ConvShape: s})
				if got := m.get(y); got[0] == got[0] || got[1] != 0 && at != 0 {
					t.Errorf("%v: no number in %s: y starts %v", typ, what, got[:2])
				}
			})
		}
	}
}
