package autograd_test

import (
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

// gradient is a case of [TestGradients]: an operation with its inputs. Every input gets a gradient.
type gradient struct {
	name   string
	inputs []input
	f      func(x []*Var) *Var
	linear bool // f rounds too much for differences, but is linear: see linearCase
}

// gradients are all cases. The test file of each operation adds its own, and [TestGradientsComplete] tells if there is none.
var gradients []gradient

// gradientCase adds a case.
func gradientCase(name string, f func(x []*Var) *Var, inputs ...input) {
	gradients = append(gradients, gradient{name: name, inputs: inputs, f: f})
}

// linearCase adds a case of an operation that is linear, and exact for inputs and gradients that are halves, which they are. Its gradient is
// its adjoint:
//
//	Σ r·f(x) = Σ ∇φ·x
func linearCase(name string, f func(x []*Var) *Var, inputs ...input) {
	gradients = append(gradients, gradient{name: name, inputs: inputs, f: f, linear: true})
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
	for _, c := range gradients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(len(c.name)), 0x67726164))
			xs := c.draw(r)
			plain := device(t, kernels.Generic)
			y := c.value(plain, xs)
			upstream := normals(r, len(y))
			var dots [][]directional
			if c.linear {
				toHalves(upstream)
				dots = [][]directional{{{v: xs[0], want: product(upstream, y)}}}
			} else {
				dots = c.differences(plain, r, xs, upstream)
			}
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

// draw fills the inputs.
func (c gradient) draw(r *rand.Rand) [][]float32 {
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
		if c.linear {
			toHalves(xs[i])
		}
	}
	return xs
}

// toHalves rounds numbers to binary16.
func toHalves(x []float32) {
	for i, v := range x {
		x[i] = kernels.ToF16(v).Float32()
	}
}

// directional is the derivative in direction v, and how far off it may be.
type directional struct {
	v     []float32
	want  float64
	noise float64
}

// differences are the derivatives in two directions for each input.
func (c gradient) differences(d *tensor.Device, r *rand.Rand, xs [][]float32, upstream []float32) [][]directional {
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
func (c gradient) value(d *tensor.Device, xs [][]float32) []float32 {
	var y []float32
	d.Scope(func() []*tensor.Tensor {
		y = c.f(c.vars(d, xs, autograd.Const)).Value.Float32s()
		return nil
	})
	return y
}

func (c gradient) vars(d *tensor.Device, xs [][]float32, leaf func(*tensor.Tensor) *Var) []*Var {
	vs := make([]*Var, len(xs))
	for i, x := range xs {
		vs[i] = leaf(d.FromFloat32(x, c.inputs[i].shape...))
	}
	return vs
}

// gradients are those at all inputs. They must be the same, bit for bit, if only one input wants a gradient, if undefined memory is
// poisoned, and if they are added to what is there already (zero). Nothing may be left in memory.
func (c gradient) gradients(t *testing.T, d *tensor.Device, xs [][]float32, upstream []float32) [][]float32 {
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

func (c gradient) backward(t *testing.T, d *tensor.Device, xs [][]float32, upstream []float32, needs func(i int) bool) [][]float32 {
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
		v.Release()
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
