package nn_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/nn"
	"onestep/nn/golden"
	"onestep/tensor"
)

// TestGoldenOps compares single operations and blocks: outputs, and gradients at inputs and parameters. Which module a case is follows
// from the words of its configuration.
func TestGoldenOps(t *testing.T) {
	golden.Each(t, "case.", func(t *testing.T, g *golden.File) {
		golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
			c := golden.NewCheck(t)
			for _, name := range g.Cases() {
				var m map[string]json.RawMessage
				g.JSON("case."+name, &m)
				has := func(key string) bool { return m[key] != nil }
				o := &opCase{T: t, c: c, g: g, d: d, name: name}
				switch {
				case has("emb_channels"):
					o.block()
				case has("kernel"):
					o.conv()
				case has("num_groups"):
					o.groupNorm()
				case has("in_features"):
					o.linear()
				case has("endpoint"):
					o.positional()
				case has("num_channels"):
					o.fourier()
				case has("size"):
					o.bilinear()
				case has("channels_per_head"):
					o.attention()
				case has("q"):
					o.attentionWeights()
				case len(m) == 0:
					o.check(nil, autograd.SiLU)
				default:
					t.Errorf("%s: no operation has the configuration %s", name, g.Metadata["case."+name])
				}
			}
		})
	})
}

// opCase is one case of a file: an operation with one input and one output, and maybe parameters.
type opCase struct {
	*testing.T
	c    *golden.Check
	g    *golden.File
	d    *tensor.Device
	name string
}

func (o *opCase) config(into any) {
	o.Helper()
	o.g.JSON("case."+o.name, into)
}

// check sets the parameters, runs forward on the inputs x0 and perhaps x1, and compares the result and all gradients.
func (o *opCase) check(ps *nn.Params, forward func(x *autograd.Var) *autograd.Var) {
	o.Helper()
	o.check2(ps, func(x ...*autograd.Var) *autograd.Var { return forward(x[0]) })
}

func (o *opCase) check2(ps *nn.Params, forward func(x ...*autograd.Var) *autograd.Var) {
	o.Helper()
	if ps != nil {
		o.setParams(ps)
	}
	var xs []*autograd.Var
	for _, in := range []string{"x0", "x1"} {
		if o.g.Has(o.name + ".in." + in) {
			xs = append(xs, autograd.Param(o.g.Tensor(o.d, o.name+".in."+in)))
		}
	}
	y := forward(xs...)
	golden.Rel(o.c, "out", o.name, nchw(y.Value), o.g.F32(o.name+".out.y0"), boundOp)
	autograd.Backward(y, o.g.Tensor(o.d, o.name+".in.dy0"))
	for i, x := range xs {
		key := o.name + ".grad." + []string{"x0", "x1"}[i]
		if o.g.Has(key) {
			golden.Rel(o.c, "grad", key, nchw(x.Grad), o.g.F32(key), boundOpGrad)
		}
	}
	seen := 0
	if ps != nil {
		for _, p := range ps.Trained() {
			key := o.name + ".grad.param." + p.Name
			if !o.g.Has(key) {
				o.Errorf("%s: the file has no gradient for %s", o.name, p.Name)
				continue
			}
			golden.Rel(o.c, "grad", key, p.Publish(p.Var.Grad), o.g.F32(key), boundOpGrad)
			seen++
		}
	}
	for _, n := range o.g.Names() {
		if strings.HasPrefix(n, o.name+".grad.param.") {
			seen--
		}
	}
	if seen != 0 {
		o.Errorf("%s: %d parameters of the file are not ours", o.name, -seen)
	}
}

// setParams sets parameters from the file or, where it left them out, from their hash. Fixed buffers are compared.
func (o *opCase) setParams(ps *nn.Params) {
	o.Helper()
	prefix := o.prefix(ps)
	for _, p := range ps.List {
		key := o.name + ".param." + p.Name
		switch {
		case p.Var == nil:
			golden.Abs(o.c, "filter", key, p.Get(), o.g.F32(key), 0)
		case o.g.Has(key):
			if !slices.Equal(p.Shape, o.g.Shape(key)) {
				o.Fatalf("%s: shape %v, ours is %v", key, o.g.Shape(key), p.Shape)
			}
			p.Set(o.g.F32(key))
		default:
			p.Set(golden.UNet.Weight(prefix, p.Name, p.Shape))
		}
	}
}

