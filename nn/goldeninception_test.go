package nn_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/nn"
	"onestep/nn/golden"
	"onestep/nn/golden/nets"
	"onestep/tensor"
)

// The bound of testdata's README-perceptual, some fifty times the distance of float32 from float64.
const boundInception = 1e-5

// TestGoldenInception compares features, logits and what is on the way to them with the two published implementations, for small, large and oblong
// images. Plain Go does one image, the interpreter of the GPU none unless it is asked for.
func TestGoldenInception(t *testing.T) {
	golden.Each(t, "x32_u8", func(t *testing.T, g *golden.File) {
		layout := nn.InceptionTensorFlow
		if g.Has("x32.fc_logits") {
			layout = nn.InceptionPyTorch
		}
		golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
			golden.SkipSlow(t, d)
			n := nn.NewInception(d, layout)
			nets.SetWeights(n.Params, golden.Perceptual, g.Salt())
			n.Planar = true
			for _, set := range []string{"xrect", "x32", "x299"} {
				c := inceptionTest{golden.NewCheck(t), g, n, set}
				if layout == nn.InceptionPyTorch {
					c.torch()
				} else {
					c.tensorFlow()
				}
				if golden.TooSlow(d) || testing.Short() {
					break
				}
			}
		})
	})
}

// The network has the tensors of the published files, all of them and no others.
func TestGoldenInceptionTensors(t *testing.T) {
	layouts := map[nn.InceptionLayout]bool{}
	for _, path := range golden.Tables(t, "key", "dtype", "shape") {
		want := map[string]string{}
		for _, row := range table(path) {
			if row[1] == "float32" {
				want[row[0]] = "[" + strings.ReplaceAll(row[2], ",", " ") + "]"
			}
		}
		layout, err := nn.InceptionLayoutOf(func(name string) bool { return want[name] != "" })
		if err != nil {
			t.Fatal(path, err)
		}
		layouts[layout] = true
		for _, p := range nn.NewInception(golden.Device(t, kernels.Generic), layout).Tensors() {
			if got := fmt.Sprint(p.Shape); got != want[p.Name] {
				t.Errorf("%s: %s: shape %s, published is %q", path, p.Name, got, want[p.Name])
			}
			delete(want, p.Name)
		}
		for name := range want {
			t.Errorf("%s: %s is missing", path, name)
		}
	}
	if len(layouts) != 2 {
		t.Errorf("lists of the layouts %v, want two", layouts)
	}
	if _, err := nn.InceptionLayoutOf(func(string) bool { return false }); err == nil {
		t.Error("no tensors at all are taken for a layout")
	}
}

// inceptionTest is one set of images.
type inceptionTest struct {
	*golden.Check
	g   *golden.File
	n   *nn.Inception
	set string
}

// run computes the features of the set, showing what blocks give, and the input (N,C,H,W).
func (c inceptionTest) run(see func(name string, y *autograd.Var)) (f nn.InceptionFeatures, input []float32) {
	shape := c.g.Shape(c.set + "_u8")
	var images []byte
	var numbers []float32
	for _, u := range c.g.Ints(c.set + "_u8") {
		images, numbers = append(images, byte(u)), append(numbers, float32(u))
	}
	x := c.n.Device.FromFloat32(golden.NHWC(numbers, shape), shape[0], shape[2], shape[3], 3)
	prepared := c.n.Prepare(autograd.Const(x))
	defer prepared.Value.Release()
	defer x.Release()
	c.n.Batch = shape[0]
	c.n.Trace(see)
	return c.n.Features(images, shape[0], shape[2], shape[3], 3), nchw(prepared.Value)
}

func (c inceptionTest) same(key string, got []float32) {
	golden.Rel(c.Check, key, c.set, got, c.g.F64(c.set+key), boundInception)
}

func (c inceptionTest) torch() {
	block := map[string]string{"pool0": ".block0", "pool1": ".block1", "mixed_7": ".block2"}
	f, input := c.run(func(name string, y *autograd.Var) {
		if key := block[name]; key != "" {
			channels := autograd.MeanPixels(y)
			c.same(key+"_chan_mean", channels.Value.Float32s())
			c.same(key+"_corner", corner(c.g, c.set+key+"_corner", nchw(y.Value), y.Dim(3), y.Dim(1), 0))
		}
	})
	for i, v := range input {
		input[i] = (v + 1) / 2
	}
	c.same(".resized_sample0", corner(c.g, c.set+".resized_sample0", input, 3, nn.InceptionSize, 0))
	c.same(".pool3", f.Pool3)
	if c.g.Has(c.set + ".pool3_f64") {
		c.same(".pool3_f64", f.Pool3)
	}
	c.same(".fc_logits", f.Logits)
	c.same(".fc_softmax", softmax(f.Logits))
}

func (c inceptionTest) tensorFlow() {
	f, input := c.run(nil)
	size := c.g.Shape(c.set + ".resized_norm_corner")[3]
	c.same(".resized_norm_corner", corner(c.g, c.set+".resized_norm_corner", input, 3, nn.InceptionSize, 0))
	c.same(".resized_norm_end", corner(c.g, c.set+".resized_norm_end", input, 3, nn.InceptionSize, nn.InceptionSize-size))
	c.same(".features", f.Pool3)
	count := len(f.Spatial) / nn.InceptionSpatial
	var first []float32
	sums := make([]float32, count)
	for i := range count {
		spatial := f.Spatial[i*nn.InceptionSpatial:][:nn.InceptionSpatial]
		first = append(first, spatial[:512]...)
		sums[i] = float32(golden.Sum(spatial))
	}
	c.same(".spatial_features_first512", first)
	c.same(".spatial_features_sum", sums)
	c.same(".probs", softmax(f.Logits))
	c.same(".probs_no_output_bias", softmax(f.LogitsNoBias))
}

// corner is the part of images x (N,C,H,H) whose shape an array of the file has, the first channels, rows and columns, these from one on.
func corner(g *golden.File, name string, x []float32, channels, size, from int) (part []float32) {
	s := g.Shape(name)
	for i := range s[0] {
		part = append(part, crop(x[i*channels*size*size+from*(size+1):], s[1], size, size, s[1], s[2], s[3])...)
	}
	return part
}

// softmax is e^y/Σe^y of every row of 1008.
func softmax(logits []float32) []float32 {
	p := make([]float32, len(logits))
	for at := 0; at < len(p); at += nn.InceptionClasses {
		top, sum := math.Inf(-1), 0.0
		row := logits[at:][:nn.InceptionClasses]
		for _, v := range row {
			top = max(top, float64(v))
		}
		for _, v := range row {
			sum += math.Exp(float64(v) - top)
		}
		for i, v := range row {
			p[at+i] = float32(math.Exp(float64(v)-top) / sum)
		}
	}
	return p
}
