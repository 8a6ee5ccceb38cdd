package cuda

import "onestep/kernels/cuda/asm"

var castPTX = &family{name: "cast", part: "casts", about: `
y = x with another element type, rounded to nearest even.
Thread i has 4 elements, or one in kernels named _any, for buffers that start elsewhere. Copies within a type are copy_channels'.
Bytes an element: 6. Exact, but for which NaN a NaN becomes.`}

var castKernels = pointwise{of: castPTX, name: "cast", inputs: []string{"x"}, each: func(*point) eachPoint {
	return eachOne(func(x []asm.Reg) asm.Reg { return x[0] })
}}

func init() {
	castPTX.all(func(add func(*Kernel)) {
		castKernels.add(add, asm.F32, asm.F16)
		castKernels.add(add, asm.F16, asm.F32)
	})
}
