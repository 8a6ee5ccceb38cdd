//go:build !amd64 || purego

package kernelstest

import "onestep/kernels"

func fmaTurn(kernels.ISA) int { return scalarTurn }

func fma(_ kernels.ISA, turns int) { scalarFMA(turns) }
