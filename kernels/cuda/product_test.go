package cuda

import (
	"fmt"
	"slices"
	"testing"
)

// TestPlanProduct has the plans of layers that matter on an A100's 108 multiprocessors, and what holds for every plan.
func TestPlanProduct(t *testing.T) {
	for _, c := range []struct {
		what    string
		op      *productOp
		m, n, k int
		want    string
	}{
		{"VGG16 224x224 64>64, batch 64", conv2DProduct, 64 * 224 * 224, 64, 9 * 64, "256x64 by 1"},
		{"VGG16 56x56 256>256, batch 64", conv2DProduct, 64 * 56 * 56, 256, 9 * 256, "256x128 by 1"},
		{"CIFAR-10 32x32 256>256, batch 64", conv2DProduct, 64 * 32 * 32, 256, 9 * 256, "256x128 by 1"},
		{"CIFAR-10 8x8 256>256, batch 64", conv2DProduct, 64 * 8 * 8, 256, 9 * 256, "256x128 by 3"},
		{"last layer, 128>3", conv2DProduct, 64 * 32 * 32, 3, 9 * 128, "128x16 by 1"},
		{"weight gradient 256>256 at 32x32", conv2DWeightGradProduct, 9 * 256, 256, 64 * 32 * 32, "128x128 by 6"},
	} {
		tiles := (&product{op: c.op, arithmetic: tensor}).choice("")
		p := planProduct(tiles, c.m, c.n, ceil(c.k, tensor.slice()), 108, c.n%8 == 0, true)
		if got := fmt.Sprintf("%s by %d", p.tile.name, p.splits); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	for _, as := range []arithmetic{ffma, tf32, tensor} {
		tiles := slices.DeleteFunc(slices.Clone(allTiles), func(t tile) bool { return t.arithmetic != as })
		for _, sms := range []int{1, 7, 108, 132} {
			for _, size := range [][3]int{{1, 1, 1}, {1, 1000, 5}, {77, 3, 9000}, {4096, 4096, 64}, {1 << 20, 8, 3}} {
				for _, vector := range []bool{false, true} {
					p := planProduct(tiles, size[0], size[1], size[2], sms, vector, true)
					if p.splits < 1 || p.splits > maxSplits || p.run*p.splits < size[2] || p.run*(p.splits-1) >= size[2] {
						t.Errorf("%v %v on %d: %d blocks of %d slices", as, size, sms, p.splits, p.run)
					}
				}
			}
		}
	}
}
