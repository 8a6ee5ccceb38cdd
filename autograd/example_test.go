package autograd_test

import (
	"fmt"

	"onestep/autograd"
	"onestep/tensor"
)

// The gradient of a mean squared error at a weight and a bias.
func ExampleBackward() {
	d := tensor.CPU(1)
	x := autograd.Const(d.FromFloat32([]float32{1, 2, 3}, 3, 1))
	target := autograd.Const(d.FromFloat32([]float32{2, 4, 6}, 3, 1))
	w := autograd.Param(d.FromFloat32([]float32{1}, 1, 1))
	b := autograd.Param(d.FromFloat32([]float32{0}, 1))

	loss := autograd.Scope(d, func() *autograd.Var { // frees all that the backward pass does not need
		return autograd.SampleL2(autograd.Linear(x, w, b), target) // (w·x + b − target)² of each sample
	})
	third := d.FromFloat32([]float32{1. / 3, 1. / 3, 1. / 3}, 3)
	autograd.Backward(loss, third) // of the mean: Σ loss/3

	fmt.Println("loss of each sample", loss.Value.Float32s())
	fmt.Printf("at w %.4f, at b %.4f\n", w.Grad.Float32s(), b.Grad.Float32s())
	// Output:
	// loss of each sample [1 4 9]
	// at w [-9.3333], at b [-4.0000]
}

// Between its input and its result Recompute keeps nothing in memory: the backward pass computes it again. The gradient is the same.
func ExampleRecompute() {
	d := tensor.CPU(1)
	f := func(in ...*autograd.Var) *autograd.Var { return in[0].Mul(in[0]).Add(in[0]) } // x² + x
	for _, y := range []func(x *autograd.Var) *autograd.Var{
		func(x *autograd.Var) *autograd.Var { return f(x) },
		func(x *autograd.Var) *autograd.Var { return autograd.Recompute(f, x) },
	} {
		x := autograd.Param(d.FromFloat32([]float32{1, 2, 3}, 3))
		autograd.Backward(y(x), d.FromFloat32([]float32{1, 1, 1}, 3))
		fmt.Println(x.Grad.Float32s())
	}
	// Output:
	// [3 5 7]
	// [3 5 7]
}
