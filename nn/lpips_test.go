package nn_test

import (
	"fmt"
	"math"
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

func vgg(d *tensor.Device) *nn.VGG16 {
	v := nn.NewVGG16(d)
	nets.SetWeights(v.Params, golden.Perceptual, "")
	return v
}

// noise is a batch of images in [−1,1].
func noise(d *tensor.Device, key string, shape ...int) *tensor.Tensor {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return d.FromFloat32(golden.UNet.V(key, 1, n), shape...)
}

// The distance is 0 at equal images and symmetric, its gradient reaches both images, and the network has none. Memory is balanced.
func TestLPIPSProperties(t *testing.T) {
	golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
		golden.SkipEmulated(t, d)
		classifier, err := nn.NewClassifier(d, nn.SmallClassifier(3))
		if err != nil {
			t.Fatal(err)
		}
		classifier.Init(tensor.Random{Seed: 3})
		classifier.Freeze()
		large := nn.NewVGGLPIPS(vgg(d), -1, 1)
		large.Resize = 0
		for name, l := range map[string]*nn.LPIPS{"VGG": large, "classifier": nn.NewUniformLPIPS(d, classifier, classifier.TapChannels())} {
			start, _ := d.Memory()
			x, y := autograd.Param(noise(d, "x", 2, 16, 16, 3)), autograd.Param(noise(d, "y", 2, 16, 16, 3))
			zero := l.Distance(x, autograd.StopGrad(x))
			expectAll(t, name+": distance to itself", zero.Value, 0)
			ones := d.FromFloat32([]float32{1, 1}, 2)
			autograd.Backward(zero, ones)
			expectAll(t, name+": gradient there", x.Grad, 0)
			x.ZeroGrad()
			xy, yx := l.Distance(x, y), l.Distance(y, x)
			for i, v := range xy.Value.Float32s() {
				if w := yx.Value.Float32s()[i]; !(v > 0) || math.Abs(float64(v-w)) > 1e-6*float64(v) {
					t.Errorf("%s: d(x,y) = %v, d(y,x) = %v", name, v, w)
				}
			}
			autograd.Backward(xy, ones)
			gx, gy := x.Grad.Float32s(), y.Grad.Float32s()
			x.ZeroGrad()
			y.ZeroGrad()
			autograd.Backward(yx, ones)
			if e := golden.RelError(x.Grad.Float32s(), gx); e > 1e-5 {
				t.Errorf("%s: gradients at x of d(x,y) and d(y,x) are %.2g apart", name, e)
			}
			if e := golden.RelError(y.Grad.Float32s(), gy); e > 1e-5 {
				t.Errorf("%s: gradients at y of d(x,y) and d(y,x) are %.2g apart", name, e)
			}
			for _, v := range []*autograd.Var{x, y} {
				v.ZeroGrad()
				v.Value.Release()
			}
			for _, v := range []*tensor.Tensor{zero.Value, xy.Value, yx.Value, ones} {
				v.Release()
			}
			if now, _ := d.Memory(); now != start {
				t.Errorf("%s: %d bytes left in memory", name, now-start)
			}
		}
	})
}

func expectAll(t *testing.T, what string, got *tensor.Tensor, want float32) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: missing", what)
		return
	}
	for i, v := range got.Float32s() {
		if v != want {
			t.Errorf("%s: element %d is %v, want %v", what, i, v, want)
			return
		}
	}
}

// Images of one channel count as grey ones of three, small images are enlarged, and the range of the images is only a matter of scale.
func TestLPIPSPreparation(t *testing.T) {
	d := golden.Device(t, golden.ISAs()[len(golden.ISAs())-1])
	v := vgg(d)
	l := nn.NewVGGLPIPS(v, -1, 1)
	distance := func(l *nn.LPIPS, x, y *tensor.Tensor) []float32 {
		return l.Distance(autograd.Const(x), autograd.Const(y)).Value.Float32s()
	}
	grey := func(x *tensor.Tensor) *tensor.Tensor {
		var y []float32
		for _, v := range x.Float32s() {
			y = append(y, v, v, v)
		}
		return d.FromFloat32(y, x.Dim(0), x.Dim(1), x.Dim(2), 3)
	}
	l.Resize = 0
	x, y := noise(d, "x", 1, 32, 32, 1), noise(d, "y", 1, 32, 32, 1)
	small := distance(l, x, y)
	if !slices.Equal(small, distance(l, grey(x), grey(y))) {
		t.Error("a channel is not repeated")
	}
	unit := func(x *tensor.Tensor) *tensor.Tensor {
		f := x.Float32s()
		for i := range f {
			f[i] = f[i]/2 + 0.5
		}
		return d.FromFloat32(f, x.Shape()...)
	}
	zeroOne := nn.NewVGGLPIPS(v, 0, 1)
	zeroOne.Resize = 0
	if e := golden.RelError(distance(zeroOne, unit(x), unit(y)), small); e > 1e-6 {
		t.Errorf("images in [0,1] give another distance, by %.2g", e)
	}
	enlarge := func(x *tensor.Tensor) *tensor.Tensor { return autograd.Bilinear(autograd.Const(x), 64, 64).Value }
	want := distance(l, enlarge(x), enlarge(y))
	l.Resize = 64
	if !slices.Equal(distance(l, x, y), want) || slices.Equal(want, small) {
		t.Error("images are not enlarged")
	}
}

