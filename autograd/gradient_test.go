package autograd_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

// Var is short for autograd.Var.
type Var = autograd.Var

// gradientCase is an operation with its inputs. Every input gets a gradient.
type gradientCase struct {
	name   string
	inputs []input
	f      func(x []*Var) *Var
}

// input is a shape, and how it is filled: nil for standard normal numbers.
type input struct {
	shape []int
	fill  func(r *rand.Rand, i int) float64
}

func normal(shape ...int) input { return input{shape: shape} }

// TestGradients compares every operation's gradient, on every instruction set, with differences of the plain kernels' results. With a
// random direction v and random upstream gradients r, for each input x alone:
//
//	( 8·(φ(x+hv) − φ(x−hv)) − (φ(x+2hv) − φ(x−2hv)) ) / 12h = ∇φ·v + O(h⁴),   φ = Σ r·f(x)
//
// φ is summed in float64. f is rounded to float32, which leaves an error of about 6e-8·‖r·f‖/h; the bound takes four times that, and
// 2e-5 of ‖∇φ‖ for the fourth-order term and the rounding of the gradient itself.
func TestGradients(t *testing.T) {
	for _, c := range gradientCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(len(c.name)), 0x67726164))
			xs := make([][]float32, len(c.inputs))
			for i, in := range c.inputs {
				xs[i] = make([]float32, size(in.shape))
				for k := range xs[i] {
					if in.fill != nil {
						xs[i][k] = float32(in.fill(r, k))
					} else {
						xs[i][k] = float32(r.NormFloat64())
					}
				}
			}
			plain := device(t, kernels.Generic)
			y := c.value(plain, xs)
			upstream := normals(r, len(y))
			dots := c.differences(plain, r, xs, upstream)
			for _, isa := range kernels.ISAs() {
				d := device(t, isa)
				grads := c.gradients(t, d, xs, upstream)
				for i, g := range grads {
					for _, dot := range dots[i] {
						want, noise := dot.want, dot.noise
						if got := product(g, dot.v); !(math.Abs(got-want) <= noise+2e-5*length(g)) {
							t.Errorf("%v: input %d: gradient in a direction is %v, want %v (bound %.2g, length of the gradient %.3g)", isa, i, got, want, noise+2e-5*length(g), length(g))
						}
					}
				}
			}
		})
	}
}

type directional struct {
	v     []float32
	want  float64
	noise float64
}

// differences are the derivatives in two directions for each input.
func (c gradientCase) differences(d *tensor.Device, r *rand.Rand, xs [][]float32, upstream []float32) [][]directional {
	const h = 1.0 / 128
	out := make([][]directional, len(xs))
	for i, x := range xs {
		for range 2 {
			v := normals(r, len(x))
			var size float64
			at := func(step float64) (sum float64) {
				moved := slices.Clone(xs)
				moved[i] = make([]float32, len(x))
				for k := range x {
					moved[i][k] = float32(float64(x[k]) + step*float64(v[k]))
				}
				y := c.value(d, moved)
				size = 0
				for k, u := range upstream {
					term := float64(u) * float64(y[k])
					sum += term
					size += term * term
				}
				return sum
			}
			want := (8*(at(h)-at(-h)) - (at(2*h) - at(-2*h))) / (12 * h)
			// the moved x is rounded too: that moves y by about as much as y's own rounding, times the slope
			noise := 4 * 6e-8 * (math.Sqrt(size) + math.Abs(want)*length(x)/math.Sqrt(float64(len(x)))) / h
			out[i] = append(out[i], directional{v, want, noise})
		}
	}
	return out
}

// value is f(xs) as a constant.
func (c gradientCase) value(d *tensor.Device, xs [][]float32) []float32 {
	var y []float32
	d.Scope(func() []*tensor.Tensor {
		y = c.f(c.vars(d, xs, autograd.Const)).Value.Float32s()
		return nil
	})
	return y
}

