package cpu_test

import (
	"math/rand/v2"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// bench times an operation at every level of vector instructions, on all threads, and reports the bytes that it must move at
// least, floats elements of 4 bytes, against what a copy moves.
func bench(b *testing.B, name string, floats int, make func(d *kernels.CPU, new func(int) kernels.Buf) func()) {
	b.Helper()
	for _, isa := range kernels.ISAs()[1:] {
		b.Run("isa="+isa.String()+"/"+name, func(b *testing.B) {
			d := kernels.NewCPUAt(isa, 0)
			defer d.Close()
			data := rng(0)
			run := make(d, func(n int) kernels.Buf {
				x := d.Alloc(kernels.F32, n)
				copy(x.F32, data.normal(n).F32)
				return x
			})
			run()
			for b.Loop() {
				run()
			}
			rate := 4 * float64(floats) * float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rate/1e9, "GB/s")
			b.ReportMetric(100e-9*rate/kernelstest.CopyBandwidth(d), "%copy")
		})
	}
}

type source struct{ *rand.Rand }

func rng(seed uint64) source { return source{rand.New(rand.NewPCG(seed, 0))} }

// normal is n standard normal numbers.
func (s source) normal(n int) kernels.Buf {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(s.NormFloat64())
	}
	return kernels.HostF32(x)
}

// eachISA runs f on each instruction set that this processor has, the plain loops first.
func eachISA(t *testing.T, f func(t *testing.T, d kernels.Device)) {
	for _, isa := range kernels.ISAs() {
		t.Run(isa.String(), func(t *testing.T) {
			d := kernels.NewCPUAt(isa, 2)
			defer d.Close()
			f(t, d)
		})
	}
}
