package cpu_test

import (
	"fmt"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// benchISAs runs f on a device with all threads for every instruction level but plain Go, which takes minutes, and reports
// GFLOP/s and the share of the machine's peak in the same run. f does the work once; flop is its count.
func benchISAs(b *testing.B, name string, flop float64, setup func(d *kernels.CPU) (work func())) {
	for _, isa := range kernels.ISAs() {
		if isa == kernels.Generic {
			continue
		}
		b.Run(fmt.Sprintf(name, isa), func(b *testing.B) {
			d := kernels.NewCPUAt(isa, 0)
			defer d.Close()
			work := setup(d)
			work()
			for b.Loop() {
				work()
			}
			rate := flop * float64(b.N) / float64(b.Elapsed().Nanoseconds())
			b.ReportMetric(rate, "GFLOP/s")
			b.ReportMetric(100*rate/kernelstest.Peak(d), "%peak")
		})
	}
}

// filled is a buffer of small numbers.
func filled(d *kernels.CPU, n int) kernels.Buf {
	x := d.Alloc(kernels.F32, n)
	for i := range x.F32 {
		x.F32[i] = float32(i*7919%1009)/1009 - 0.5
	}
	return x
}

func BenchmarkGEMM(b *testing.B) {
	for _, s := range []struct {
		m, n, k        int
		transA, transB bool
	}{
		{1024, 1024, 1024, false, false},
		{1024, 1024, 1024, false, true},
		{1024, 1024, 1024, true, false},
		{2048, 2048, 2048, false, false},
		{512, 512, 512, false, false},
		{256, 256, 256, false, false},
		{128, 128, 128, false, false},
		{64, 64, 64, false, false},
		{32, 128, 64, false, false},
		{8, 512, 128, false, false},
		{4, 512, 512, false, false},
	} {
		form := func(trans bool) string {
			if trans {
				return "T"
			}
			return "N"
		}
		name := fmt.Sprintf("isa=%%v/m=%d/n=%d/k=%d/form=%s%s", s.m, s.n, s.k, form(s.transA), form(s.transB))
		benchISAs(b, name, 2*float64(s.m)*float64(s.n)*float64(s.k), func(d *kernels.CPU) func() {
			a := kernels.GEMMArgs{
				A: filled(d, s.m*s.k), B: filled(d, s.k*s.n), C: filled(d, s.m*s.n),
				M: s.m, N: s.n, K: s.k, LDA: s.k, LDB: s.n, LDC: s.n, TransA: s.transA, TransB: s.transB,
			}
			if s.transA {
				a.LDA = s.m
			}
			if s.transB {
				a.LDB = s.k
			}
			return func() { kernels.GEMM.Run(d, a) }
		})
	}
}
