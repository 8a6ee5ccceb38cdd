package nn_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/nn"
	"onestep/nn/golden"
	"onestep/nn/golden/nets"
	"onestep/tensor"
)

// The bounds of testdata's README-perceptual.
const (
	boundLPIPS     = 1e-5 // of every value, relative
	boundLPIPSGrad = 2e-3 // of every sample's gradient
)

// TestGoldenLPIPS compares distances, the shares of the layers, activations and gradients, with both poolings, and with images given in [0,1] as
// piq wants them and in [−1,1] as the original does. AlexNet and SqueezeNet are not ours.
func TestGoldenLPIPS(t *testing.T) {
	golden.Each(t, "piq_avgpool.value", func(t *testing.T, g *golden.File) {
		golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
			l := lpipsTest{Check: golden.NewCheck(t), g: g, d: d, samples: g.Shape("x")[0]}
			if size, err := strconv.Atoi(g.Metadata["upsample_to"]); err == nil {
				l.size = size
			}
			golden.SkipSlow(t, d)
			plain := golden.TooSlow(d)
			switch large := l.size > 0 || g.Shape("x")[2] > 64; {
			case large && plain:
				t.Skip("it takes minutes at this size; ONESTEP_CPU=generic runs it")
			case large && testing.Short():
				t.Skip("-short: large images are left out")
			case plain || testing.Short():
				l.samples = 1
			}
			l.v = nn.NewVGG16(d)
			nets.SetWeights(l.v.Params, golden.Perceptual, g.Salt())
			l.piq("piq_avgpool", false)
			if plain {
				return
			}
			l.piq("piq_maxpool", true)
			l.original()
		})
	})
}

type lpipsTest struct {
	*golden.Check
	g       *golden.File
	d       *tensor.Device
	v       *nn.VGG16
	size    int // images are enlarged to, or 0
	samples int // compared, the first ones
}

// images are the first samples of x or y, mapped by f.
func (l lpipsTest) images(name string, f func(float32) float32) *tensor.Tensor {
	shape := slices.Clone(l.g.Shape(name))
	x := l.g.F32(name)[:l.samples*shape[1]*shape[2]*shape[3]]
	for i, v := range x {
		x[i] = f(v)
	}
	shape[0] = l.samples
	return l.d.FromFloat32(golden.NHWC(x, shape), shape[0], shape[2], shape[3], shape[1])
}

func (l lpipsTest) first(name string) []float64 {
	x := l.g.F64(name)
	return x[:len(x)/l.g.Shape(name)[0]*l.samples]
}

// network is the distance for images in [lo,hi].
func (l lpipsTest) network(lo, hi float64, maxPool bool) *nn.LPIPS {
	l.v.MaxPool = maxPool
	net := nn.NewVGGLPIPS(l.v, lo, hi)
	net.Resize = l.size
	return net
}

// piq compares the metric on images in [0,1], with gradients.
func (l lpipsTest) piq(key string, maxPool bool) {
	same := func(v float32) float32 { return v }
	x, y := autograd.Param(l.images("x", same)), autograd.Const(l.images("y", same))
	net := l.network(0, 1, maxPool)
	if l.g.Has(key + ".up_sample0_slice") {
		l.enlarged(net, key)
	}
	seen := &recorder{Features: l.v}
	net.Net = seen
	layers := net.Layers(x, y)
	net.Net = l.v
	if l.g.Has(key + ".act_chan_mean.3") {
		l.activations(key, seen.taps[0])
	}
	sum := total(layers)
	l.values(key, sum, layers)
	if l.g.Has(key + ".value_f64") {
		l.each(key+".value_f64", sum.Value.Float32s(), l.first(key+".value_f64"))
	}
	weights := make([]float32, l.samples)
	for i := range weights {
		weights[i] = 1
		if l.g.Has(key + ".grad_weights") {
			weights[i] = l.g.F32(key + ".grad_weights")[i]
		} else if l.g.Has("piq_avgpool.grad_weights") {
			weights[i] = l.g.F32("piq_avgpool.grad_weights")[i]
		}
	}
	autograd.Backward(sum, l.d.FromFloat32(weights, l.samples))
	for _, name := range []string{".grad_x", ".grad_x_f64"} {
		if l.g.Has(key + name) {
			l.gradients(net, weights, key+name, nchw(x.Grad), l.first(key+name))
		}
	}
}

