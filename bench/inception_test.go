package bench

import (
	"fmt"
	"testing"

	"onestep/nn"
	"onestep/tensor"
)

// BenchmarkInception is the features of images of 32×32 pixels, as an evaluation computes them.
func BenchmarkInception(b *testing.B) {
	d := tensor.CPU(0)
	n := nn.NewInception(d, nn.InceptionTensorFlow)
	n.Init(tensor.Random{Seed: 1})
	const size = 32
	for _, batch := range []int{1, 4, 8, 16} {
		b.Run(fmt.Sprintf("dev=cpu/N=%d", batch), func(b *testing.B) {
			n.Batch = batch
			images := make([]byte, batch*size*size*3)
			n.Features(images, batch, size, size, 3)
			for b.Loop() {
				n.Features(images, batch, size, size, 3)
			}
			b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
