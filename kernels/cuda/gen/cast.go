package main

import "onestep/kernels/cuda/ptx/build"

func init() { files["cast.ptx"] = cast }

func cast() *build.File {
	f := build.NewFile(`cast.ptx: y = x with another element type, rounded to nearest even.
Thread i has 4 elements, or one in kernels named _any, for buffers that start elsewhere. Copies within a type are copy_channels'.
Bytes an element: 6. Exact, but for which NaN a NaN becomes.`)
	for _, t := range [][]build.Type{{build.F32, build.F16}, {build.F16, build.F32}} {
		pointwise{name: typed("cast", t...), types: t, inputs: []string{"x"}, each: func(*point) func(int, [][]build.Reg) []build.Reg {
			return eachOne(func(x []build.Reg) build.Reg { return x[0] })
		}}.add(f)
	}
	return f
}
