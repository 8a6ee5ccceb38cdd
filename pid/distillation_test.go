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
