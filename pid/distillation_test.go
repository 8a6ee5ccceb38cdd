package pid

import (
	"math"
	"testing"

	"onestep/tensor"
)

// TestStratifiedLevels draws the grid indices of many steps. Stratified, sample k stays in the k-th of Batch equal parts of the grid and fills it
// evenly, and otherwise every sample fills the whole grid: both by the counts in tenths of what they may fill.
func TestStratifiedLevels(t *testing.T) {
	const grid, batch, steps, cells = 250, 5, 4000, 10
	for _, stratified := range []bool{true, false} {
		o := &Distillation{Loss: &Loss{Levels: EDMLevels(grid)}, Random: tensor.Random{Seed: 3}, Batch: batch, Stratified: stratified}
		for sample := range batch {
			first, size := 0, grid
			if stratified {
				first, size = sample*grid/batch, grid/batch
			}
			var count [cells]float64
			for step := range steps {
				i := o.index(step, sample)
				if i < first || i >= first+size {
					t.Fatalf("stratified %t: sample %d has index %d, want one of %d from %d", stratified, sample, i, size, first)
				}
				if got := o.Level(step, sample); got != float64(i)/grid {
					t.Fatalf("index %d is level %g", i, got)
				}
				count[(i-first)*cells/size]++
			}
			for cell, c := range count {
				if math.Abs(c-steps/cells) > 5*math.Sqrt(steps/cells) {
					t.Errorf("stratified %t: %g of %d indices of sample %d are in tenth %d", stratified, c, steps, sample, cell)
				}
			}
		}
	}
}

// TestAugmentAlways: with probability 1 every sample is scaled, rotated, stretched and shifted, and half of them are turned upside down.
func TestAugmentAlways(t *testing.T) {
	const n = 400
	o, down, oblique := &Denoising{Random: tensor.Random{Seed: 2}, Augment: 1}, 0, 0
	for k := range n {
		a := o.augmentation(0, k)
		if a.Scale == 0 || a.Rotation == 0 || a.Stretch == 0 || a.ShiftX == 0 || a.ShiftY == 0 || math.Abs(a.Rotation) > math.Pi || math.Abs(a.Axis) > math.Pi {
			t.Fatalf("sample %d: %+v", k, a)
		}
		if a.FlipY {
			down++
		}
		if a.Axis != 0 {
			oblique++
		}
	}
	for _, count := range []int{down, oblique} {
		if math.Abs(float64(count)-n/2) > 5*math.Sqrt(n/4) {
			t.Errorf("%d of %d are upside down, %d stretched along an axis of any angle", down, n, oblique)
		}
	}
}

// TestDenoisingLevel: the place of a level is ½ at the mean of ln σ, and 0 and nearly 1 two standard deviations from it.
func TestDenoisingLevel(t *testing.T) {
	o := &Denoising{Random: tensor.Random{Seed: 5}, PMean: -1.2, PStd: 1.2}
	low, high := 0, 0
	for k := range 2000 {
		got, z := o.Level(3, k), (math.Log(o.sigma(3, k))+1.2)/1.2
		want := 0.5 - z/4
		switch {
		case z > 2:
			want = 0
			low++
		case z < -1.996:
			want = 0.999
			high++
		}
		if math.Abs(got-want) > 1e-9 {
			t.Fatalf("z = %g: level %g, want %g", z, got, want)
		}
	}
	if low < 20 || high < 20 {
		t.Errorf("%d and %d levels beyond the ends", low, high)
	}
}