func (c gradientCase) vars(d *tensor.Device, xs [][]float32, leaf func(*tensor.Tensor) *Var) []*Var {
	vs := make([]*Var, len(xs))
	for i, x := range xs {
		vs[i] = leaf(d.FromFloat32(x, c.inputs[i].shape...))
	}
	return vs
}

// gradients are those at all inputs. They must be the same, bit for bit, if only one input wants a gradient, if undefined memory is
// poisoned, and if they are added to what is there already (zero). Nothing may be left in memory.
func (c gradientCase) gradients(t *testing.T, d *tensor.Device, xs [][]float32, upstream []float32) [][]float32 {
	t.Helper()
	all := func(int) bool { return true }
	grads := c.backward(t, d, xs, upstream, all)
	for i := range xs {
		for k, g := range c.backward(t, d, xs, upstream, func(j int) bool { return i == j }) {
			switch {
			case k != i && g != nil:
				t.Errorf("%s: constant input %d received a gradient", d.Name(), k)
			case k == i && !slices.Equal(g, grads[i]):
				t.Errorf("%s: gradient at input %d differs if no other input wants one", d.Name(), i)
			}
		}
	}
	return grads
}

func (c gradientCase) backward(t *testing.T, d *tensor.Device, xs [][]float32, upstream []float32, needs func(i int) bool) [][]float32 {
	t.Helper()
	before, _ := d.Memory()
	vs := make([]*Var, len(xs))
	for i, x := range xs {
		vs[i] = autograd.Const(d.FromFloat32(x, c.inputs[i].shape...))
		if needs(i) {
			vs[i] = autograd.Param(vs[i].Value)
		}
	}
	y := autograd.Scope(d, func() *Var { return c.f(vs) })
	dy := d.FromFloat32(upstream, y.Shape()...)
	autograd.Backward(y, dy)
	dy.Release()
	y.Value.Release()
	grads := make([][]float32, len(vs))
	for i, v := range vs {
		if v.Grad != nil {
			if !slices.Equal(v.Grad.Shape(), v.Shape()) {
				t.Errorf("%s: gradient of shape %v at input %d of shape %v", d.Name(), v.Grad.Shape(), i, v.Shape())
			}
			grads[i] = v.Grad.Float32s()
		} else if needs(i) {
			t.Fatalf("%s: no gradient at input %d", d.Name(), i)
		}
		v.ZeroGrad()
		v.Value.Release()
	}
	if after, _ := d.Memory(); after != before {
		t.Errorf("%s: %d bytes left in memory", d.Name(), after-before)
	}
	return grads
}

// device is the host at a level of instructions, with undefined memory poisoned, until the test ends.
func device(t *testing.T, isa kernels.ISA) *tensor.Device {
	c := kernels.NewCPUAt(isa, 2)
	c.Poison()
	t.Cleanup(c.Close)
	return tensor.On(c)
}

