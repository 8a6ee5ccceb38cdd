//go:build amd64 && !purego

package cpu

import (
	"unsafe"

	"onestep/kernels"
)

func init() {
	kernels.Cast.Register(kernels.Impl[kernels.CastArgs]{Kind: "cpu", ISA: kernels.AVX2, Half: true, CPU: cast})
}

func cast(c *kernels.CPU, a kernels.CastArgs) {
	c.Blocks(a.N, func(_, lo, hi int) {
		y, x := a.Y.Slice(lo, hi), a.X.Slice(lo, hi)
		switch {
		case x.Type == kernels.F32 && y.Type == kernels.F32:
			copy(y.F32, x.F32)
		case x.Type == kernels.F16 && y.Type == kernels.F16:
			copy(y.F16, x.F16)
		case x.Type == kernels.F16:
			toFloat(y.F32, x.F16)
		default:
			toHalf(y.F16, x.F32)
		}
	})
}

// toFloat widens len(x) halves.
//
//go:noinline
func toFloat(y []float32, x []kernels.F16Bits) {
	n := len(x) &^ 7
	if n > 0 {
		widenAVX2(&y[0], (*uint16)(unsafe.Pointer(&x[0])), n)
	}
	for i := n; i < len(x); i++ {
		y[i] = x[i].Float32()
	}
}

// toHalf rounds len(x) numbers to halves.
//
//go:noinline
func toHalf(y []kernels.F16Bits, x []float32) {
	n := len(x) &^ 7
	if n > 0 {
		narrowAVX2((*uint16)(unsafe.Pointer(&y[0])), &x[0], n)
	}
	for i := n; i < len(x); i++ {
		y[i] = kernels.ToF16(x[i])
	}
}
