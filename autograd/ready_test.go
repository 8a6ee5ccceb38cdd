package autograd_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

// Every parameter is handed out once, with the gradient that Backward gives it, and those of the last layers before the pass comes to the
// first: in whatever way recomputed functions capture them, and if they are used more than once. Handed out too early, a gradient would be added to,
// which panics.
func TestBackwardReady(t *testing.T) {
	const n, depth = 8, 6
	part := func(lo, hi int) func(x *Var, w []*Var) *Var {
		return func(x *Var, w []*Var) *Var {
			return autograd.Recompute(func(in ...*Var) *Var { return chain(in[0], w[lo:hi]) }, x)
		}
	}
	for name, c := range map[string]struct {
		f     func(x *Var, w []*Var) *Var
		order []int // of parameters, in groups that are handed out at once; 6 is x, 7 is not used
		sizes []int
	}{
		"plain": {chain, []int{7, 5, 4, 3, 2, 1, 0, 6}, []int{1, 1, 1, 1, 1, 1, 2}},
		"twice": {func(x *Var, w []*Var) *Var { return chain(chain(x, w[:3]), w) }, []int{7, 5, 4, 3, 2, 1, 0, 6}, []int{1, 1, 1, 1, 1, 1, 2}},
		"in parts": {
			func(x *Var, w []*Var) *Var { return part(3, 6)(part(0, 3)(x, w), w) },
			[]int{7, 3, 4, 5, 0, 1, 2, 6}, []int{1, 3, 4},
		},
		"captured twice": {
			func(x *Var, w []*Var) *Var { return part(2, 6)(part(0, 4)(x, w), w) },
			[]int{7, 4, 5, 0, 1, 2, 3, 6}, []int{1, 2, 5},
		},
		"plain and captured": {
			func(x *Var, w []*Var) *Var { return chain(part(0, 4)(x, w), w[2:]) },
			[]int{7, 5, 4, 0, 1, 2, 3, 6}, []int{1, 1, 1, 5},
		},
		"nested": {
			func(x *Var, w []*Var) *Var {
				half := func(lo int) *Var {
					return autograd.Recompute(func(in ...*Var) *Var { return part(lo+1, lo+3)(part(lo, lo+1)(in[0], w), w) }, x)
				}
				x = half(0)
				return half(3)
			},
			[]int{7, 3, 4, 5, 0, 1, 2, 6}, []int{1, 3, 4},
		},
		"taken and captured": {
			func(x *Var, w []*Var) *Var {
				x = chain(x, w[:4])
				return autograd.Recompute(func(in ...*Var) *Var { return chain(in[0].Mul(in[1]), w[3:]) }, x, w[4])
			},
			[]int{7, 4, 5, 3, 2, 1, 0, 6}, []int{1, 2, 1, 1, 1, 2},
		},
		"cast": {
			func(x *Var, w []*Var) *Var {
				for _, w := range w {
					x = autograd.Recompute(func(in ...*Var) *Var { return in[0].Mul(autograd.Cast(autograd.Cast(w, kernels.F16), kernels.F32)) }, x)
				}
				return x
			},
			[]int{7, 5, 4, 3, 2, 1, 0, 6}, []int{1, 1, 1, 1, 1, 1, 2},
		},
		"nothing": {func(x *Var, w []*Var) *Var { return autograd.Const(x.Value) }, []int{0, 1, 2, 3, 4, 5, 6, 7}, []int{8}},
	} {
		run := func(backward func(y *Var, dy *tensor.Tensor, params []*Var)) (grads []*tensor.Tensor) {
			d := device(t, kernels.Generic)
			r := rand.New(rand.NewPCG(1, 2))
			var params []*Var
			for range depth + 2 {
				params = append(params, autograd.Param(d.FromFloat32(normals(r, n), n)))
			}
			dy := d.FromFloat32(normals(r, n), n)
			for range 2 { // what is there from an earlier pass is part of it
				backward(autograd.Scope(d, func() *Var { return c.f(params[depth], params[:depth]) }), dy, params)
			}
			for _, p := range params {
				grads = append(grads, p.Grad)
			}
			return grads
		}
		want := run(func(y *Var, dy *tensor.Tensor, _ []*Var) { autograd.Backward(y, dy) })
		pass, order := 0, []int(nil)
		got := run(func(y *Var, dy *tensor.Tensor, params []*Var) {
			if pass++; pass == 1 {
				autograd.Backward(y, dy)
				return
			}
			autograd.BackwardReady(y, dy, params, func(x *Var) {
				i := slices.Index(params, x)
				order = append(order, i)
				if x.Grad == nil {
					return
				}
				if x.Grad.Shared() {
					t.Errorf("%s: parameter %d is handed out with a gradient that others hold", name, i)
				}
				if !slices.Equal(x.Grad.Float32s(), want[i].Float32s()) {
					t.Errorf("%s: parameter %d is handed out with another gradient", name, i)
				}
			})
		})
		for i := range want {
			if (got[i] == nil) != (want[i] == nil) || got[i] != nil && !slices.Equal(got[i].Float32s(), want[i].Float32s()) {
				t.Errorf("%s: gradient at parameter %d differs", name, i)
			}
		}
		at := 0
		for _, size := range c.sizes {
			if len(order) >= at+size {
				slices.Sort(order[at : at+size])
				slices.Sort(c.order[at : at+size])
			}
			at += size
		}
		if !slices.Equal(order, c.order) {
			t.Errorf("%s: parameters are handed out in the order %v, want %v", name, order, c.order)
		}
	}
}

// What was handed out stays as it is: more is an error, until ZeroGrad.
func TestHandedOut(t *testing.T) {
	d := device(t, kernels.Generic)
	x, dy := autograd.Param(vector(d, 1, 2)), vector(d, 10, 20)
	double := func() *Var { return autograd.Scope(d, func() *Var { return x.Add(x) }) }
	autograd.BackwardReady(double(), dy, []*Var{x}, func(*Var) {})
	expect(t, "gradient", x.Grad, 20, 40)
	func() {
		defer func() {
			if err, ok := recover().(error); !ok || !strings.Contains(err.Error(), "after it was handed out") {
				t.Errorf("a later pass: %v", err)
			}
		}()
		autograd.Backward(double(), dy)
	}()
	x.ZeroGrad()
	autograd.Backward(double(), dy)
	expect(t, "gradient after ZeroGrad", x.Grad, 20, 40)

	// A result that is a parameter has the upstream gradient, and a copy of it to give away.
	x.ZeroGrad()
	autograd.BackwardReady(x, dy, []*Var{x}, func(x *Var) {
		if x.Grad.CopyFrom([]float32{0, 0}); x.Grad == dy {
			t.Error("the upstream gradient is handed out")
		}
	})
	expect(t, "upstream gradient", dy, 10, 20)
}
