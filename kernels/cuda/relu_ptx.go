package cuda

import "onestep/kernels/cuda/asm"

var reluPTX = &family{name: "relu", part: "LPIPS beside its convolutions", about: `
the rectifier's gradient, dx = y > 0 ? dy : 0, where the zero is selected, not multiplied.
Thread i has the 16 bytes of elements from i*(16/size); kernels named _any have one element a thread, for buffers that start elsewhere.
Bytes an element: 3 times its size. Exact.`}

var reluBackwardKernels = pointwise{of: reluPTX, name: "relu_backward", inputs: []string{"dy", "of"}, each: func(*point) eachPoint {
	return eachOne(func(x []asm.Reg) asm.Reg { return x[1].Gt(0).Select(asm.F32, x[0], 0) })
}}

func init() {
	reluPTX.all(func(add func(*Kernel)) {
		for _, t := range floats {
			reluBackwardKernels.add(add, t, t, t)
		}
	})
}
