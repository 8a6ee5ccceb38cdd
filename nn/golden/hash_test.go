package golden

import (
	"math"
	"testing"
)

// The check values of README.md and README-perceptual.md.

func TestHashRaw(t *testing.T) {
	for _, c := range []struct {
		family Family
		key    string
		i      int
		fnv, k uint64
	}{
		{UNet, "input:x", 0, 0x80c43e2d5926f491, 643025},
		{UNet, "input:x", 767, 0x80c43e2d5926f491, 969851},
		{UNet, "map_layer0.weight", 100, 0x6027504b74fa2275, 614095},
		{UNet, "out_norm.weight", 5, 0x0a6c20ca233ab3c0, 9218886},
		{UNet, "teacher/map_layer0.bias", 3, 0x74fb04c7e7d99ce9, 10402939},
		{Perceptual, "features.0.weight", 0, 0xf70f941a24398456, 8081901},
		{Perceptual, "features.0.weight", 1, 0xf70f941a24398456, 14357228},
		{Perceptual, "features.0.weight", 2, 0xf70f941a24398456, 8832206},
		{Perceptual, "features.0.weight", 3, 0xf70f941a24398456, 10727292},
		{Perceptual, "Conv2d_1a_3x3.conv.weight", 3, 0xb233eed710c5459d, 2967675},
		{Perceptual, "input:lpips64.a", 3, 0x6af7af56837fe360, 2240396},
	} {
		if got := FNV(c.key); got != c.fnv {
			t.Errorf("FNV(%q) = %x, want %x", c.key, got, c.fnv)
		}
		c.family.each(c.key, c.i+1, func(i int, k uint64) {
			if i == c.i && k != c.k {
				t.Errorf("%q element %d: k = %d, want %d", c.key, i, k, c.k)
			}
		})
	}
}

func TestHashValues(t *testing.T) {
	for _, c := range []struct {
		prefix, key string
		shape       []int
		i           int
		bits        uint32
	}{
		{"", "map_layer0.weight", []int{128, 32}, 100, 0xbe914a83},
		{"", "enc.16x16_conv.weight", []int{32, 3, 3, 3}, 863, 0xbe84859c},
		{"", "out_norm.weight", []int{32}, 5, 0x3f814454},
		{"", "map_layer0.bias", []int{128}, 3, 0xbd59024d},
		{"teacher/", "map_layer0.bias", []int{128}, 3, 0x3cc4b646},
		{"", "map_noise.freqs", []int{32}, 2, 0x3ee09a50},
	} {
		if got := math.Float32bits(UNet.Weight(c.prefix, c.key, c.shape)[c.i]); got != c.bits {
			t.Errorf("%s%s[%d] = %x, want %x", c.prefix, c.key, c.i, got, c.bits)
		}
	}
	x := UNet.Input("input:x", 768)
	if a, b := math.Float32bits(x[0]), math.Float32bits(x[767]); a != 0xbfccb53f || b != 0xbfc41200 {
		t.Errorf("input:x: %x and %x, want bfccb53f and bfc41200", a, b)
	}
	for _, c := range []struct {
		key   string
		shape []int
		want  []float32
	}{
		{"features.0.weight", []int{64, 3, 3, 3}, []float32{-0.0172356442, 0.33541137, 0.0249283444, 0.131424218}},
		{"features.0.bias", []int{64}, []float32{-0.0416114107, -0.0364027023}},
		{"Conv2d_1a_3x3.bn.weight", []int{32}, []float32{0.994676590, 1.02903736}},
		{"Conv2d_1a_3x3.bn.running_mean", []int{32}, []float32{0.00657467823, 0.0856171995}},
		{"Conv2d_1a_3x3.bn.running_var", []int{32}, []float32{1.25080919, 1.31290483}},
	} {
		got := Perceptual.Weight("", c.key, c.shape)
		for i, w := range c.want {
			if got[i] != w {
				t.Errorf("%s[%d] = %v, want %v", c.key, i, got[i], w)
			}
		}
	}
}
