//go:build amd64 && !purego

package kernelstest

import "onestep/kernels"

// fmaTurn is the number of FLOP in one turn of fma.
func fmaTurn(isa kernels.ISA) int {
	switch isa {
	case kernels.AVX512:
		return 12 * 16 * 2
	case kernels.AVX2:
		return 12 * 8 * 2
	}
	return scalarTurn
}

//go:noinline
func fma(isa kernels.ISA, turns int) {
	switch isa {
	case kernels.AVX512:
		fmaAVX512(turns)
	case kernels.AVX2:
		fmaAVX2(turns)
	default:
		scalarFMA(turns)
	}
}
