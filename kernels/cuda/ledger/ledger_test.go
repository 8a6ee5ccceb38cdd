package ledger

import (
	"testing"

	"onestep/kernels/cuda/emulated"
	"onestep/kernels/cuda/ptx"
)

// TestSamples has all of a small grid; of a large one the ends, and blocks whose mean number is about the grid's.
func TestSamples(t *testing.T) {
	for _, grid := range []int{1, 2, 8} {
		for i, n := range samples(grid, 8) {
			if i != n || len(samples(grid, 8)) != grid {
				t.Errorf("%d blocks: %v", grid, samples(grid, 8))
			}
		}
	}
	for _, grid := range []int{9, 100, 1 << 20} {
		list := samples(grid, 64)
		if grid > 64 && len(list) != 64 || list[0] != 0 || grid > 1 && list[1] != 1 && list[1] != grid-1 {
			t.Fatalf("%d blocks: %v", grid, list)
		}
		sum := 0
		for _, n := range list {
			if n < 0 || n >= grid {
				t.Errorf("%d blocks: number %d", grid, n)
			}
			sum += n
		}
		if mean := float64(sum) / float64(len(list)) / float64(grid-1); mean < 0.45 || mean > 0.55 {
			t.Errorf("%d blocks: those chosen lie at %.2f in the mean", grid, mean)
		}
	}
}

// TestCache has a cache of 10 bytes, which forgets what was used longest ago, whole.
func TestCache(t *testing.T) {
	c := cache{size: 10}
	a, b, big := emulated.Buffer{Life: 1}, emulated.Buffer{Life: 2}, emulated.Buffer{Life: 3}
	for i, step := range []struct {
		buffer emulated.Buffer
		Traffic
		want float64
	}{
		{a, Traffic{Written: 6}, 6},  // writes always go to memory
		{a, Traffic{Read: 6}, 0},     //
		{b, Traffic{Read: 4}, 4},     // both fit
		{a, Traffic{Read: 6}, 0},     //
		{big, Traffic{Read: 20}, 20}, // drives all out, itself too
		{big, Traffic{Read: 20}, 20}, //
		{a, Traffic{Read: 6}, 6},     //
		{b, Traffic{4, 5}, 9},        // a goes
		{b, Traffic{Read: 4}, 0},     //
		{a, Traffic{Read: 6}, 6},     //
		{a, Traffic{Written: 3}, 3},  //
		{b, Traffic{Read: 1}, 0},     // both are there
		{big, Traffic{}, 0},          // is not touched
		{b, Traffic{Read: 1}, 0},     //
	} {
		if got := c.launch([]emulated.Buffer{step.buffer}, []Traffic{step.Traffic}); got != step.want {
			t.Errorf("step %d: %.0f bytes of DRAM, want %.0f", i, got, step.want)
		}
	}
}

// TestSharedMemory counts all of a block's shared memory: every static variable, and what the launch adds.
func TestSharedMemory(t *testing.T) {
	file, err := ptx.Parse("shared.ptx", `.version 7.0
.target sm_80
.address_size 64
.visible .entry k() { .shared .align 4 .b8 a[100]; .shared .align 4 .b8 b[60]; .shared .align 8 .b64 c; ret; }
.visible .entry none() { ret; }
`)
	if err != nil {
		t.Fatal(err)
	}
	for entry, want := range map[string]int{"k": 100 + 60 + 8 + 32, "none": 32} {
		l := newLine(&emulated.Launch{File: file, Entry: entry, Grid: [3]int{1, 1, 1}, Block: [3]int{32, 1, 1}, Shared: 32}, &Cost{})
		if l.Shared != want {
			t.Errorf("%s: %d bytes of shared memory, want %d", entry, l.Shared, want)
		}
	}
}
