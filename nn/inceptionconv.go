package nn

import (
	"math"

	"onestep/autograd"
	"onestep/tensor"
)

// inceptionUnit describes a convolution of the network: its names in the two layouts, output channels, height and width of the kernel, and what it
// does to the size of the image.
type inceptionUnit struct {
	torch, tensorFlow string
	out, kh, kw       int
	border            inceptionBorder
}

// inceptionBorder is what becomes of an image's size.
type inceptionBorder int

const (
	same   inceptionBorder = iota // padding keeps it
	valid                         // no padding: kernel−1 pixels less
	halves                        // stride 2 and no padding
)

// inceptionConv is a convolution without bias, batch normalisation with running statistics, and a rectifier:
//
//	y = max(0, γ·(w∗x − μ)·r + β),   r = 1/√(σ² + 1e-3)
//
// γ is 1 where the layout has none. It is done as one convolution of weight w·γ·r and bias β − μ·γ·r, which fold makes in float64.
type inceptionConv struct {
	weight                      *autograd.Var // (KH,KW,I,O)
	gamma, beta, mean, variance *autograd.Var // (O)
	conv                        autograd.Conv

	folded, bias *autograd.Var
	version      int // of the tensors that they were made from
}

func (s inceptionScope) conv(in int, u inceptionUnit) *inceptionConv {
	c := &inceptionConv{conv: autograd.Conv{ReLU: true, Stride: 1}}
	*s.all = append(*s.all, c)
	switch u.border {
	case halves:
		c.conv.Stride = 2
	case same:
		c.conv.PadH, c.conv.PadW = u.kh/2, u.kw/2
	}
	init, _ := he(fans{in: in * u.kh * u.kw})
	weight := func(s Scope) {
		c.weight = s.permuted("weight", []int{u.out, in, u.kh, u.kw}, layout{out: u.out, in: in, taps: u.kh * u.kw}, init)
	}
	if s.layout == InceptionTensorFlow {
		s := s.In(u.tensorFlow)
		weight(s)
		c.beta = s.Vector("beta", u.out, Constant(0))
		c.mean, c.variance = s.State("mean", u.out, Constant(0)), s.State("var", u.out, Constant(1))
		return c
	}
	weight(s.In(u.torch).In("conv"))
	bn := s.In(u.torch).In("bn")
	c.gamma, c.beta = bn.Vector("weight", u.out, Constant(1)), bn.Vector("bias", u.out, Constant(0))
	c.mean, c.variance = bn.State("running_mean", u.out, Constant(0)), bn.State("running_var", u.out, Constant(1))
	return c
}

// fold makes the convolution's weight and bias, unless they are those of the tensors as they are now.
func (c *inceptionConv) fold(d *tensor.Device) {
	const eps = 1e-3
	version := 1
	for _, x := range []*autograd.Var{c.weight, c.gamma, c.beta, c.mean, c.variance} {
		if x != nil {
			version += x.Value.Version()
		}
	}
	if version == c.version {
		return
	}
	c.release()
	c.version = version
	mean, variance, beta := c.mean.Value.Float32s(), c.variance.Value.Float32s(), c.beta.Value.Float32s()
	scale, bias := make([]float64, len(mean)), make([]float32, len(mean))
	for o := range scale {
		scale[o] = 1 / math.Sqrt(float64(variance[o])+eps)
	}
	if c.gamma != nil {
		for o, g := range c.gamma.Value.Float32s() {
			scale[o] *= float64(g)
		}
	}
	for o, s := range scale {
		bias[o] = float32(float64(beta[o]) - float64(mean[o])*s)
	}
	w := c.weight.Value.Float32s()
	for i, v := range w {
		w[i] = float32(float64(v) * scale[i%len(scale)])
	}
	keep := func(x []float32, shape ...int) *autograd.Var {
		return autograd.Const(d.Unscoped(func() *tensor.Tensor { return d.FromFloat32(x, shape...) }))
	}
	c.folded, c.bias = keep(w, c.weight.Shape()...), keep(bias, len(bias))
}

// release frees what fold made.
func (c *inceptionConv) release() {
	if c.folded != nil {
		c.folded.Release()
		c.bias.Release()
	}
}

// forward maps (N,H,W,I) to (N,H',W',O).
func (c *inceptionConv) forward(x *autograd.Var) *autograd.Var {
	return autograd.Conv2D(x, c.folded, c.bias, c.conv)
}
