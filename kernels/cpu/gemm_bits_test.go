package cpu_test

import (
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// assembled skips a test where the package registers nothing.
func assembled(t *testing.T) {
	t.Helper()
	if len(kernels.GEMM.Implementations()) == 1 || len(kernels.ISAs()) == 1 {
		t.Skip("no assembly for this processor, build or " + kernels.ISAEnv)
	}
}

func sameBits(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: [%d] = %v, want %v, the same bits", name, i, got[i], want[i])
		}
	}
}

// A row of a product has the same bits whatever the other rows are, and on every instruction set.
func TestGEMMRowsAreIndependent(t *testing.T) {
	assembled(t)
	const m, n, k = 301, 112, 700
	r := kernelstest.NewRand(3)
	x, y := r.In(m*k), r.In(k*n)
	var first []float32
	for _, isa := range kernels.ISAs()[1:] {
		d := kernels.NewCPUAt(isa, 3)
		defer d.Close()
		run := func(lo, hi int) []float32 {
			c := kernels.HostF32(make([]float32, (hi-lo)*n))
			kernels.GEMM.Run(d, kernels.GEMMArgs{C: c, A: x.Slice(lo*k, hi*k), B: y, M: hi - lo, N: n, K: k, LDA: k, LDB: n, LDC: n})
			return c.F32
		}
		whole := run(0, m)
		if first == nil {
			first = whole
		}
		sameBits(t, isa.String()+" against "+kernels.ISAs()[1].String(), whole, first)
		for _, part := range [][2]int{{0, 1}, {5, 12}, {100, 164}, {300, 301}} {
			sameBits(t, isa.String(), run(part[0], part[1]), whole[part[0]*n:part[1]*n])
		}
	}
}

// An image has the same output and input gradient whatever the batch is, and on every instruction set.
func TestConv2DImagesAreIndependent(t *testing.T) {
	assembled(t)
	for _, s := range []kernels.ConvShape{
		{N: 5, H: 9, W: 8, I: 3, O: 16, KH: 3, KW: 3, Stride: 1, PadH: 1, PadW: 1},
		{N: 3, H: 9, W: 11, I: 40, O: 3, KH: 3, KW: 3, Stride: 1, PadH: 1, PadW: 1},
		{N: 3, H: 130, W: 130, I: 8, O: 3, KH: 3, KW: 3, Stride: 1, PadH: 1, PadW: 1},
		{N: 3, H: 6, W: 7, I: 1, O: 112, KH: 3, KW: 5, Stride: 1, PadH: 1, PadW: 2},
		{N: 5, H: 8, W: 8, I: 32, O: 48, KH: 3, KW: 3, Stride: 1, PadH: 1, PadW: 1},
		{N: 3, H: 16, W: 16, I: 144, O: 96, KH: 3, KW: 3, Stride: 2, PadH: 1, PadW: 1},
		{N: 4, H: 4, W: 4, I: 64, O: 32, KH: 1, KW: 1, Stride: 1},
	} {
		s = s.Out()
		r := kernelstest.NewRand(3)
		in, out := s.H*s.W*s.I, s.OH*s.OW*s.O
		x, dy, w := r.In(s.N*in), r.In(s.N*out), r.In(s.KH*s.KW*s.I*s.O)
		var first [3][]float32
		for _, isa := range kernels.ISAs()[1:] {
			d := kernels.NewCPUAt(isa, 3)
			defer d.Close()
			run := func(lo, hi int) (y, dx []float32) {
				s := s
				s.N = hi - lo
				y, dx = make([]float32, s.N*out), make([]float32, s.N*in)
				kernels.Conv2D.Run(d, kernels.Conv2DArgs{Y: kernels.HostF32(y), X: x.Slice(lo*in, hi*in), Weight: w, Scale: 1, ConvShape: s})
				kernels.Conv2DInputGrad.Run(d, kernels.Conv2DInputGradArgs{DX: kernels.HostF32(dx), DY: dy.Slice(lo*out, hi*out), Weight: w, Scale: 1, ConvShape: s})
				return y, dx
			}
			y, dx := run(0, s.N)
			dw := make([]float32, w.Len)
			kernels.Conv2DWeightGrad.Run(d, kernels.Conv2DWeightGradArgs{DWeight: kernels.HostF32(dw), X: x, DY: dy, Scale: 1, ConvShape: s})
			if first[0] == nil {
				first = [3][]float32{y, dx, dw}
			}
			for i, got := range [][]float32{y, dx, dw} {
				sameBits(t, isa.String()+" against "+kernels.ISAs()[1].String(), got, first[i])
			}
			for n := range s.N {
				y1, dx1 := run(n, n+1)
				sameBits(t, isa.String()+" y", y1, y[n*out:][:out])
				sameBits(t, isa.String()+" dx", dx1, dx[n*in:][:in])
			}
		}
	}
}

// The collector must be able to stop goroutines that run one tile after the other. Where it cannot, it takes seconds.
func TestCollectionBesideGEMM(t *testing.T) {
	assembled(t)
	d := kernels.NewCPU(2)
	defer d.Close()
	const n = 768
	r := kernelstest.NewRand(3)
	x, y, c := r.In(n*n), r.In(n*n), r.Out(n*n)
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !stop.Load() {
			kernels.GEMM.Run(d, kernels.GEMMArgs{C: c, A: x, B: y, M: n, N: n, K: n, LDA: n, LDB: n, LDC: n})
		}
	}()
	best := time.Hour
	for range 20 { // on a busy machine some take as long for other reasons, but not all
		start := time.Now()
		runtime.GC()
		if best = min(best, time.Since(start)); best < time.Second {
			break
		}
	}
	stop.Store(true)
	<-done
	t.Logf("runtime.GC beside a product: %v", best)
	if best > time.Second {
		t.Errorf("runtime.GC took %v beside a running product: assembly that cannot be pre-empted", best)
	}
}
