package main

import "onestep/kernels/cuda/ptx/build"

func init() { files["relu.ptx"] = relu }

func relu() *build.File {
	f := build.NewFile(`relu.ptx: the rectifier's gradient, dx = y > 0 ? dy : 0, where the zero is selected, not multiplied.
Thread i has the 16 bytes of elements from i*(16/size); kernels named _any have one element a thread, for buffers that start elsewhere.
Bytes an element: 3 times its size. Exact.`)
	for _, t := range []build.Type{build.F32, build.F16} {
		simple("relu_backward", []build.Type{t, t, t}, []string{"dy", "of"}, func(x []build.Reg) build.Reg { return x[1].Gt(0).Select(build.F32, x[0], 0) }).add(f)
	}
	return f
}
