package cuda

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
)

// TestProductTiles holds the host's table of tiles to the kernels: every entry that may be launched is there, with its threads and its shared
// memory, and nothing else is.
func TestProductTiles(t *testing.T) {
	entry := regexp.MustCompile(`(?s)// dynamic shared memory: (\d+) bytes\n\.visible \.entry (\w+)\(.*?\.maxntid (\d+), 1, 1\n`)
	for _, op := range []struct {
		m     *Module
		name  string
		forms []string
		p     product
	}{
		{gemmModule, "gemm", []string{"_nn", "_nt", "_tn"}, product{without: gemmWithout}},
		{conv2DModule, "conv2d", []string{""}, product{}},
		{conv2DInputGradModule, "conv2d_input_grad", []string{""}, product{}},
		{conv2DWeightGradModule, "conv2d_weight_grad", []string{""}, product{without: weightGradWithout}},
	} {
		found := map[string]string{}
		for _, e := range entry.FindAllStringSubmatch(op.m.PTX, -1) {
			found[e[2]] = e[3] + " threads, " + e[1] + " bytes"
		}
		for _, kind := range []productKind{productFloat32, productTF32, productHalf} {
			for _, tile := range kind.tiles {
				for _, form := range op.forms {
					if !op.p.has(tile) {
						continue
					}
					name := op.name + "_" + kind.name + form + "_" + tile.name
					if got, want := found[name], strconv.Itoa(tile.threads)+" threads, "+strconv.Itoa(tile.shared)+" bytes"; got != want {
						t.Errorf("%s: %q, the host has %q", name, got, want)
					}
					delete(found, name)
				}
			}
		}
		for name := range found {
			t.Errorf("%s is never launched", name)
		}
	}
}

// TestPlanProduct has the plans of layers that matter on an A100's 108 multiprocessors, and what holds for every plan.
func TestPlanProduct(t *testing.T) {
	all := func(productTile) bool { return true }
	weightGrad := (&product{without: weightGradWithout}).has
	for _, c := range []struct {
		what     string
		k        productKind
		has      func(productTile) bool
		m, n, k2 int
		want     string
	}{
		{"VGG16 224x224 64>64, batch 64", productHalf, all, 64 * 224 * 224, 64, 9 * 64, "256x64 by 1"},
		{"VGG16 56x56 256>256, batch 64", productHalf, all, 64 * 56 * 56, 256, 9 * 256, "256x128 by 1"},
		{"CIFAR-10 32x32 256>256, batch 64", productHalf, all, 64 * 32 * 32, 256, 9 * 256, "256x128 by 1"},
		{"CIFAR-10 8x8 256>256, batch 64", productHalf, all, 64 * 8 * 8, 256, 9 * 256, "256x128 by 3"},
		{"last layer, 128>3", productHalf, all, 64 * 32 * 32, 3, 9 * 128, "128x16 by 1"},
		{"weight gradient 256>256 at 32x32", productHalf, weightGrad, 9 * 256, 256, 64 * 32 * 32, "128x128 by 6"},
	} {
		p := planProduct(c.k, c.has, c.m, c.n, ceil(c.k2, c.k.slice()), 108, c.n%8 == 0, true)
		if got := fmt.Sprintf("%s by %d", p.tile.name, p.splits); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	for _, kind := range []productKind{productFloat32, productTF32, productHalf} {
		for _, sms := range []int{1, 7, 108, 132} {
			for _, size := range [][3]int{{1, 1, 1}, {1, 1000, 5}, {77, 3, 9000}, {4096, 4096, 64}, {1 << 20, 8, 3}} {
				for _, vector := range []bool{false, true} {
					p := planProduct(kind, all, size[0], size[1], size[2], sms, vector, true)
					if p.splits < 1 || p.splits > maxSplits || p.run*p.splits < size[2] || p.run*(p.splits-1) >= size[2] {
						t.Errorf("%s %v on %d: %d blocks of %d slices", kind.name, size, sms, p.splits, p.run)
					}
				}
			}
		}
	}
}