// prefix stands in front of the keys of the parameters that the file left out. The others are hashes too, and tell whether the salt is part
// of it.
func (o *opCase) prefix(ps *nn.Params) string {
	salted, plain := o.g.Salt()+"op:"+o.name+":", "op:"+o.name+":"
	for _, p := range ps.Trained() {
		if key := o.name + ".param." + p.Name; o.g.Has(key) {
			if slices.Equal(golden.UNet.Weight(plain, p.Name, p.Shape), o.g.F32(key)) {
				return plain
			}
			break
		}
	}
	return salted
}

func (o *opCase) block() {
	o.Helper()
	m := struct {
		In           int       `json:"in_channels"`
		Out          int       `json:"out_channels"`
		Emb          int       `json:"emb_channels"`
		Up           bool      `json:"up"`
		Down         bool      `json:"down"`
		Attention    bool      `json:"attention"`
		Heads        int       `json:"num_heads"`
		PerHead      int       `json:"channels_per_head"`
		Adaptive     bool      `json:"adaptive_scale"`
		SkipScale    float64   `json:"skip_scale"`
		Eps          float64   `json:"eps"`
		Filter       []float32 `json:"resample_filter"`
		ResampleProj bool      `json:"resample_proj"`
		WantHeads    int       `json:"heads"`
	}{PerHead: 64, Adaptive: true, SkipScale: 1, Eps: 1e-5}
	o.config(&m)
	ps, s := nn.NewParams(o.d)
	b := nn.NewUNetBlock(s, nn.BlockConfig{
		In: m.In, Out: m.Out, Emb: m.Emb, Up: m.Up, Down: m.Down, Attention: m.Attention, Heads: m.Heads, ChannelsPerHead: m.PerHead,
		Adaptive: m.Adaptive, SkipScale: float32(m.SkipScale), Eps: float32(m.Eps), Filter: m.Filter, ResampleProj: m.ResampleProj,
	}.WithInit())
	if b.Heads != m.WantHeads {
		o.Errorf("%s: %d heads, want %d", o.name, b.Heads, m.WantHeads)
	}
	o.check2(ps, func(x ...*autograd.Var) *autograd.Var { return b.Forward(x[0], x[1], nil) })
}

func (o *opCase) conv() {
	o.Helper()
	var m struct {
		In     int       `json:"in_channels"`
		Out    int       `json:"out_channels"`
		Kernel int       `json:"kernel"`
		Up     bool      `json:"up"`
		Down   bool      `json:"down"`
		Filter []float32 `json:"resample_filter"`
		Fused  bool      `json:"fused_resample"`
	}
	o.config(&m)
	ps, s := nn.NewParams(o.d)
	l := nn.NewConv2d(s, nn.ConvConfig{In: m.In, Out: m.Out, Kernel: m.Kernel, Up: m.Up, Down: m.Down, Filter: m.Filter, Fused: m.Fused}, nn.Kaiming)
	o.check(ps, l.Forward)
}

func (o *opCase) groupNorm() {
	o.Helper()
	var m struct {
		Channels int     `json:"num_channels"`
		Groups   int     `json:"num_groups"`
		Eps      float64 `json:"eps"`
	}
	o.config(&m)
	ps, s := nn.NewParams(o.d)
	l := nn.NewGroupNorm(s, m.Channels, float32(m.Eps))
	if l.Groups != m.Groups {
		o.Errorf("%s: %d groups, want %d", o.name, l.Groups, m.Groups)
	}
	o.check(ps, func(x *autograd.Var) *autograd.Var { return l.Forward(x, autograd.Norm{}) })
}

func (o *opCase) linear() {
	o.Helper()
	m := struct {
		In   int  `json:"in_features"`
		Out  int  `json:"out_features"`
		Bias bool `json:"bias"`
	}{Bias: true}
	o.config(&m)
	ps, s := nn.NewParams(o.d)
	o.check(ps, nn.NewLinear(s, m.In, m.Out, m.Bias, nn.Kaiming).Forward)
}

func (o *opCase) positional() {
	o.Helper()
	var m struct {
		Channels int  `json:"num_channels"`
		Endpoint bool `json:"endpoint"`
	}
	o.config(&m)
	w := nn.Frequencies(m.Channels/2, m.Endpoint)
	o.check(nil, func(x *autograd.Var) *autograd.Var { return autograd.Embedding(x, o.d.FromFloat32(w, len(w)), false) })
}

