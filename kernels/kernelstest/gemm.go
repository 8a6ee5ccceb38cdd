package kernelstest

import "onestep/kernels"

// GEMM draws arguments of [kernels.GEMM] with sizes up to those given.
func GEMM(maxM, maxN, maxK int) func(*Rand) kernels.GEMMArgs {
	return func(r *Rand) kernels.GEMMArgs {
		m, n, k := r.Size(maxM), r.Size(maxN), r.Size(maxK)
		if r.Bool() {
			n = (n + 15) / 16 * 16
		}
		a := kernels.GEMMArgs{M: m, N: n, K: k, TransA: r.Bool(), TransB: r.Bool()}
		rowsA, rowsB := m, k
		a.LDA, a.LDB, a.LDC = k, n, n
		if a.TransA {
			rowsA, a.LDA = k, m
		}
		if a.TransB {
			rowsB, a.LDB = n, k
		}
		a.LDA += Pick(r, 0, 3)
		a.LDB += Pick(r, 0, 5)
		a.LDC += Pick(r, 0, 0, 9)
		a.A, a.B, a.C = r.In(rowsA*a.LDA), r.In(rowsB*a.LDB), r.Out(m*a.LDC)
		a.Bias = r.Maybe(r.In(n))
		r.Sum(k + 1)
		return a
	}
}
