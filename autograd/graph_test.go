package autograd_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

func init() {
	gradientCase("twice", func(x []*Var) *Var { return x[0].Add(x[0]) }, normal(7))
	gradientCase("diamond", func(x []*Var) *Var {
		s := autograd.SiLU(x[0])
		return s.Mul(x[0]).Add(s.Scale(2)).Sub(x[0].Mul(x[1]))
	}, normal(7), normal(7))
}

func vector(d *tensor.Device, x ...float32) *tensor.Tensor { return d.FromFloat32(x, len(x)) }

func expect(t *testing.T, what string, got *tensor.Tensor, want ...float32) {
	t.Helper()
	if got == nil {
		t.Errorf("%s is missing, want %v", what, want)
	} else if x := got.Float32s(); !slices.Equal(x, want) {
		t.Errorf("%s is %v, want %v", what, x, want)
	}
}

// Gradients of several backward passes add up until ZeroGrad, and neither the upstream gradient nor an earlier gradient that somebody
// holds changes on the way.
func TestGradientsAddUp(t *testing.T) {
	d := device(t, kernels.Generic)
	x, dy := autograd.Param(vector(d, 1, 2)), vector(d, 10, 20)
	pass := func() { autograd.Backward(autograd.Scope(d, func() *Var { return x.Add(x) }), dy) }
	pass()
	expect(t, "gradient", x.Grad, 20, 40)
	held := x.Grad.Retain()
	pass()
	expect(t, "gradient after two passes", x.Grad, 40, 80)
	expect(t, "gradient held since the first", held, 20, 40)
	expect(t, "upstream gradient", dy, 10, 20)
	x.ZeroGrad()
	pass()
	expect(t, "gradient after ZeroGrad", x.Grad, 20, 40)
}

// The gradient at a result that is itself a parameter is the upstream one, and is not changed by later passes.
func TestBackwardOfParameter(t *testing.T) {
	d := device(t, kernels.Generic)
	x, dy := autograd.Param(vector(d, 1)), vector(d, 3)
	autograd.Backward(x, dy)
	autograd.Backward(x, dy)
	expect(t, "gradient", x.Grad, 6)
	expect(t, "upstream gradient", dy, 3)
}

func TestStopGrad(t *testing.T) {
	d := device(t, kernels.Generic)
	x := autograd.Param(vector(d, 2, 3))
	y := x.Mul(autograd.StopGrad(x))
	autograd.Backward(y, vector(d, 1, 1))
	expect(t, "value", y.Value, 4, 9)
	expect(t, "gradient", x.Grad, 2, 3)
	if autograd.StopGrad(x).NeedsGrad() {
		t.Error("StopGrad passes gradients")
	}
}

// Nothing is recorded below constants, frozen parameters or inside NoGrad; a backward pass there does nothing.
func TestNothingRecorded(t *testing.T) {
	d := device(t, kernels.Generic)
	x := autograd.Param(vector(d, 2, 3))
	var y *Var
	d.NoGrad(func() {
		d.NoGrad(func() {})
		y = autograd.SiLU(x)
	})
	frozen := autograd.Param(vector(d, 2, 3))
	frozen.Grad = vector(d, 1, 1)
	frozen.Freeze()
	for _, y := range []*Var{y, autograd.SiLU(autograd.Const(x.Value)), autograd.SiLU(frozen)} {
		if y.NeedsGrad() {
			t.Error("recorded")
		}
		autograd.Backward(y, vector(d, 1, 1))
	}
	if x.Grad != nil || frozen.Grad != nil {
		t.Error("a gradient arrived")
	}
	if !autograd.SiLU(x).NeedsGrad() {
		t.Error("not recorded after NoGrad")
	}
}

func TestBackwardShape(t *testing.T) {
	d := device(t, kernels.Generic)
	defer func() {
		if _, ok := recover().(error); !ok {
			t.Error("no error for a gradient of another shape")
		}
	}()
	autograd.Backward(autograd.Param(vector(d, 1, 2)), vector(d, 1, 2, 3))
}

// chain is a deep function with large intermediate values.
func chain(x *Var, w []*Var) *Var {
	for _, w := range w {
		x = autograd.SiLU(x.Mul(w)).Add(x)
	}
	return x
}