func gradientCases() []gradientCase {
	var cs []gradientCase
	add := func(name string, f func(x []*Var) *Var, inputs ...input) {
		cs = append(cs, gradientCase{name, inputs, f})
	}
	constant := func(d *tensor.Device, x ...float32) *tensor.Tensor { return d.FromFloat32(x, len(x)) }

	// arithmetic
	add("axpby", func(x []*Var) *Var { return autograd.Axpby(1.5, x[0], -0.25, x[1]) }, normal(3, 7, 5), normal(3, 7, 5))
	add("add", func(x []*Var) *Var { return x[0].Add(x[1]) }, normal(11), normal(11))
	add("sub", func(x []*Var) *Var { return x[0].Sub(x[1]) }, normal(11), normal(11))
	add("scale", func(x []*Var) *Var { return x[0].Scale(-3) }, normal(5, 7))
	add("mul", func(x []*Var) *Var { return x[0].Mul(x[1]) }, normal(2, 9), normal(2, 9))
	add("square", func(x []*Var) *Var { return x[0].Mul(x[0]) }, normal(2, 9))
	add("sample_axpby", func(x []*Var) *Var {
		d := x[0].Device()
		return autograd.SampleAxpby(constant(d, 2, -1, 0.5), x[0], constant(d, 0.25, 3, -1), x[1])
	}, normal(3, 5, 7, 2), normal(3, 5, 7, 2))
	add("sample_scale", func(x []*Var) *Var {
		return autograd.SampleAxpby(constant(x[0].Device(), 2, -1, 0.5), x[0], nil, nil)
	}, normal(3, 11))
	add("channel_affine", func(x []*Var) *Var {
		d := x[0].Device()
		return autograd.ChannelAffine(x[0], constant(d, 2, -1, 0.5), constant(d, 1, 2, 3))
	}, normal(2, 5, 3, 3))
	add("pair_axpby", func(x []*Var) *Var {
		d := x[0].Device()
		return autograd.PairAxpby(constant(d, 2, -1, 0.5), constant(d, 1, 4, -3), x[0])
	}, normal(6, 5, 3))
	add("repeat", func(x []*Var) *Var { return autograd.Repeat(x[0]) }, normal(3, 5, 1))

	// layers
	for _, c := range []struct {
		name string
		n    int
		h, w int
		i, o int
		kh   int
		kw   int
		c    autograd.Conv
	}{
		{"1x1", 2, 5, 7, 3, 9, 1, 1, autograd.Conv{}},
		{"3x3", 2, 5, 7, 5, 6, 3, 3, autograd.Conv{PadH: 1, PadW: 1}},
		{"3x3_wide", 1, 8, 8, 32, 48, 3, 3, autograd.Conv{PadH: 1, PadW: 1}},
		{"3x3_valid", 1, 5, 6, 2, 3, 3, 3, autograd.Conv{}},
		{"3x3_pad2", 1, 4, 5, 2, 3, 3, 3, autograd.Conv{PadH: 2, PadW: 2}},
		{"3x3_stride2", 2, 7, 9, 3, 4, 3, 3, autograd.Conv{PadH: 1, PadW: 1, Stride: 2}},
		{"3x3_stride2_valid", 1, 8, 9, 3, 4, 3, 3, autograd.Conv{Stride: 2}},
		{"1x7", 1, 4, 9, 3, 2, 1, 7, autograd.Conv{PadW: 3}},
		{"7x1", 1, 9, 4, 3, 2, 7, 1, autograd.Conv{PadH: 3}},
		{"5x5", 1, 6, 6, 2, 2, 5, 5, autograd.Conv{PadH: 2, PadW: 2}},
		{"pixel", 3, 1, 1, 4, 5, 3, 3, autograd.Conv{PadH: 1, PadW: 1}},
		{"scaled", 2, 3, 4, 5, 6, 3, 3, autograd.Conv{PadH: 1, PadW: 1, Scale: 0.7}},
	} {
		s := kernels.ConvShape{N: c.n, H: c.h, W: c.w, I: c.i, O: c.o, KH: c.kh, KW: c.kw, Stride: max(1, c.c.Stride), PadH: c.c.PadH, PadW: c.c.PadW}.Out()
		x, w, b, r := normal(c.n, c.h, c.w, c.i), normal(c.kh, c.kw, c.i, c.o), normal(c.o), normal(s.N, s.OH, s.OW, s.O)
		add("conv_"+c.name, func(x []*Var) *Var { return autograd.Conv2D(x[0], x[1], x[2], c.c) }, x, w, b)
		add("conv_"+c.name+"_nobias", func(x []*Var) *Var { return autograd.Conv2D(x[0], x[1], nil, c.c) }, x, w)
		add("conv_"+c.name+"_residual", func(x []*Var) *Var {
			cc := c.c
			cc.Residual = x[3]
			return autograd.Conv2D(x[0], x[1], x[2], cc)
		}, x, w, b, r)
		// With a bias that drowns everything else, positive for every other channel, no unit passes its kink.
		far := input{[]int{c.o}, func(_ *rand.Rand, i int) float64 {
			return []float64{1, -1}[i%2] * (20 + 8*math.Sqrt(float64(c.kh*c.kw*c.i)))
		}}
		add("conv_"+c.name+"_relu_residual", func(x []*Var) *Var {
			cc := c.c
			cc.ReLU, cc.Residual, cc.Scale = true, x[3], 0.5
			return autograd.Conv2D(x[0], x[1], x[2], cc)
		}, x, w, far, r)
	}
	add("linear", func(x []*Var) *Var { return autograd.Linear(x[0], x[1], x[2]) }, normal(5, 13), normal(13, 17), normal(17))
	add("linear_nobias", func(x []*Var) *Var { return autograd.Linear(x[0], x[1], nil) }, normal(5, 13), normal(13, 17))
	add("linear_1", func(x []*Var) *Var { return autograd.Linear(x[0], x[1], x[2]) }, normal(1, 1), normal(1, 1), normal(1))
	for _, c := range []struct{ channels, groups int }{{20, 5}, {12, 3}, {64, 32}, {7, 7}, {6, 1}} {
		for _, silu := range []bool{false, true} {
			norm := autograd.Norm{Groups: c.groups, Eps: 1e-5, SiLU: silu}
			name := fmt.Sprintf("groupnorm_%d_%d_silu=%v", c.channels, c.groups, silu)
			x, w, b := normal(2, 3, 5, c.channels), normal(c.channels), normal(c.channels)
			add(name, func(x []*Var) *Var { return autograd.GroupNorm(x[0], x[1], x[2], norm) }, x, w, b)
			add(name+"_add", func(x []*Var) *Var {
				m := norm
				m.Add = x[3]
				return autograd.GroupNorm(x[0], x[1], x[2], m)
			}, x, w, b, normal(2, c.channels))
			add(name+"_scaleshift", func(x []*Var) *Var {
				m := norm
				m.ScaleShift = x[3]
				return autograd.GroupNorm(x[0], x[1], x[2], m)
			}, x, w, b, normal(2, 2*c.channels))
			add(name+"_add_scaleshift", func(x []*Var) *Var {
				m := norm
				m.Add, m.ScaleShift = x[3], x[4]
				return autograd.GroupNorm(x[0], x[1], x[2], m)
			}, x, w, b, normal(2, c.channels), normal(2, 2*c.channels))
		}
	}
	for _, c := range []struct{ n, h, w, heads, dim int }{{2, 3, 5, 1, 4}, {1, 4, 4, 3, 5}, {2, 1, 1, 2, 3}, {1, 7, 5, 2, 64}, {1, 6, 6, 1, 20}} {
		add(fmt.Sprintf("attention_%dx%d_%dx%d", c.h, c.w, c.heads, c.dim), func(x []*Var) *Var { return autograd.Attention(x[0], c.heads) },
			normal(c.n, c.h, c.w, 3*c.heads*c.dim))
	}
	add("silu", func(x []*Var) *Var { return autograd.SiLU(x[0]) }, normal(3, 37))
	for _, first := range []bool{false, true} {
		add(fmt.Sprintf("embedding_%v", first), func(x []*Var) *Var {
			return autograd.Embedding(x[0], constant(x[0].Device(), 1, 0.5, 0.3, 0.1, 0.01), first)
		}, normal(5))
	}

	// images
	add("concat", func(x []*Var) *Var { return autograd.Concat(x[0], x[1]) }, normal(2, 3, 5, 4), normal(2, 3, 5, 7))
	add("concat_three", func(x []*Var) *Var { return autograd.Concat(x[0], x[1], x[0]) }, normal(2, 3, 5, 4), normal(2, 3, 5, 7))
	add("concat_self", func(x []*Var) *Var { return autograd.Concat(autograd.Concat(x[0], x[0]), x[0]) }, normal(2, 3, 5, 1))
	for _, taps := range [][]float32{{1, 1}, {1, 3, 3, 1}} {
		for _, pad := range []int{0, 1} {
			f := autograd.Filter{Taps: taps, Pad: pad}
			name := fmt.Sprintf("filter_%d_pad%d", len(taps), pad)
			for _, s := range [][2]int{{8, 6}, {7, 9}} {
				size := fmt.Sprintf("_%dx%d", s[0], s[1])
				add(name+"_down"+size, func(x []*Var) *Var { return f.Down(x[0]) }, normal(2, s[0], s[1], 3))
				add(name+"_up"+size, func(x []*Var) *Var { return f.Up(x[0]) }, normal(2, s[0], s[1], 3))
			}
		}
	}
	for _, s := range [][2]int{{8, 6}, {7, 9}, {2, 3}} {
		size := fmt.Sprintf("_%dx%d", s[0], s[1])
		add("avgpool"+size, func(x []*Var) *Var { return autograd.AvgPool2D(x[0]) }, normal(2, s[0], s[1], 3))
		// Distinct multiples of ½ in random order: no step changes which is the largest.
		steps := rand.New(rand.NewPCG(1, uint64(s[0]))).Perm(2 * s[0] * s[1] * 3)
		add("maxpool"+size, func(x []*Var) *Var { return autograd.MaxPool2D(x[0]) },
			input{[]int{2, s[0], s[1], 3}, func(_ *rand.Rand, i int) float64 { return float64(steps[i]) / 2 }})
	}
	for _, p := range []autograd.Pool{{Kernel: 3, Stride: 1, Pad: 1}, {Kernel: 3, Stride: 2}, {Kernel: 2, Stride: 1, Pad: 1}} {
		name := fmt.Sprintf("_%d_%d_%d", p.Kernel, p.Stride, p.Pad)
		add("avgpool"+name, func(x []*Var) *Var { return autograd.Pool2D(x[0], p) }, normal(2, 5, 7, 3))
		steps, p := rand.New(rand.NewPCG(2, 1)).Perm(2*5*7*3), p
		p.Max = true
		add("maxpool"+name, func(x []*Var) *Var { return autograd.Pool2D(x[0], p) },
			input{[]int{2, 5, 7, 3}, func(_ *rand.Rand, i int) float64 { return float64(steps[i]) / 2 }})
	}
	add("mean_pixels", func(x []*Var) *Var { return autograd.MeanPixels(x[0]) }, normal(2, 5, 3, 7))
	for _, s := range [][4]int{{4, 5, 9, 11}, {3, 3, 21, 7}, {9, 13, 4, 5}, {1, 1, 3, 2}} {
		add(fmt.Sprintf("bilinear_%dx%d_%dx%d", s[0], s[1], s[2], s[3]), func(x []*Var) *Var { return autograd.Bilinear(x[0], s[2], s[3]) },
			normal(2, s[0], s[1], 3))
		add(fmt.Sprintf("bilinear_topleft_%dx%d_%dx%d", s[0], s[1], s[2], s[3]),
			func(x []*Var) *Var { return autograd.BilinearTopLeft(x[0], s[2], s[3]) }, normal(2, s[0], s[1], 3))
	}
	add("reshape", func(x []*Var) *Var { return autograd.Reshape(x[0], 6, 5) }, normal(2, 3, 5))
	add("cast_same", func(x []*Var) *Var { return autograd.Cast(x[0], kernels.F32).Scale(2) }, normal(2, 3))

	// losses
	add("cross_entropy", func(x []*Var) *Var { return autograd.CrossEntropy(x[0], []int{2, 0, 6}) }, normal(3, 7))
	add("sample_l2", func(x []*Var) *Var { return autograd.SampleL2(x[0], x[1]) }, normal(3, 4, 5), normal(3, 4, 5))
	apart := func(at float64) input { // x near 10 or −10, y near 0
		return input{[]int{3, 4, 5}, func(r *rand.Rand, i int) float64 { return at*float64(1-i%2*2) + r.NormFloat64() }}
	}
	add("sample_l1", func(x []*Var) *Var { return autograd.SampleL1(x[0], x[1]) }, apart(10), apart(0))
	add("lpips_layer", func(x []*Var) *Var {
		return autograd.LPIPSLayer(x[0], x[1], constant(x[0].Device(), 0.5, 1, 2, 0.25, 3))
	}, normal(2, 3, 5, 5), normal(2, 3, 5, 5))

	// graphs
	add("twice", func(x []*Var) *Var { return x[0].Add(x[0]) }, normal(7))
	add("diamond", func(x []*Var) *Var {
		s := autograd.SiLU(x[0])
		return s.Mul(x[0]).Add(s.Scale(2)).Sub(x[0].Mul(x[1]))
	}, normal(7), normal(7))
	for _, after := range []bool{false, true} { // the norm's gradient is computed last, with the others' added to it, or first
		add(fmt.Sprintf("groupnorm_among_others_%v", after), func(x []*Var) *Var {
			h := x[0].Mul(x[0]) // no leaf
			n := func() *Var { return autograd.GroupNorm(h, x[1], x[2], autograd.Norm{Groups: 4, Eps: 1e-5, SiLU: true}) }
			var y *Var
			if !after {
				y = n()
			}
			sum := autograd.Axpby(0.5, autograd.Concat(x[3], h), 1, autograd.Concat(h, x[3]))
			if after {
				y = n()
			}
			return autograd.Concat(sum, y.Add(h.Scale(0.7)))
		}, normal(2, 3, 5, 16), normal(16), normal(16), normal(2, 3, 5, 8))
	}
	add("conv_before_groupnorm_add", func(x []*Var) *Var { // the bias's gradient is made of the norm's sums
		h := autograd.Conv2D(x[0], x[1], x[2], autograd.Conv{PadH: 1, PadW: 1, Scale: 0.7})
		return autograd.GroupNorm(h, x[3], x[4], autograd.Norm{Groups: 2, Eps: 1e-5, SiLU: true, Add: x[5]})
	}, normal(2, 3, 5, 4), normal(3, 3, 4, 8), normal(8), normal(8), normal(8), normal(2, 8))
	add("checkpoint", func(x []*Var) *Var {
		return autograd.Checkpoint(func(in ...*Var) *Var { return autograd.SiLU(in[0].Mul(in[1])).Add(in[0]) }, x...).Mul(x[0])
	}, normal(7), normal(7))
	add("checkpoint_same", func(x []*Var) *Var {
		y := autograd.Checkpoint(func(in ...*Var) *Var { return autograd.SiLU(in[0].Mul(in[1])).Mul(x[0]) }, x[0], x[0])
		return y.Add(x[0])
	}, normal(7))
	add("checkpoint_captures", func(x []*Var) *Var { // x[1] is no input of the checkpoint
		return autograd.Checkpoint(func(in ...*Var) *Var { return autograd.SiLU(in[0].Mul(x[1])) }, x[0])
	}, normal(7), normal(7))
	add("checkpoint_nested", func(x []*Var) *Var {
		return autograd.Checkpoint(func(in ...*Var) *Var {
			inner := autograd.Checkpoint(func(in ...*Var) *Var { return autograd.SiLU(in[0]).Mul(x[1]) }, in[0].Scale(2))
			return inner.Mul(in[0]).Add(in[1])
		}, x[0], x[1])
	}, normal(7), normal(7))
	return cs
}

func size(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

func normals(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func product(a, b []float32) (s float64) {
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

func length(a []float32) float64 { return math.Sqrt(product(a, a)) }