func (o *opCase) fourier() {
	o.Helper()
	freqs := autograd.Const(o.g.Tensor(o.d, o.name+".param.freqs"))
	o.check(nil, func(x *autograd.Var) *autograd.Var {
		return autograd.Embedding(x, freqs.Scale(2*math.Pi).Value, false)
	})
}

func (o *opCase) bilinear() {
	o.Helper()
	s := o.g.Shape(o.name + ".out.y0")
	o.check(nil, func(x *autograd.Var) *autograd.Var { return autograd.Bilinear(x, s[2], s[3]) })
}

// attention is the whole of it on the output of a projection, whose channels are reordered as [nn.Conv2d] reorders its weights.
func (o *opCase) attention() {
	o.Helper()
	var m struct {
		Heads int `json:"heads"`
	}
	o.config(&m)
	in := o.name + ".in.x0"
	shape := o.g.Shape(in)
	n, c3, h, w := shape[0], shape[1], shape[2], shape[3]
	perm := nn.QKVOrder(c3 / 3)
	inside, published := make([]float32, n*c3*h*w), golden.NHWC(o.g.F32(in), shape)
	for i, v := range published {
		inside[i-i%c3+perm[i%c3]] = v
	}
	x := autograd.Param(o.d.FromFloat32(inside, n, h, w, c3))
	y := autograd.Attention(x, m.Heads)
	golden.Rel(o.c, "out", o.name, nchw(y.Value), o.g.F32(o.name+".out.y0"), boundOp)
	autograd.Backward(y, o.g.Tensor(o.d, o.name+".in.dy0"))
	grad := x.Grad.Float32s()
	for i := range published {
		published[i] = grad[i-i%c3+perm[i%c3]]
	}
	golden.Rel(o.c, "grad", o.name, golden.NCHW(published, []int{n, h, w, c3}), o.g.F32(o.name+".grad.x0"), boundOpGrad)
}

// attentionWeights are softmax(q·k/√C). Our operation does not show them, but with rows of the identity for values it returns them,
// C keys at a time. It wants as many queries as keys: they are padded with zeros and their weights dropped.
func (o *opCase) attentionWeights() {
	o.Helper()
	qs, ks := o.g.Shape(o.name+".in.x0"), o.g.Shape(o.name+".in.x1")
	n, c, queries, keys := qs[0], qs[1], qs[2], ks[2]
	q, k, dw := o.g.F32(o.name+".in.x0"), o.g.F32(o.name+".in.x1"), o.g.F32(o.name+".in.dy0")
	weights := make([]float32, n*queries*keys)
	dq, dk := make([]float64, len(q)), make([]float64, len(k))
	for q0 := 0; q0 < queries; q0 += keys {
		for k0 := 0; k0 < keys; k0 += c {
			x, dy := make([]float32, n*keys*3*c), make([]float32, n*keys*c)
			row := func(b, l int) int { return (b*keys + l) * 3 * c }
			for b := range n {
				for l := range keys {
					for j := range c {
						if q0+l < queries {
							x[row(b, l)+j] = q[(b*c+j)*queries+q0+l]
							if k0+j < keys {
								dy[(b*keys+l)*c+j] = dw[(b*queries+q0+l)*keys+k0+j]
							}
						}
						x[row(b, l)+c+j] = k[(b*c+j)*keys+l]
						if l == k0+j {
							x[row(b, l)+2*c+j] = 1
						}
					}
				}
			}
			v := autograd.Param(o.d.FromFloat32(x, n, keys, 1, 3*c))
			y := autograd.Attention(v, 1)
			autograd.Backward(y, o.d.FromFloat32(dy, n, keys, 1, c))
			out, grad := y.Value.Float32s(), v.Grad.Float32s()
			for b := range n {
				for l := range keys {
					for j := range c {
						if q0+l < queries {
							dq[(b*c+j)*queries+q0+l] += float64(grad[row(b, l)+j])
							if k0+j < keys {
								weights[(b*queries+q0+l)*keys+k0+j] = out[(b*keys+l)*c+j]
							}
						}
						dk[(b*c+j)*keys+l] += float64(grad[row(b, l)+c+j])
					}
				}
			}
		}
	}
	golden.Rel(o.c, "out", o.name, weights, o.g.F32(o.name+".out.y0"), boundOp)
	golden.Rel(o.c, "grad", o.name+" x0", dq, o.g.F32(o.name+".grad.x0"), boundOpGrad)
	golden.Rel(o.c, "grad", o.name+" x1", dk, o.g.F32(o.name+".grad.x1"), boundOpGrad)
}
