package pid

import (
	"testing"

	"onestep/kernels"
	"onestep/nn"
	"onestep/tensor"
)

// TestLabelDropout counts the samples whose class is not told. Each depends on its number and the step alone, and their rows are zeros.
func TestLabelDropout(t *testing.T) {
	o := &Denoising{Random: tensor.Random{Seed: 7}, LabelDropout: 0.25}
	const n = 4000
	labels, dropped, first := make([]int, n), 0, 0
	for k := range labels {
		if labels[k] = o.label(3, k, k%5); labels[k] == NoClass {
			dropped++
		} else if labels[k] != k%5 {
			t.Fatalf("sample %d has class %d", k, labels[k])
		}
		if k < n/2 {
			first = dropped
		}
		if o.label(3, k, 0) == NoClass != (labels[k] == NoClass) {
			t.Fatalf("sample %d is another the second time", k)
		}
	}
	if dropped < n/5 || dropped > 3*n/10 || first == 0 || first == dropped {
		t.Errorf("%d of %d labels are dropped, %d in the first half", dropped, n, first)
	}
	d := tensor.CPU(1)
	x := OneHot(d, labels, 5).Value.Float32s()
	for k, l := range labels {
		for c := range 5 {
			want := float32(0)
			if c == l {
				want = 1
			}
			if x[k*5+c] != want {
				t.Fatalf("row %d, of class %d, is %v", k, l, x[k*5:k*5+5])
			}
		}
	}
	if o.LabelDropout = 0; o.label(3, 0, 4) != 4 {
		t.Error("a label is dropped without being asked to")
	}
}

// TestConditionalLabels sees that students and generators of conditional networks draw classes from the keyed stream: all of them, and the same
// ones for the same step and sample.
func TestConditionalLabels(t *testing.T) {
	c := nn.SongDefaults()
	c.Resolution, c.ModelChannels, c.ChannelMult, c.NumBlocks, c.LabelDim = 4, 8, []int{1}, 1, 3
	net, err := nn.NewUNet(tensor.On(kernels.NewDryCPU(1)), c)
	if err != nil {
		t.Fatal(err)
	}
	g := GeneratorFor(net, 5)
	seen := map[int]bool{}
	for seed := range uint64(60) {
		class := g.ClassOf(seed)
		if class < 0 || class >= 3 || class != GeneratorFor(net, 5).ClassOf(seed) {
			t.Fatalf("seed %d has class %d", seed, class)
		}
		seen[class] = true
	}
	if len(seen) != 3 {
		t.Errorf("classes drawn: %v", seen)
	}
}
