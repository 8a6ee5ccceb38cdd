package nn

import (
	"math"
	"testing"

	"onestep/autograd"
	"onestep/tensor"
)

// TestDropout: of many numbers a share P is dropped and the others grow so that the mean stays; which, depends on step, block and sample alone, and
// not on the samples beside.
func TestDropout(t *testing.T) {
	const n, per, p = 3, 4000, 0.25
	d := tensor.CPU(1)
	ones := make([]float32, n*per)
	for i := range ones {
		ones[i] = 1
	}
	masks := func(step, block, first, n int) [][]float32 {
		drop := &Dropout{P: p, Random: tensor.Random{Seed: 6}, Step: &step, Sample: first}
		y := drop.apply(autograd.Const(d.FromFloat32(ones[:n*per], n, 1, 1, per)), uint64(block)).Value.Float32s()
		var rows [][]float32
		for k := range n {
			rows = append(rows, y[k*per:(k+1)*per])
		}
		return rows
	}
	same := func(a, b []float32) float64 {
		equal := 0
		for i := range a {
			if a[i] == b[i] {
				equal++
			}
		}
		return float64(equal) / float64(len(a))
	}
	all := masks(5, 2, 10, n)
	for k, row := range all {
		dropped := 0
		for _, v := range row {
			switch v {
			case 0:
				dropped++
			case 1 / (1 - p):
			default:
				t.Fatalf("sample %d has %g", k, v)
			}
		}
		if math.Abs(float64(dropped)-p*per) > 5*math.Sqrt(p*(1-p)*per) {
			t.Errorf("sample %d: %d of %d are dropped", k, dropped, per)
		}
		if same(row, masks(5, 2, 10+k, 1)[0]) != 1 {
			t.Errorf("sample %d is another alone", k)
		}
	}
	const chance = p*p + (1-p)*(1-p)
	for what, other := range map[string][]float32{
		"the next sample": all[1], "the next step": masks(6, 2, 10, 1)[0], "the next block": masks(5, 3, 10, 1)[0], "another step and block": masks(4, 3, 10, 1)[0],
		"the last block of the step before": masks(4, maxBlocks-1, 10, 1)[0],
	} {
		if got := same(all[0], other); math.Abs(got-chance) > 0.05 {
			t.Errorf("%s: %.3f of the mask is the same, want %.3f", what, got, chance)
		}
	}
	x := autograd.Const(d.FromFloat32(ones[:4], 1, 1, 1, 4))
	if (*Dropout)(nil).apply(x, 0) != x || (&Dropout{}).apply(x, 0) != x {
		t.Error("numbers are dropped without being asked to")
	}
}