// A recomputed function gives the same bits with less memory, also inside another one.
func TestRecompute(t *testing.T) {
	const n, depth = 1 << 14, 12
	type result struct {
		y, dx []float32
		dw    [][]float32
		peak  int64
	}
	run := func(f func(x *Var, w []*Var) *Var) (out result) {
		d := device(t, kernels.Generic)
		r := rand.New(rand.NewPCG(1, 2))
		x := autograd.Param(d.FromFloat32(normals(r, n), n))
		var w []*Var
		for range depth {
			w = append(w, autograd.Param(d.FromFloat32(normals(r, n), n)))
		}
		dy := d.FromFloat32(normals(r, n), n)
		start, _ := d.Memory()
		y := autograd.Scope(d, func() *Var { return f(x, w) })
		out.y = y.Value.Float32s()
		autograd.Backward(y, dy)
		y.Value.Release()
		_, out.peak = d.Memory()
		out.dx = x.Grad.Float32s()
		for _, w := range w {
			out.dw = append(out.dw, w.Grad.Float32s())
			w.ZeroGrad()
		}
		x.ZeroGrad()
		if now, _ := d.Memory(); now != start {
			t.Errorf("%d bytes left in memory", now-start)
		}
		return out
	}
	recomputed := func(part int) func(x *Var, w []*Var) *Var {
		return func(x *Var, w []*Var) *Var {
			for i := 0; i < len(w); i += part {
				x = autograd.Recompute(func(in ...*Var) *Var { return chain(in[0], w[i:i+part]) }, x)
			}
			return x
		}
	}
	plain := run(chain)
	parts := run(recomputed(4))
	nested := run(func(x *Var, w []*Var) *Var {
		for i := 0; i < len(w); i += 6 {
			x = autograd.Recompute(func(in ...*Var) *Var { return recomputed(2)(in[0], w[i:i+6]) }, x)
		}
		return x
	})
	for name, got := range map[string]result{"in parts": parts, "nested": nested} {
		if !slices.Equal(got.y, plain.y) || !slices.Equal(got.dx, plain.dx) {
			t.Errorf("%s: value or gradient differs", name)
		}
		for i := range plain.dw {
			if !slices.Equal(got.dw[i], plain.dw[i]) {
				t.Errorf("%s: gradient at parameter %d differs", name, i)
			}
		}
		if got.peak >= plain.peak {
			t.Errorf("%s: peak of %d bytes, without recomputation %d", name, got.peak, plain.peak)
		}
	}
}

// A gradient through half precision is that of the rounded numbers, rounded: 2⁻¹¹ relative at each of a few steps.
func TestHalf(t *testing.T) {
	for _, isa := range kernels.ISAs() {
		d := device(t, isa)
		r := rand.New(rand.NewPCG(3, 4))
		const n, h, w, c, o = 2, 5, 7, 8, 12
		value := [][]float32{normals(r, n*h*w*c), normals(r, 9*c*o), normals(r, o), normals(r, o), normals(r, o), normals(r, n*o)}
		shape := [][]int{{n, h, w, c}, {3, 3, c, o}, {o}, {o}, {o}, {n, o}}
		dy := normals(r, n*h*w*o)
		grads := func(half bool) (y []float32, gs [][]float32) {
			var p []*Var
			for i := range value {
				p = append(p, autograd.Param(d.FromFloat32(value[i], shape[i]...)))
			}
			v := autograd.Scope(d, func() *Var {
				t := kernels.F32
				if half {
					t = kernels.F16
				}
				x := autograd.Conv2D(autograd.Cast(p[0], t), autograd.Cast(p[1], t), autograd.Cast(p[2], t), autograd.Conv{PadH: 1, PadW: 1})
				x = autograd.GroupNorm(x, p[3], p[4], autograd.Norm{Groups: 3, Eps: 1e-5, SiLU: true, Add: p[5]})
				return autograd.Cast(x, kernels.F32)
			})
			autograd.Backward(v, d.FromFloat32(dy, n, h, w, o))
			for _, p := range p {
				if p.Grad.DType() != kernels.F32 {
					t.Errorf("%v: gradient of type %v", isa, p.Grad.DType())
				}
				gs = append(gs, p.Grad.Float32s())
			}
			return v.Value.Float32s(), gs
		}
		y, gs := grads(false)
		yh, gsh := grads(true)
		const bound = 4.0 / (1 << 11)
		for i := range append(gs, y) {
			a, b := yh, y
			if i < len(gs) {
				a, b = gsh[i], gs[i]
			}
			diff := slices.Clone(a)
			for k := range diff {
				diff[k] -= b[k]
			}
			if e := length(diff) / length(b); !(e < bound) {
				t.Errorf("%v: relative distance %.2g of number %d, want at most %.2g", isa, e, i, bound)
			}
		}
	}
}