// The names of a VGG are torchvision's.
func TestVGGNames(t *testing.T) {
	v := nn.NewVGG16(golden.Device(t, kernels.Generic))
	var names []string
	for _, p := range v.List {
		if len(p.Shape) == 4 {
			names = append(names, p.Name)
		}
	}
	var want []string
	for _, i := range []string{"0", "2", "5", "7", "10", "12", "14", "17", "19", "21", "24", "26", "28"} {
		want = append(want, "features."+i+".weight")
	}
	if !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	if v.Count() != 14714688 {
		t.Errorf("%d parameters, want 14714688", v.Count())
	}
}

// A classifier has the shapes it says, and every parameter gets a gradient.
func TestClassifier(t *testing.T) {
	golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
		c := nn.SmallClassifier(1)
		net, err := nn.NewClassifier(d, c)
		if err != nil {
			t.Fatal(err)
		}
		net.Init(tensor.Random{Seed: 1})
		x := autograd.Const(noise(d, "x", 3, 16, 16, 1))
		taps := net.Taps(x)
		want := [][]int{{3, 16, 16, 32}, {3, 16, 16, 32}, {3, 8, 8, 64}, {3, 8, 8, 64}}
		for i, tap := range taps {
			if !slices.Equal(tap.Shape(), want[i]) || tap.Dim(3) != net.TapChannels()[i] {
				t.Errorf("tap %d has shape %v, want %v", i, tap.Shape(), want[i])
			}
			if low := slices.Min(tap.Value.Float32s()); low < 0 {
				t.Errorf("tap %d is not rectified: %v", i, low)
			}
		}
		f := net.Features(x)
		if !slices.Equal(f.Shape(), []int{3, 64}) {
			t.Errorf("features %v", f.Shape())
		}
		loss := autograd.Scope(d, func() *autograd.Var { return autograd.CrossEntropy(net.Logits(x, nil), []int{1, 2, 3}) })
		autograd.Backward(loss, d.FromFloat32([]float32{1, 1, 1}, 3))
		for _, p := range net.Trained() {
			if p.Var.Grad == nil || golden.L2(p.Var.Grad.Float32s()) == 0 {
				t.Errorf("%s: no gradient", p.Name)
			}
		}
		back, err := nn.ParseClassifierConfig(c.JSON())
		if err != nil || back.JSON() != c.JSON() {
			t.Errorf("configuration comes back as %+v, %v", back, err)
		}
		if _, err := nn.ParseClassifierConfig(`{"channels":0}`); err == nil {
			t.Error("a configuration without channels passes")
		}
	})
}

// TestHalfLPIPS holds the distance that a network in binary16 computes to the float64 one: of a pair of noises to the rounding of one stored
// number, 2⁻¹¹, and of an identical pair exactly. The gradient is farther off, since roundings make rectifiers that are near 0 take the other
// side, each with a share of the gradient: 2e-2 is what such flips cost on these weights, and 5e-2 is allowed.
func TestHalfLPIPS(t *testing.T) {
	golden.Each(t, "piq_avgpool.value_f64 piq_avgpool.grad_x_f64", func(t *testing.T, g *golden.File) {
		if testing.Short() {
			t.Skip("-short: it takes a second")
		}
		if _, err := strconv.Atoi(g.Metadata["upsample_to"]); err == nil {
			t.Skip("images that are enlarged: the others tell as much, in a tenth of the time")
		}
		d := golden.Device(t, golden.ISAs()[len(golden.ISAs())-1])
		l := nn.NewVGGLPIPS(vgg(d), 0, 1)
		l.Resize, l.Half = 0, true
		image := func(name string) *tensor.Tensor {
			shape := slices.Clone(g.Shape(name))
			shape[0] = 2
			return d.FromFloat32(golden.NHWC(g.F32(name)[:2*shape[1]*shape[2]*shape[3]], shape), 2, shape[2], shape[3], shape[1])
		}
		x, y := autograd.Param(image("x")), autograd.Const(image("y"))
		value := l.Distance(x, y)
		autograd.Backward(value, d.FromFloat32(g.F32("piq_avgpool.grad_weights")[:2], 2))
		got, want := value.Value.Float32s(), g.F64("piq_avgpool.value_f64")
		grad, wantGrad := golden.NCHW(x.Grad.Float32s(), x.Grad.Shape()), g.F64("piq_avgpool.grad_x_f64")
		per := len(grad) / 2
		c := golden.NewCheck(t)
		for i := range got {
			golden.Rel(c, "value", fmt.Sprintf("pair %d", i), got[i:i+1], want[i:i+1], 0x1p-11)
			golden.Rel(c, "gradient", fmt.Sprintf("pair %d", i), grad[i*per:(i+1)*per], wantGrad[i*per:(i+1)*per], 5e-2)
		}
	})
}
