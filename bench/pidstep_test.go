package bench_test

import (
	"fmt"
	"testing"

	"onestep/bench"
	"onestep/kernels"
	"onestep/kernels/kernelstest"
	"onestep/tensor"
)

func BenchmarkPIDStep(b *testing.B) {
	for _, batch := range []int{1, 4} {
		b.Run(fmt.Sprintf("net=cifar10/loss=l2/batch=%d", batch), func(b *testing.B) {
			cpu := kernels.NewCPU(0)
			defer cpu.Close()
			tr, err := bench.PIDStep(tensor.On(cpu), bench.Step{Net: bench.CIFAR10(), Batch: batch})
			if err != nil {
				b.Fatal(err)
			}
			step := func() {
				if _, err := tr.Update(); err != nil {
					b.Fatal(err)
				}
			}
			step()
			for b.Loop() {
				step()
			}
			rate := bench.PIDStepFLOPs(bench.CIFAR10MACs, batch) * float64(b.N) / b.Elapsed().Seconds() / 1e9
			_, peak := cpu.Memory()
			b.ReportMetric(rate, "GFLOP/s")
			b.ReportMetric(100*rate/kernelstest.Peak(cpu), "%peak")
			b.ReportMetric(float64(peak)/1e6, "peak-MB")
		})
	}
}
