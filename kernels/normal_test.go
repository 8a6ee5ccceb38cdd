package kernels_test

import (
	"slices"
	"testing"

	"onestep/kernels"
)

// TestNormalParts draws samples alone, together and on other numbers of threads: the bits are those of their addresses.
func TestNormalParts(t *testing.T) {
	const n, per, step = 5, 3001, 1<<33 + 7
	draw := func(threads, first, n int) []float32 {
		d := kernels.NewCPUAt(kernels.Generic, threads)
		defer d.Close()
		y, at := make([]float32, n*per), make([]float32, 2)
		kernels.PutUint64(at, step)
		kernels.Normal.Run(d, kernels.NormalArgs{
			Y: kernels.HostF32(y), Step: kernels.HostF32(at), Seed: 3<<40 + 1, Stream: 2, First: uint64(first), Scale: 80, N: n, I: per,
		})
		return y
	}
	all := draw(1, 10, n)
	if !slices.Equal(all, draw(3, 10, n)) {
		t.Error("the numbers depend on the threads")
	}
	for k := range n {
		if !slices.Equal(all[k*per:(k+1)*per], draw(2, 10+k, 1)) {
			t.Errorf("sample %d depends on its batch", k)
		}
	}
	counter := kernels.RandomCounter(2, step, 12)
	counter[0] = 700
	for j, w := range kernels.Philox(counter, kernels.RandomKey(3<<40+1)) {
		if got, want := all[2*per+2800+j], 80*float32(kernels.InverseNormal(w)); got != want {
			t.Errorf("element %d of sample 12 is %v, want %v", 2800+j, got, want)
		}
	}
}
