package tensor_test

import (
	"fmt"

	"onestep/kernels"
	"onestep/tensor"
)

// Tensors that are made in a scope are freed with it, but for those that it returns.
func ExampleDevice_Scope() {
	d := tensor.CPU(1)
	before, _ := d.Memory()
	kept := d.Scope(func() []*tensor.Tensor {
		x := d.FromFloat32([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
		y := x.NewLike()
		kernels.Mul.Run(d, kernels.MulArgs{Y: y.Buf(), X: x.Buf(), Z: x.Buf(), N: x.Len()})
		return []*tensor.Tensor{y}
	})
	y := kept[0]
	fmt.Println(y.Shape(), y.Float32s())
	y.Release()
	after, _ := d.Memory()
	fmt.Println(after - before)
	// Output:
	// [2 3] [1 4 9 16 25 36]
	// 0
}

// A draw is a function of the seed and of its address: a sample has the same noise alone and in a batch, on every device and at every time.
func ExampleRandom() {
	r := tensor.Random{Seed: 1}
	const step = 10
	batch := make([][]float32, 4)
	for sample := range batch {
		batch[sample] = make([]float32, 3)
		r.Normal(batch[sample], tensor.Noise, step, uint64(sample))
	}
	alone := make([]float32, 3)
	r.Normal(alone, tensor.Noise, step, 2)
	fmt.Println(alone[0] == batch[2][0], alone[1] == batch[2][1], alone[0] == batch[3][0])
	fmt.Println(r.Perm(5, tensor.Data, step))
	// Output:
	// true true false
	// [3 4 0 1 2]
}

// A program is the same operations every time, with other inputs. A GPU replays it as one graph.
func ExampleDevice_Program() {
	d := tensor.CPU(1)
	y := d.New(kernels.F32, 1)
	step := 0
	p := d.Program(func() {
		d.Scope(func() []*tensor.Tensor {
			x := d.Input(func(dst []float32) { dst[0] = float32(step) }, 1)
			kernels.Axpby.Run(d, kernels.AxpbyArgs{Y: y.Buf(), X: x.Buf(), A: 2, N: 1}) // y = 2·x
			return nil
		})
	})
	defer p.Release()
	for step = range 3 {
		p.Run()
		fmt.Println(y.Later().Float32s())
	}
	// Output:
	// [0]
	// [2]
	// [4]
}