// original compares with the first implementation, on images in [−1,1] and with the maximum.
func (l lpipsTest) original() {
	if !l.g.Has("richzhang_vgg.value") {
		return
	}
	signed := func(v float32) float32 { return 2*v - 1 }
	net := l.network(-1, 1, true)
	x, y := autograd.Const(l.images("x", signed)), autograd.Const(l.images("y", signed))
	layers := net.Layers(x, y)
	sum := total(layers)
	l.values("richzhang_vgg", sum, layers)
	if l.size == 0 { // it is quick
		golden.Abs(l.Check, "Distance", "", net.Distance(x, y).Value.Float32s(), sum.Value.Float32s(), 0)
	}
}

// recorder remembers the taps of a network.
type recorder struct {
	nn.Features
	taps [][]*autograd.Var
}

func (r *recorder) Taps(x *autograd.Var) []*autograd.Var {
	taps := r.Features.Taps(x)
	r.taps = append(r.taps, taps)
	return taps
}

// total is the distance of which layers are the shares.
func total(layers []*autograd.Var) *autograd.Var {
	sum := layers[0]
	for _, s := range layers[1:] {
		sum = sum.Add(s)
	}
	return sum
}

func (l lpipsTest) values(key string, sum *autograd.Var, layers []*autograd.Var) {
	l.each(key+".value", sum.Value.Float32s(), l.first(key+".value"))
	shares := make([]float32, l.samples*len(layers)) // (N,layers)
	for k, layer := range layers {
		for i, v := range layer.Value.Float32s() {
			shares[i*len(layers)+k] = v
		}
	}
	want := l.first(key + ".per_layer")
	for i := range l.samples { // a sample's shares together: the smallest is 1 % of the sum
		at := i * len(layers)
		golden.Rel(l.Check, key+".per_layer", fmt.Sprintf("sample %d", i), shares[at:at+len(layers)], want[at:at+len(layers)], boundLPIPS)
	}
}

// each bounds every number alone; where zero is wanted it must be exactly that.
func (l lpipsTest) each(name string, got []float32, want []float64) {
	for i := range want {
		golden.Rel(l.Check, name, fmt.Sprintf("sample %d", i), got[i:i+1], want[i:i+1], boundLPIPS)
		if want[i] == 0 {
			golden.Abs(l.Check, name+" of equal images", fmt.Sprintf("sample %d", i), got[i:i+1], want[i:i+1], 0)
		}
	}
}

func (l lpipsTest) gradients(net *nn.LPIPS, weights []float32, name string, got []float32, want []float64) {
	n := len(got) / l.samples
	for i := range l.samples {
		a, b := got[i*n:(i+1)*n], want[i*n:(i+1)*n]
		bound := boundLPIPSGrad
		switch {
		case golden.L2(b) == 0:
			bound = 0
		case l.v.MaxPool && golden.RelError(a, b) > bound:
			bound = 2 * l.tieSpread(net, i, weights[i], a)
		}
		golden.Rel(l.Check, name, fmt.Sprintf("sample %d", i), a, b, bound)
	}
}

// tieSpread is how far the gradient at sample i moves when the image is changed by a few roundings. Where two pixels of a pooling
// window are equal but for rounding, the maximum of the one is that of the other, but the whole gradient goes to one of them: a
// single window of the deeper layers is worth 1 %, and in smooth images there are many. Two correct implementations, or one on two
// instruction sets, differ by about as much. The mean has no such windows and is always held to the file's bound.
func (l lpipsTest) tieSpread(net *nn.LPIPS, i int, weight float32, unchanged []float32) (spread float64) {
	const roundings, draws = 2e-6, 6 // some of 1
	shape := l.g.Shape("x")
	n := shape[1] * shape[2] * shape[3]
	one := []int{1, shape[1], shape[2], shape[3]}
	image := func(x []float32) *autograd.Var {
		return autograd.Param(l.d.FromFloat32(golden.NHWC(x, one), 1, shape[2], shape[3], shape[1]))
	}
	x, y := l.g.F32("x")[i*n:(i+1)*n], autograd.StopGrad(image(l.g.F32("y")[i*n:(i+1)*n]))
	for k := range draws {
		noise := golden.UNet.Input(fmt.Sprintf("tie:%d:%d", i, k), n)
		for j, v := range x {
			noise[j] = v + roundings*noise[j]
		}
		moved := image(noise)
		autograd.Backward(net.Distance(moved, y), l.d.FromFloat32([]float32{weight}, 1))
		spread = max(spread, golden.RelError(nchw(moved.Grad), unchanged))
	}
	return spread
}

