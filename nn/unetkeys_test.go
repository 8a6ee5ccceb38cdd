package nn_test

import (
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"onestep/kernels"
	"onestep/nn"
	"onestep/nn/golden"
	"onestep/tensor"
)

// dry is a device on which a network of any size is quickly made.
func dry() *tensor.Device { return tensor.On(kernels.NewDryCPU(1)) }

// published are what the specification says of the networks whose tensors are listed in the golden folder.
var published = map[string]struct {
	model, embedding, encoder string
	labels, augment, params   int
}{
	"edm-cifar10-32x32-cond-vp":   {"SongUNet", "positional", "standard", 10, 9, 55_735_299},
	"edm-cifar10-32x32-uncond-vp": {"SongUNet", "positional", "standard", 0, 9, 55_733_891},
	"edm-cifar10-32x32-uncond-ve": {"SongUNet", "fourier", "residual", 0, 9, 56_397_827},
	"edm-imagenet-64x64-cond-adm": {"DhariwalUNet", "", "", 1000, 0, 295_899_267},
	"pid-student-cifar10":         {"SongUNet", "positional", "standard", 0, 0, 55_732_739},
	"pid-student-imagenet64":      {"DhariwalUNet", "", "", 1000, 0, 295_899_267},
}

// TestPublishedKeys makes every published network from nothing but the names and shapes of its tensors, and finds the same tensors, in order.
func TestPublishedKeys(t *testing.T) {
	for _, path := range golden.Tables(t, "key", "shape", "dtype", "kind", "numel") {
		name := filepath.Base(path)
		for net := range published {
			if strings.Contains(name, net) {
				name = net
			}
		}
		t.Run(name, func(t *testing.T) {
			rows := table(path)
			shapes := map[string][]int{}
			for _, row := range rows {
				shapes[row[0]] = parseDims(t, row[1])
			}
			c, err := nn.UNetConfigOf(shapes)
			if err != nil {
				t.Fatal(err)
			}
			u, err := nn.NewUNet(dry(), c)
			if err != nil {
				t.Fatal(err)
			}
			checkRows(t, rows, u.Params)
			want, known := published[name]
			if known && (c.ModelType != want.model || c.EmbeddingType != want.embedding || c.EncoderType != want.encoder ||
				c.LabelDim != want.labels || c.AugmentDim != want.augment || u.Count() != want.params) {
				t.Errorf("%s: %d parameters, want %+v", c.JSON(), u.Count(), want)
			}
		})
	}
}

// TestUNetConfigOf takes networks apart into names and shapes, and tells them from these.
func TestUNetConfigOf(t *testing.T) {
	// Without 64 channels there are no heads, whatever the resolution.
	wide := strings.Replace(smallADM, `"model_channels": 32`, `"model_channels": 64`, 1)
	for _, text := range []string{smallSong, wide} {
		base := nn.DhariwalDefaults()
		if text == smallSong {
			base = nn.SongDefaults()
		}
		c, err := nn.ParseUNetConfig(text, base)
		if err != nil {
			t.Fatal(err)
		}
		u, err := nn.NewUNet(dry(), c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := nn.UNetConfigOf(u.Shapes())
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%s\nis told as\n%s (%v)", c.JSON(), got.JSON(), err)
		}
	}
	for _, shapes := range []map[string][]int{
		nil, {"map_layer0.weight": {}}, {"map_layer0.weight": {512, 128}}, {"map_layer0.weight": {512, 128}, "enc.99999x99999_conv.weight": {128, 3, 3, 3}},
		{"features.0.weight": {64, 3, 3, 3}}, {"out_conv.weight": {3}, "map_layer0.weight": {8, 2}, "enc.8x8_conv.weight": {2}},
	} {
		if c, err := nn.UNetConfigOf(shapes); err == nil {
			t.Errorf("%v is told as %s", shapes, c.JSON())
		}
	}
}

func parseDims(t *testing.T, s string) (shape []int) {
	for _, d := range strings.Split(s, "x") {
		n, err := strconv.Atoi(d)
		if err != nil {
			t.Fatal(err)
		}
		shape = append(shape, n)
	}
	return shape
}
