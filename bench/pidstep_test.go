package bench_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"onestep/bench"
	"onestep/kernels"
	"onestep/kernels/kernelstest"
	"onestep/nn"
	"onestep/tensor"
)

func BenchmarkPIDStep(b *testing.B) {
	for _, batch := range []int{1, 4} {
		b.Run(fmt.Sprintf("net=cifar10/loss=l2/batch=%d", batch), func(b *testing.B) {
			cpu := kernels.NewCPU(0)
			defer cpu.Close()
			tr, err := bench.PIDStep(tensor.On(cpu), bench.Step{Net: nn.CIFAR10(), Batch: batch})
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

// BenchmarkPIDStepImageNet64 is a whole step of the paper's largest job at batch 1: RAdam, three averages, LPIPS on VGG16 at 224×224, blocks
// computed again in the backward pass. It wants 12 GB: one time suffices (-benchtime 1x). peak-GB is the process's largest resident set.
func BenchmarkPIDStepImageNet64(b *testing.B) {
	for _, half := range []bool{false, true} {
		b.Run(fmt.Sprintf("fp16=%t", half), func(b *testing.B) {
			debug.SetMemoryLimit(15e9) // garbage of setting up may not fill the machine
			cpu := kernels.NewCPU(0)
			defer cpu.Close()
			tr, err := bench.PIDStep(tensor.On(cpu), bench.Step{
				Net: nn.ImageNet64(), Batch: 1, Half: half, LPIPS: true, Rates: []float64{0.999, 0.9999, 0.99995}, Recompute: true,
			})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				m, err := tr.Update()
				if err != nil {
					b.Fatal(err)
				}
				b.Logf("%+v", m)
			}
			_, peak := cpu.Memory()
			b.ReportMetric(float64(peak)/1e9, "buffers-GB")
			b.ReportMetric(float64(cpu.Held())/1e9, "held-GB")
			b.ReportMetric(residentPeak()/1e9, "peak-GB")
		})
	}
}

// residentPeak is the most memory in bytes that the process ever had, where Linux says so, or else 0.
func residentPeak() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kb float64
	for line := range strings.Lines(string(text)) {
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			break
		}
	}
	return 1024 * kb
}