// enlarged compares a corner of the enlarged first image and of the gradient there.
func (l lpipsTest) enlarged(net *nn.LPIPS, key string) {
	l.samples = 1
	same := func(v float32) float32 { return v }
	up := autograd.Param(autograd.Bilinear(autograd.Const(l.images("x", same)), l.size, l.size).Value)
	at := *net
	at.Resize = 0
	s := l.g.Shape(key + ".up_sample0_slice")
	corner := func(x *tensor.Tensor) []float32 { return crop(nchw(x), x.Dim(3), l.size, l.size, s[0], s[1], s[2]) }
	golden.Rel(l.Check, key+".up_sample0_slice", "", corner(up.Value), l.g.F32(key+".up_sample0_slice"), boundOp)
	if weights := key + ".grad_weights"; l.g.Has(weights) && l.g.Has(key+".grad_up_sample0_slice") {
		y := autograd.Bilinear(autograd.Const(l.images("y", same)), l.size, l.size)
		autograd.Backward(at.Distance(up, y), l.d.FromFloat32(l.g.F32(weights)[:1], 1))
		golden.Rel(l.Check, key+".grad_up_sample0_slice", "", corner(up.Grad), l.g.F32(key+".grad_up_sample0_slice"), boundLPIPSGrad)
	}
}

// activations compares moments of x's taps.
func (l lpipsTest) activations(key string, taps []*autograd.Var) {
	for k, index := range []int{3, 8, 15, 22, 29} {
		tap := taps[k]
		n, h, w, c := tap.Dim(0), tap.Dim(1), tap.Dim(2), tap.Dim(3)
		act := nchw(tap.Value)
		mean := make([]float64, n*c)
		for i, v := range act {
			mean[i/(h*w)] += float64(v) / float64(h*w)
		}
		name := fmt.Sprintf("%s.act_chan_mean.%d", key, index)
		golden.Rel(l.Check, key+".act_chan_mean", name, mean, l.first(name), boundLPIPS)
		name = fmt.Sprintf("%s.act_corner.%d", key, index)
		s := l.g.Shape(name)
		var corner []float32
		for i := range n {
			corner = append(corner, crop(act[i*c*h*w:], c, h, w, s[1], s[2], s[3])...)
		}
		golden.Rel(l.Check, key+".act_corner", name, corner, l.first(name), boundLPIPS)
	}
}

// crop is the first channels, rows and columns of an image (C,H,W).
func crop(x []float32, c, h, w, channels, rows, columns int) []float32 {
	var y []float32
	for ch := range channels {
		for r := range rows {
			at := (ch*h + r) * w
			y = append(y, x[at:at+columns]...)
		}
	}
	return y
}

// TestGoldenLPIPSWeights compares the linear weights that are part of the program with a file of them.
func TestGoldenLPIPSWeights(t *testing.T) {
	golden.Each(t, "vgg.lin0.model.1.weight", func(t *testing.T, g *golden.File) {
		d := golden.Device(t, kernels.Generic)
		net := nn.NewVGGLPIPS(nn.NewVGG16(d), -1, 1)
		for i, w := range net.Weights {
			if name := fmt.Sprintf("vgg.lin%d.model.1.weight", i); !slices.Equal(w.Value.Float32s(), g.F32(name)) {
				t.Errorf("%s differs from what is embedded", name)
			}
		}
	})
}
